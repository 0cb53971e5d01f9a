//! What the servers say that an operator may want to change, told once at the start.

use super::wiring::{REDIS_PATIENCE, Servers, may_migrate};
use crate::config::Config;

/// What an operator may want to change about the servers, one line each. Those that do not answer are not judged.
pub(super) async fn advice(config: &Config, servers: &Servers) -> Vec<String> {
    let mut lines = Vec::new();
    if let Ok(rights) = servers.store().rights().await {
        // The role that applies the schema must own it.
        let is_needless = |right: &&str| !may_migrate(config) || *right == "is a superuser";
        let rights = rights.needless.into_iter().filter(is_needless);
        lines.extend(
            rights.map(|right| format!("store.url: the role {right}, which no gateway needs")),
        );
    }
    if let Some(cache) = servers.redis()
        && cache.first_connection(REDIS_PATIENCE).await.is_ok()
    {
        let words = cache.advice().await;
        lines.extend(
            words
                .into_iter()
                .map(|line| format!("cache.redis_url: {line}")),
        );
    }
    lines
}
