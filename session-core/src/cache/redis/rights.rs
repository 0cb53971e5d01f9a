//! What the access list of each server lets us do. Asked for by operators; writes nothing and wakes nobody.

use std::collections::BTreeMap;

use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface, PubsubInterface};
use fred::types::config::{Options, Server};
use fred::types::{Expiration, Key, SetOptions};
use tokio::time;

use super::{RedisCache, fault, hints};
use crate::hint::HintError;
use crate::sid::SessionKey;

/// Keys that are tried to find one for each server of a cluster.
const TRIED_MAX: u16 = 4_096;

/// What one server keeps from our user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisDenied {
    /// Which server, where there are several.
    pub server: Option<String>,
    /// Commands that it may not send.
    pub commands: Vec<&'static str>,
    /// Whether the keys are not its own.
    pub keys: bool,
    /// Whether the channel is not.
    pub channel: bool,
}

/// What an answer says that a user may not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denial {
    Command,
    Keys,
    Channel,
}

impl Denial {
    /// What the words of the server mean: `NOPERM this user has no permissions to access one of the channels used as arguments`.
    fn read(error: &Error) -> Option<Self> {
        let said = error.details().strip_prefix("NOPERM")?;
        Some(if said.contains(" channel") {
            Self::Channel
        } else if said.contains(" key") {
            Self::Keys
        } else {
            Self::Command
        })
    }
}

impl RedisDenied {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.commands.is_empty() && !self.keys && !self.channel
    }

    fn note(&mut self, command: &'static str, error: Option<&Error>) {
        match error.and_then(Denial::read) {
            Some(Denial::Command) => self.commands.push(command),
            Some(Denial::Keys) => self.keys = true,
            Some(Denial::Channel) => self.channel = true,
            None => {}
        }
    }
}

impl RedisCache {
    /// Tries what a gateway does at each server that takes commands, on keys that are not there. Those that keep something from
    /// us are in the answer.
    pub async fn denied(&self) -> Vec<RedisDenied> {
        let mut found = Vec::new();
        for (server, key) in self.a_key_for_each_server() {
            let denied = self.denied_at(server, &key).await;
            found.extend(Some(denied).filter(|denied| !denied.is_nothing()));
        }
        if found.is_empty() && self.hears_nothing().await {
            found.push(RedisDenied {
                commands: vec!["SUBSCRIBE"],
                ..RedisDenied::default()
            });
        }
        found
    }

    async fn denied_at(&self, server: Option<Server>, key: &str) -> RedisDenied {
        let client = self.client.with_options(&self.options());
        let here = Options {
            cluster_node: server.clone(),
            ..self.options()
        };
        let mut denied = RedisDenied {
            server: server.as_ref().map(fault::address),
            ..RedisDenied::default()
        };
        let read: Result<Option<Vec<u8>>, _> = self.raw(client.get(key)).await;
        denied.note("GET", read.err().as_ref());
        let only_if_there = Some(SetOptions::XX);
        let brief = Some(Expiration::PX(1));
        let set = client.set(key, "", brief, only_if_there, false);
        let written: Result<Option<String>, _> = self.raw(set).await;
        denied.note("SET", written.err().as_ref());
        let removed: Result<i64, _> = self.raw(client.unlink(key)).await;
        denied.note("UNLINK", removed.err().as_ref());
        let channel = self.prefix.channel();
        let speaker = self.client.with_options(&here);
        // Nodes that hear it take it for the test of another node.
        let said: Result<i64, _> = self
            .raw(speaker.publish(channel, hints::NOBODYS_TEST))
            .await;
        denied.note("PUBLISH", said.err().as_ref());
        denied
    }

    /// For each server of a cluster a key that it holds; for all else any key.
    fn a_key_for_each_server(&self) -> Vec<(Option<Server>, String)> {
        let names = (0..TRIED_MAX).map(|number| {
            let mut key = [0; 32];
            let [high, low] = number.to_be_bytes();
            (key[30], key[31]) = (high, low);
            self.prefix.key(&SessionKey::from_bytes(key))
        });
        if !self.client.is_clustered() {
            return names.take(1).map(|name| (None, name)).collect();
        }
        let owned = names.filter_map(|name| {
            let owner = Key::from(name.as_str()).cluster_owner(&self.client)?;
            Some((owner, name))
        });
        let owned: BTreeMap<Server, String> = owned.collect();
        owned
            .into_iter()
            .map(|(server, name)| (Some(server), name))
            .collect()
    }

    /// Whether our own messages do not reach us. The driver answers a subscription before the server has, so a refusal shows only as
    /// silence. A second try is for a message that is late.
    async fn hears_nothing(&self) -> bool {
        for _ in 0..2 {
            match Box::pin(hints::open(self)).await {
                Err(HintError::Swallowed) => {}
                Ok(_) | Err(HintError::Broken { .. }) => return false,
            }
        }
        true
    }

    /// With the error as the server has said it.
    async fn raw<T>(
        &self,
        call: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        match time::timeout(self.limits.command, Box::pin(call)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(Error::new(ErrorKind::Timeout, "no answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_server_say_what_is_missing() {
        for (said, meant) in [
            (
                "NOPERM this user has no permissions to run the 'get' command",
                Some(Denial::Command),
            ),
            (
                "NOPERM this user has no permissions to access one of the keys used as arguments",
                Some(Denial::Keys),
            ),
            ("NOPERM No permissions to access a key", Some(Denial::Keys)),
            (
                "NOPERM this user has no permissions to access one of the channels used as arguments",
                Some(Denial::Channel),
            ),
            (
                "NOPERM No permissions to access a channel",
                Some(Denial::Channel),
            ),
            ("OOM command not allowed", None),
        ] {
            let error = Error::new(ErrorKind::Unknown, said);
            assert_eq!(Denial::read(&error), meant, "{said}");
        }
    }
}
