//! `[upstreams.NAME.retry]`: what is tried again at another server.

use std::time::Duration;

use super::super::duration::{mins, ms, within};
use super::super::reader::Reader;

/// After what, and how often, a request is tried at another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetryConfig {
    /// After what.
    pub on: Vec<RetryOn>,
    /// How many tries there are in all.
    pub attempts: u32,
    /// How long a connection is waited for while another server is free.
    pub connect_after: Duration,
}

/// What a request is tried again after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryOn {
    /// No connection: nothing was sent, so every request may go to another server.
    Connect,
    /// 502, or a close before the head of an answer.
    BadGateway,
    /// 503.
    Unavailable,
    /// 504, or no head within `read_timeout`.
    GatewayTimeout,
}

const MOST_ATTEMPTS: u32 = 10;

impl RetryOn {
    const WORDS: [(&str, Self); 4] = [
        ("connect", Self::Connect),
        ("502", Self::BadGateway),
        ("503", Self::Unavailable),
        ("504", Self::GatewayTimeout),
    ];

    fn parse(text: &str) -> Result<Self, String> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, on)| *on).ok_or_else(|| {
            let words = Self::WORDS.map(|(word, _)| format!("{word:?}"));
            format!("{text:?} is not one of {}", words.join(", "))
        })
    }
}

impl RetryConfig {
    pub(super) fn read(upstream: &mut Reader<'_>) -> Self {
        upstream.section("retry", |retry| Self {
            on: retry
                .texts("on", RetryOn::parse)
                .unwrap_or_else(|| vec![RetryOn::Connect]),
            attempts: retry.number("attempts", 1..=MOST_ATTEMPTS).unwrap_or(2),
            connect_after: retry
                .text("connect_after", within(ms(1)..=mins(1)))
                .unwrap_or(ms(250)),
        })
    }

    /// Whether a request is tried again after `what`.
    #[must_use]
    pub fn is_on(&self, what: RetryOn) -> bool {
        self.on.contains(&what)
    }
}
