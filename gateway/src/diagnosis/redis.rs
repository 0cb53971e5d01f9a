//! Redis: does it answer, as whom, and what does it do when it is full?

use std::collections::BTreeSet;
use std::time::Duration;

use session_core::cache::SharedCache as _;
use session_core::cache::redis::{RedisAbout, RedisCache, RedisDenied};
use session_core::clock::{Clock as _, SystemClock};
use session_core::hint::HintError;

use super::Depth;
use super::clock;
use super::finding::{Finding, Question, Topic};
use crate::config::{CacheConfig, Config};
use crate::run::shared_cache;

/// Longest wait for the first connection.
const PATIENCE: Duration = Duration::from_secs(3);
const EVICTION: &str = "give it maxmemory, enough for what it holds, and maxmemory-policy volatile-lru, and let only gateways use it";
/// How far its clock may be off. Nothing of ours goes by it.
const CLOCK_LIMIT_MS: i64 = i64::MAX;

/// Empty without Redis.
pub(super) async fn examine(config: &Config, depth: Depth) -> Vec<Finding> {
    if config.cache.redis_url.is_none() {
        return Vec::new();
    }
    let question = Question::new(
        Topic::Redis,
        "redis",
        "INFO, ACL WHOAMI, TIME, and the commands of a gateway",
    );
    let remedy = "start it, or mend cache.redis_url";
    let cache = match shared_cache::named(config) {
        Ok(Some(cache)) => cache,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![question.fail(error.to_string(), remedy)],
    };
    if let Err(failed) = cache.first_connection(PATIENCE).await {
        return vec![question.fail(failed.cause(), remedy)];
    }
    let about = cache.about().await;
    let now = SystemClock.wall();
    let advice = cache.advice().await;
    let mut found = vec![
        answer(question, &config.cache, &about),
        hints(&cache, &config.cache).await,
    ];
    found.extend(advice.iter().map(|line| {
        let question = Question::new(
            Topic::Eviction,
            "redis",
            "INFO memory, and a sample of its keys",
        );
        question.warn(line, EVICTION)
    }));
    if let (Depth::Doctor, Some(theirs)) = (depth, about.clock) {
        let question = Question::new(Topic::Clock, "clock of redis", "TIME");
        let ahead = theirs
            .as_micros()
            .saturating_sub(now.as_micros())
            .div_euclid(1_000);
        found.push(clock::judge(question, ahead, true, CLOCK_LIMIT_MS));
    }
    found
}

fn answer(question: Question, config: &CacheConfig, about: &RedisAbout) -> Finding {
    let version = about.version.as_deref().map_or_else(
        || "a Redis that does not tell its version".to_owned(),
        |version| format!("Redis {version}"),
    );
    let user = about.user.as_deref().map(|user| format!(", user {user}"));
    let user = user.unwrap_or_default();
    let tls = config.redis_url.as_ref().is_some_and(|redis| redis.tls);
    let tls = if tls { ", TLS" } else { "" };
    let line = format!("{version}{user}{tls}");
    if about.denied.is_empty() {
        return question.ok(line);
    }
    let denied = about.denied.iter().map(|denied| missing(denied, config));
    let words = about.denied.iter().map(|denied| allow(denied, config));
    let words: BTreeSet<String> = words.flatten().collect();
    let words = words.into_iter().collect::<Vec<_>>().join(" ");
    question.fail(
        format!("{line}; {}", denied.collect::<Vec<_>>().join("; ")),
        format!("on every server, which each have a list of their own: ACL SETUSER ... {words}"),
    )
}

/// What a user may not do at a server, as a sentence.
fn missing(denied: &RedisDenied, config: &CacheConfig) -> String {
    let prefix = &config.key_prefix;
    let commands = Some(denied.commands.join(", ")).filter(|commands| !commands.is_empty());
    let parts = [
        commands.map(|commands| format!("send {commands}")),
        denied.keys.then(|| format!("use keys {}", prefix.keys())),
        denied
            .channel
            .then(|| format!("use the channel {}", prefix.channel())),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let at = denied.server.as_deref();
    let at = at.map(|server| format!(" at {server}")).unwrap_or_default();
    format!("this user may not {}{at}", parts.join(", nor "))
}

/// The words of an access list that give it what is missing.
fn allow(denied: &RedisDenied, config: &CacheConfig) -> Vec<String> {
    let prefix = &config.key_prefix;
    let commands = denied.commands.iter();
    let commands = commands.map(|command| format!("+{}", command.to_ascii_lowercase()));
    let keys = denied.keys.then(|| format!("'~{}'", prefix.keys()));
    let channel = denied.channel.then(|| format!("'&{}'", prefix.channel()));
    commands.chain(keys).chain(channel).collect()
}

/// Whether what a node says to the others arrives.
async fn hints(cache: &RedisCache, config: &CacheConfig) -> Finding {
    let asked = "SUBSCRIBE, and a PUBLISH of our own";
    let question = Question::new(Topic::Notify, "redis", asked);
    let remedy = format!(
        "give the user PUBLISH, SUBSCRIBE and the channel: ACL SETUSER ... +publish +subscribe '&{}'",
        config.key_prefix.channel()
    );
    let mut listened = tokio::time::timeout(PATIENCE, cache.listen()).await;
    if matches!(listened, Ok(Err(HintError::Swallowed))) {
        // One message may be late.
        listened = tokio::time::timeout(PATIENCE, cache.listen()).await;
    }
    match listened {
        Ok(Ok(_channel)) => question.ok("the message arrives"),
        Ok(Err(HintError::Swallowed)) => question.warn("no message arrives", remedy),
        Ok(Err(why)) => question.warn(why.cause(), remedy),
        Err(_elapsed) => question.warn("no answer in time", remedy),
    }
}
