//! `[login_limits]`: how often somebody may try to log in.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use super::duration::{days, hours, mins, secs};
use super::reader::Reader;

/// Highest count. More would limit nobody, and could round the time between two attempts to zero.
const MAX_COUNT: u32 = 1_000_000;

/// Limits of the login endpoint; beyond them the answer is `429`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginLimitsConfig {
    /// Attempts on one account, from anywhere.
    pub per_account: Rate,
    /// Attempts by one client address, on any account.
    pub per_client: Rate,
    /// Logins that the backend judges at once; four times as many may wait.
    pub max_concurrent: NonZeroUsize,
}

const DEFAULT_CONCURRENT: usize = 16;

/// A number of times per period, such as `"20/m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often.
    pub count: NonZeroU32,
    /// In which time.
    pub per: Duration,
}

impl LoginLimitsConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("login_limits", |limits| Self {
            per_account: limits
                .text("per_account", Rate::parse)
                .unwrap_or(Rate::per_minute(20)),
            per_client: limits
                .text("per_client", Rate::parse)
                .unwrap_or(Rate::per_minute(100)),
            max_concurrent: limits
                .number("max_concurrent", 1..=10_000)
                .and_then(NonZeroUsize::new)
                .unwrap_or(NonZeroUsize::MIN.saturating_add(DEFAULT_CONCURRENT - 1)),
        })
    }
}

impl Rate {
    pub(super) fn per_minute(count: u32) -> Self {
        Self {
            count: NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN),
            per: mins(1),
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let malformed =
            || format!("{text:?} is not a rate such as \"5/s\", \"20/m\", \"100/h\" or \"1000/d\"");
        let (count, unit) = text.split_once('/').ok_or_else(malformed)?;
        let per = match unit {
            "s" => secs(1),
            "m" => mins(1),
            "h" => hours(1),
            "d" => days(1),
            _ => return Err(malformed()),
        };
        let is_plain = count.bytes().all(|byte| byte.is_ascii_digit());
        let count: NonZeroU32 = count
            .parse()
            .ok()
            .filter(|_| is_plain)
            .ok_or_else(malformed)?;
        if count.get() > MAX_COUNT {
            return Err(format!("{text:?} is more than {MAX_COUNT} times"));
        }
        Ok(Self { count, per })
    }
}
