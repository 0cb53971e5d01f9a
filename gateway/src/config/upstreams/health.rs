//! How a server's health is known: by asking it, and by how requests fare.

use std::time::Duration;

use super::super::duration::{hours, mins, ms, secs, within};
use super::super::path::PathPrefix;
use super::super::reader::Reader;

/// `[upstreams.NAME.health]`: a request of our own, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthConfig {
    /// What is asked for; 200 to 399 is healthy.
    pub path: String,
    /// Time between two questions.
    pub interval: Duration,
    /// Longest answer.
    pub timeout: Duration,
    /// So many good answers in a row make a server healthy.
    pub healthy: u32,
    /// So many others in a row make it unhealthy.
    pub unhealthy: u32,
}

/// `[upstreams.NAME.passive]`: what the requests of visitors show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassiveConfig {
    /// So many failures in a row eject a server; 0: none does.
    pub failures: u32,
    /// For how long the first time; twice as long each further time.
    pub eject: Duration,
    /// The longest time.
    pub eject_max: Duration,
}

const MOST: u32 = 1_000;

impl HealthConfig {
    pub(super) fn read(upstream: &mut Reader<'_>) -> Option<Self> {
        upstream.section("health", |health| {
            let path = health.text("path", |path| {
                PathPrefix::parse_public(path).map(|_plain| path.to_owned())
            });
            let interval = health.text("interval", within(ms(100)..=hours(1)));
            let timeout = health.text("timeout", within(ms(10)..=mins(1)));
            let healthy = health.number("healthy", 1..=MOST);
            let unhealthy = health.number("unhealthy", 1..=MOST);
            if !health.is_present() {
                return None;
            }
            health.require("path");
            Some(Self {
                path: path?,
                interval: interval.unwrap_or(secs(5)),
                timeout: timeout.unwrap_or(secs(2)),
                healthy: healthy.unwrap_or(2),
                unhealthy: unhealthy.unwrap_or(3),
            })
        })
    }
}

impl PassiveConfig {
    pub(super) fn read(upstream: &mut Reader<'_>) -> Self {
        upstream.section("passive", |passive| Self {
            failures: passive.number("failures", 0..=MOST).unwrap_or(3),
            eject: passive
                .text("eject", within(ms(100)..=hours(1)))
                .unwrap_or(secs(10)),
            eject_max: passive
                .text("eject_max", within(ms(100)..=hours(24)))
                .unwrap_or(mins(5)),
        })
    }
}
