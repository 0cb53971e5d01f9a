//! Checks how a Redis server is set up, and advises what to improve.

use fred::interfaces::ClientLike;
use fred::types::{CustomCommand, InfoKind};

use super::RedisCache;

/// Keys sampled to find those of other programs.
const SAMPLE: &str = "1000";

impl RedisCache {
    /// What an operator may want to change about the server, each as a sentence. Empty when the server does not answer or
    /// refuses the question.
    pub async fn advice(&self) -> Vec<String> {
        let client = self.client.with_options(&self.options());
        let memory: Result<String, _> = self
            .within(Box::pin(client.info(Some(InfoKind::Memory))))
            .await;
        let stats: Result<String, _> = self
            .within(Box::pin(client.info(Some(InfoKind::Stats))))
            .await;
        let memory = memory.ok().and_then(|info| judge_memory(&info));
        let evicted = stats.ok().and_then(|info| judge_evictions(&info));
        let foreign = self.has_foreign_keys().await.then(|| {
            "the database also holds keys of other programs, which may evict ours".to_owned()
        });
        memory.into_iter().chain(evicted).chain(foreign).collect()
    }

    /// Whether keys of other programs are in the way. With a prefix they are known to be there, and their names are not asked for.
    async fn has_foreign_keys(&self) -> bool {
        if !self.prefix.is_empty() {
            return false;
        }
        let client = self.client.with_options(&self.options());
        let scan = CustomCommand::new_static("SCAN", None, false);
        let page: Result<(String, Vec<String>), _> = self
            .within(Box::pin(client.custom(scan, vec!["0", "COUNT", SAMPLE])))
            .await;
        page.is_ok_and(|(_, keys)| keys.iter().any(|key| !self.prefix.is_ours(key)))
    }
}

/// The value of a line of `INFO`.
fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    let mut values = info
        .lines()
        .filter_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'));
    values.next()
}

fn judge_memory(info: &str) -> Option<String> {
    match (value(info, "maxmemory")?, value(info, "maxmemory_policy")?) {
        ("0", _) => {
            Some("the server has no maxmemory, so it may take all memory of its machine".to_owned())
        }
        (_, "noeviction") => Some(
            "maxmemory-policy noeviction: a full server takes no new values, so nodes read the store instead; set volatile-lru".to_owned(),
        ),
        // All of ours have an end, so there is always something to evict.
        (_, policy) if policy.starts_with("allkeys") => Some(format!(
            "maxmemory-policy {policy} evicts keys that were meant to stay; set volatile-lru"
        )),
        _ => None,
    }
}

fn judge_evictions(info: &str) -> Option<String> {
    let evicted: u64 = value(info, "evicted_keys")?.parse().ok()?;
    (evicted > 0).then(|| {
        format!("the server has evicted {evicted} keys since its start: it is too small for what it holds; raise maxmemory")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_needs_a_limit_and_a_way_to_keep_it() {
        let judge = |max: &str, policy: &str| {
            judge_memory(&format!(
                "# Memory\r\nmaxmemory:{max}\r\nmaxmemory_policy:{policy}\r\n"
            ))
        };
        assert!(judge("0", "noeviction").is_some_and(|line| line.contains("no maxmemory")));
        assert!(
            judge("100", "noeviction").is_some_and(|line| line.contains("takes no new values"))
        );
        assert!(judge("100", "allkeys-lru").is_some_and(|line| line.contains("allkeys-lru")));
        assert_eq!(judge("100", "volatile-lru"), None);
        assert_eq!(judge_memory("-NOPERM"), None);
    }

    #[test]
    fn a_server_that_evicts_is_too_small() {
        let judge = judge_evictions;
        assert!(judge("evicted_keys:7\r\n").is_some_and(|line| line.contains("7 keys")));
        assert_eq!(judge("evicted_keys:0\r\n"), None);
        assert_eq!(judge("-NOPERM"), None);
    }
}
