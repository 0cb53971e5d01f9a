//! Checks how a Redis server is set up, and advises what to improve.

use fred::interfaces::ClientLike;
use fred::types::{CustomCommand, InfoKind};

use super::RedisCache;

/// Keys sampled to find those of other programs.
const SAMPLE: &str = "1000";

impl RedisCache {
    /// What an operator may want to change about the server, each as a sentence. Empty when the server does not answer or
    /// refuses the question.
    pub async fn advice(&self) -> Vec<&'static str> {
        let client = self.client.with_options(&self.options());
        let memory: Result<String, _> = self
            .within(Box::pin(client.info(Some(InfoKind::Memory))))
            .await;
        let scan = CustomCommand::new_static("SCAN", None, false);
        let page: Result<(String, Vec<String>), _> = self
            .within(Box::pin(client.custom(scan, vec!["0", "COUNT", SAMPLE])))
            .await;
        let memory = memory.ok().and_then(|info| judge_memory(&info));
        let foreign =
            page.is_ok_and(|(_, keys)| keys.iter().any(|key| !key.starts_with("sidgate:")));
        let foreign = foreign
            .then_some("the database also holds keys of other programs, which may evict ours");
        memory.into_iter().chain(foreign).collect()
    }
}

fn judge_memory(info: &str) -> Option<&'static str> {
    let value = |name: &str| {
        let mut values = info
            .lines()
            .filter_map(|line| line.trim().strip_prefix(name));
        values.next()
    };
    match (value("maxmemory:")?, value("maxmemory_policy:")?) {
        ("0", _) => Some("the server has no maxmemory, so it may take all memory of its machine"),
        (_, "noeviction") => {
            Some("a full server will refuse new sessions; set maxmemory-policy volatile-lru")
        }
        _ => None,
    }
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
        assert!(judge("100", "noeviction").is_some_and(|line| line.contains("refuse")));
        assert_eq!(judge("100", "volatile-lru"), None);
        assert_eq!(judge_memory("-NOPERM"), None);
    }
}
