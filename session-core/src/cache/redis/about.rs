//! What answers at the other end, and what we may do there. Asked for by operators; writes nothing.

use fred::error::{Error as FredError, ErrorKind};
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::{CustomCommand, Expiration, InfoKind, SetOptions};

use super::{RedisCache, name};
use crate::clock::Timestamp;
use crate::sid::SessionKey;

/// The key that is asked about. No session has it.
const NOBODY: SessionKey = SessionKey::from_bytes([0; 32]);

/// A Redis server, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisAbout {
    /// Its version.
    pub version: Option<String>,
    /// The user of its access list that we are.
    pub user: Option<String>,
    /// Commands that a gateway needs and this user may not send.
    pub refused: Vec<&'static str>,
    /// Its clock.
    pub clock: Option<Timestamp>,
}

impl RedisCache {
    /// Asks the server about itself. What it refuses to say is left out.
    pub async fn about(&self) -> RedisAbout {
        let client = self.client.with_options(&self.options());
        let info: Option<String> = self.ask(client.info(Some(InfoKind::Server))).await;
        let whoami = CustomCommand::new_static("ACL", None, false);
        let user: Option<String> = self.ask(client.custom(whoami, vec!["WHOAMI"])).await;
        let time = CustomCommand::new_static("TIME", None, false);
        let none: Vec<String> = Vec::new();
        let time: Option<(i64, i64)> = self.ask(client.custom(time, none)).await;
        RedisAbout {
            version: info.as_deref().and_then(version),
            user,
            refused: self.refused().await,
            clock: time.map(|(seconds, micros)| {
                Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
            }),
        }
    }

    /// Tries what a gateway does with values, on a key that is not there: nothing is written.
    async fn refused(&self) -> Vec<&'static str> {
        let client = self.client.with_options(&self.options());
        let key = name(&NOBODY);
        let read: Result<Option<Vec<u8>>, _> = self.raw(client.get(&key)).await;
        let only_if_there = Some(SetOptions::XX);
        let brief = Some(Expiration::PX(1));
        let written: Result<Option<String>, _> = self
            .raw(client.set(&key, "", brief, only_if_there, false))
            .await;
        let removed: Result<i64, _> = self.raw(client.unlink(&key)).await;
        let answers = [
            ("GET", read.err()),
            ("SET", written.err()),
            ("UNLINK", removed.err()),
        ];
        let is_refused = |error: &FredError| error.details().starts_with("NOPERM");
        answers
            .into_iter()
            .filter(|(_, error)| error.as_ref().is_some_and(is_refused))
            .map(|(command, _)| command)
            .collect()
    }

    async fn ask<T>(&self, call: impl Future<Output = Result<T, FredError>> + Send) -> Option<T> {
        self.within(Box::pin(call)).await.ok()
    }

    /// With the error as the server has said it.
    async fn raw<T>(
        &self,
        call: impl Future<Output = Result<T, FredError>> + Send,
    ) -> Result<T, FredError> {
        match tokio::time::timeout(self.limits.command, Box::pin(call)).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(FredError::new(ErrorKind::Timeout, "no answer")),
        }
    }
}

fn version(info: &str) -> Option<String> {
    let lines = info.lines().map(str::trim);
    let mut versions = lines.filter_map(|line| line.strip_prefix("redis_version:"));
    versions.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_among_others() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\n";
        assert_eq!(version(info).as_deref(), Some("7.0.15"));
        assert_eq!(version("-NOPERM"), None);
    }
}
