//! Waiting for a condition, and the only place of these tests that reads a clock.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Between two looks at a condition.
const PAUSE: Duration = Duration::from_millis(15);

/// Longer than anything here takes on a busy machine; a test that needs this long has failed.
pub const LONG: Duration = Duration::from_secs(20);

/// The longest time for which a revoked session may be admitted (DESIGN 5).
pub const LEASE: Duration = Duration::from_secs(2);

/// Looks until `probe` finds something.
///
/// # Panics
/// When `limit` has passed; the message names `what`.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = instant();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} for {what}");
        thread::sleep(PAUSE);
    }
}

/// Looks until `condition` holds.
pub fn until_true(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    until(what, limit, || condition().then_some(()));
}

/// A text that grows, once it has stopped growing.
pub fn settled(read: impl Fn() -> String) -> String {
    let mut before = read();
    loop {
        thread::sleep(2 * PAUSE);
        let now = read();
        if now.len() == before.len() {
            return now;
        }
        before = now;
    }
}

/// Now, for measuring.
#[expect(
    clippy::disallowed_methods,
    reason = "a test measures the gateway from outside, by a clock of its own"
)]
pub fn instant() -> Instant {
    Instant::now()
}

/// Now, in seconds since the epoch, as tokens and headers have it.
#[expect(
    clippy::disallowed_methods,
    reason = "a test compares the times that the gateway writes with the real time"
)]
pub fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
