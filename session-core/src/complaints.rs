//! What is said about something that keeps failing: each cause once, not each failure.

use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Boot;

/// The same cause is told again after this long.
const AGAIN: Duration = Duration::from_secs(300);
/// Another cause is told no sooner than this: two that alternate must not fill the log.
const ANOTHER: Duration = Duration::from_secs(10);

/// What was said last of one thing.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    last: Mutex<Option<Told>>,
}

#[derive(Debug)]
struct Told {
    cause: String,
    at: Boot,
}

impl Complaints {
    /// It has failed at `now`. Whether that is to be told.
    pub(crate) fn is_news(&self, cause: &str, now: Boot) -> bool {
        let mut last = self.last.lock();
        let is_news = last.as_ref().is_none_or(|told| {
            let pause = if told.cause == cause { AGAIN } else { ANOTHER };
            now.since(told.at) >= pause
        });
        if is_news {
            *last = Some(Told {
                cause: cause.to_owned(),
                at: now,
            });
        }
        is_news
    }

    /// It works again. Whether that is to be told: a failure was.
    pub(crate) fn is_over(&self) -> bool {
        self.last.lock().take().is_some()
    }
}

#[cfg(test)]
mod tests;
