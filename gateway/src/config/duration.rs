//! Durations such as `"500ms"`, `"5m"`, `"24h"` or `"180d"`, always inside stated bounds.
//!
//! Zero is a duration only where the bounds of the key begin at zero, because "no limit", "at once" and "off" are three
//! different wishes; every key that accepts `"0s"` documents what it means there.

use std::ops::RangeInclusive;
use std::time::Duration;

const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

pub(super) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

pub(super) const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(super) const fn mins(count: u64) -> Duration {
    secs(count * 60)
}

pub(super) const fn hours(count: u64) -> Duration {
    mins(count * 60)
}

pub(super) const fn days(count: u64) -> Duration {
    hours(count * 24)
}

/// A duration of any length, for a command line.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    parse(text)
}

/// A parser of durations inside `bounds`.
pub(super) fn within(
    bounds: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| check(parse(text)?, &bounds)
}

/// A parser of durations inside `bounds` that are stored in whole seconds.
pub(super) fn whole_seconds(
    bounds: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let duration = check(parse(text)?, &bounds)?;
        if duration.subsec_nanos() == 0 {
            Ok(duration)
        } else {
            Err(format!("{text:?} is not a whole number of seconds"))
        }
    }
}

/// `duration` itself, if it lies inside `bounds`.
pub(super) fn check(
    duration: Duration,
    bounds: &RangeInclusive<Duration>,
) -> Result<Duration, String> {
    if duration < *bounds.start() {
        Err(format!("must be at least {}", show(*bounds.start())))
    } else if duration > *bounds.end() {
        Err(format!("must be at most {}", show(*bounds.end())))
    } else {
        Ok(duration)
    }
}

/// The form in which an operator would write `duration`.
pub(super) fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = |size: u64| millis > 0 && millis.is_multiple_of(u128::from(size));
    let unit = UNITS.iter().rev().find(|(_, size)| fits(*size));
    match unit {
        Some((name, size)) => format!("{}{name}", millis / u128::from(*size)),
        None => "0s".to_owned(),
    }
}

fn parse(text: &str) -> Result<Duration, String> {
    let malformed =
        || format!("{text:?} is not a duration such as \"500ms\", \"5m\", \"24h\" or \"180d\"");
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (count, unit) = text.split_at_checked(digits).ok_or_else(malformed)?;
    let (_, size) = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .ok_or_else(malformed)?;
    let count: u64 = count.parse().ok().ok_or_else(malformed)?;
    let millis = count
        .checked_mul(*size)
        .ok_or_else(|| format!("{text:?} is too long"))?;
    Ok(ms(millis))
}
