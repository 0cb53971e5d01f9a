//! What answers at the other end, and what we may do there. Asked for by operators; writes nothing.

use fred::error::Error as FredError;
use fred::interfaces::ClientLike;
use fred::types::{CustomCommand, InfoKind};

use super::{RedisCache, RedisDenied};
use crate::clock::Timestamp;

/// A Redis server, as far as it tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedisAbout {
    /// Its version.
    pub version: Option<String>,
    /// The user of its access list that we are.
    pub user: Option<String>,
    /// What a gateway needs and this user may not do, by server.
    pub denied: Vec<RedisDenied>,
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
            denied: self.denied().await,
            clock: time.map(|(seconds, micros)| {
                Timestamp::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
            }),
        }
    }

    async fn ask<T>(&self, call: impl Future<Output = Result<T, FredError>> + Send) -> Option<T> {
        self.within(Box::pin(call)).await.ok()
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
