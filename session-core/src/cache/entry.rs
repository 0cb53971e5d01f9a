//! A session as the hot path sees it: parsed once, judged in a few loads.

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::clock::{Boot, Timestamp};
use crate::freshness::{Standing, Window};
use crate::session::{Seq, Session};

/// A session that was alive when it was read, and what is needed to tell whether it still is.
pub struct Entry {
    session: Session,
    /// How far the window has checked it.
    standing: Standing,
    /// When it was read.
    read_at: Boot,
    /// When it must be read again, even if it is still good.
    stale_at: Boot,
    /// Last use on this node, store time.
    seen: AtomicI64,
    /// Last use that was handed to the activity writer, store time.
    touched: AtomicI64,
}

impl Entry {
    /// Wraps a session that the window has just accepted with `standing`.
    #[must_use]
    pub fn new(session: Session, standing: Standing, read_at: Boot, ttl: Duration) -> Self {
        let seen = session.last_activity.as_micros();
        Self {
            session,
            standing,
            read_at,
            stale_at: read_at.plus(ttl),
            seen: AtomicI64::new(seen),
            touched: AtomicI64::new(seen),
        }
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Number of the last event included in the snapshot that it was read from.
    #[must_use]
    pub fn as_of(&self) -> Seq {
        self.standing.as_of()
    }

    /// Whether the entry is still good after every event that `window` has applied.
    #[must_use]
    pub fn is_believed_by(&self, window: &Window) -> bool {
        window.believes(&self.session, &self.standing)
    }

    /// When it was read from another tier.
    #[must_use]
    pub fn read_at(&self) -> Boot {
        self.read_at
    }

    pub(crate) fn wants_refresh(&self, now: Boot) -> bool {
        now >= self.stale_at
    }

    /// Whether the absolute end has come.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.session.expires_at
    }

    /// Whether this node saw no use within the idle limit. Another node may have seen one.
    pub(crate) fn looks_idle(&self, now: Timestamp) -> bool {
        let seen = Timestamp::from_micros(self.seen.load(Ordering::Relaxed));
        self.session.idle_until(seen).is_some_and(|end| now >= end)
    }

    /// Last use that this node knows of.
    #[must_use]
    pub fn last_activity(&self) -> Timestamp {
        Timestamp::from_micros(self.seen.load(Ordering::Relaxed))
    }

    /// Notes a use at `now`; true when it is time to tell the store.
    pub(crate) fn use_at(&self, now: Timestamp) -> bool {
        let now = now.as_micros();
        if self.seen.load(Ordering::Relaxed) < now {
            self.seen.store(now, Ordering::Relaxed);
        }
        let last = self.touched.load(Ordering::Relaxed);
        let due = last.saturating_add(self.touch_interval_micros());
        now >= due
            && self
                .touched
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// At most once a minute (DESIGN 5, R7), but often enough for a short idle limit.
    fn touch_interval_micros(&self) -> i64 {
        const MINUTE: i64 = 60_000_000;
        let quarter = i64::try_from(self.session.idle.as_micros() / 4).unwrap_or(MINUTE);
        if quarter == 0 {
            MINUTE
        } else {
            quarter.min(MINUTE)
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.session.id)
            .field("as_of", &self.as_of())
            .finish_non_exhaustive()
    }
}
