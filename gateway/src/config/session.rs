//! `[session]`: how long a session lives, and how many one user may have.

use std::num::NonZeroU32;
use std::time::Duration;

use super::duration::{days, hours, secs, show, whole_seconds};
use super::reader::Reader;

/// Browsers keep no cookie longer (RFC 6265bis).
const MAX_TIMEOUT: Duration = days(400);

const DEFAULT_IDLE: Duration = hours(12);

/// Life of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// A session ends this long after its login, whatever happens. Whole seconds.
    pub absolute_timeout: Duration,
    /// A session ends this long after its last use. Whole seconds, never above `absolute_timeout`.
    pub idle_timeout: Duration,
    /// Sessions one user may have at a time; `None` is unlimited.
    pub max_per_user: Option<NonZeroU32>,
    /// What a login beyond that limit does.
    pub over_limit: OverLimit,
}

/// What happens at the session limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverLimit {
    /// The oldest session ends.
    EvictOldest,
    /// The login is refused with `409 session_limit`.
    Deny,
}

impl SessionConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("session", |session| {
            let timeout = || whole_seconds(secs(1)..=MAX_TIMEOUT);
            let absolute = session
                .text("absolute_timeout", timeout())
                .unwrap_or(hours(24));
            let idle = session.text("idle_timeout", timeout());
            if idle.is_some_and(|idle| idle > absolute) {
                let keys = ["session.idle_timeout", "session.absolute_timeout"];
                let message = format!(
                    "is longer than session.absolute_timeout ({})",
                    show(absolute)
                );
                session.document().contradiction(&keys, message);
            }
            Self {
                absolute_timeout: absolute,
                idle_timeout: idle.unwrap_or(DEFAULT_IDLE.min(absolute)),
                max_per_user: session
                    .number("max_per_user", 0..=1_000_000)
                    .and_then(NonZeroU32::new),
                over_limit: session
                    .choice(
                        "over_limit",
                        &[
                            ("evict_oldest", OverLimit::EvictOldest),
                            ("deny", OverLimit::Deny),
                        ],
                    )
                    .unwrap_or(OverLimit::EvictOldest),
            }
        })
    }
}
