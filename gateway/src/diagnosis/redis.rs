//! Redis: does it answer, as whom, and what does it do when it is full?

use std::time::Duration;

use session_core::cache::redis::RedisAbout;
use session_core::clock::{Clock as _, SystemClock};

use super::Depth;
use super::clock;
use super::finding::{Finding, Question, Topic};
use crate::config::{Config, RedisUrl};
use crate::run::wiring;

/// Longest wait for the first connection.
const PATIENCE: Duration = Duration::from_secs(3);
const EVICTION: &str = "give it maxmemory, enough for what it holds, and maxmemory-policy volatile-lru, and let only gateways use it";
/// How far its clock may be off. Nothing of ours goes by it.
const CLOCK_LIMIT_MS: i64 = i64::MAX;

/// Empty without Redis.
pub(super) async fn examine(config: &Config, depth: Depth) -> Vec<Finding> {
    let Some(redis) = &config.cache.redis_url else {
        return Vec::new();
    };
    let question = Question::new(
        Topic::Redis,
        "redis",
        "INFO, ACL WHOAMI, TIME, and the commands of a gateway",
    );
    let remedy = "start it, or mend cache.redis_url";
    let cache = match wiring::redis(config) {
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
    let mut found = vec![answer(question, redis, &about)];
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

fn answer(question: Question, redis: &RedisUrl, about: &RedisAbout) -> Finding {
    let version = about.version.as_deref().map_or_else(
        || "a Redis that does not tell its version".to_owned(),
        |version| format!("Redis {version}"),
    );
    let user = about.user.as_deref().map(|user| format!(", user {user}"));
    let user = user.unwrap_or_default();
    let tls = if redis.tls { ", TLS" } else { "" };
    let line = format!("{version}{user}{tls}");
    if about.refused.is_empty() {
        return question.ok(line);
    }
    let refused = about.refused.join(", ");
    question.fail(
        format!("{line}; this user may not send {refused}"),
        format!(
            "give it the commands: ACL SETUSER ... ~sidgate:* &sidgate:* {}",
            allow(&about.refused)
        ),
    )
}

fn allow(commands: &[&str]) -> String {
    let words = commands
        .iter()
        .map(|command| format!("+{}", command.to_ascii_lowercase()));
    words.collect::<Vec<_>>().join(" ")
}
