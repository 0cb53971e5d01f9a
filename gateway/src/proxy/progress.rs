//! Whether a request is one in progress, or a stream.
//!
//! A WebSocket, an event stream and an answer that goes on for long take a connection and no work. They are counted among
//! the streams, which have bounds of their own, so that a thousand open tabs turn nobody away.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use session_core::clock::Boot;

use crate::limits::streams::{Full, Holder, Kind, Room, StreamPermit};
use crate::state::{ActiveConfig, Gateway};

/// How one request counts. It begins as one in progress.
#[derive(Debug)]
pub(super) struct Progress {
    gateway: Arc<Gateway>,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
enum Counts {
    /// In progress; with the place that a WebSocket gets if the app agrees.
    AsRequest { kept: Option<StreamPermit> },
    /// In progress, and its answer has begun.
    Answered { holder: Holder, since: Boot },
    /// A stream.
    AsStream {
        #[expect(dead_code, reason = "free again when it is dropped")]
        permit: StreamPermit,
    },
    /// Not any more.
    Over,
}

impl Progress {
    /// One more request.
    pub(super) fn begin(gateway: &Arc<Gateway>) -> Arc<Self> {
        gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            gateway: Arc::clone(gateway),
            counts: Mutex::new(Counts::AsRequest { kept: None }),
        })
    }

    /// Keeps a place for a WebSocket until the app has answered its handshake.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn keep_permit(&self, settings: &ActiveConfig, holder: Holder) -> Result<(), Full> {
        let room = Room::of(Kind::Forwarded, &settings.config);
        let permit = self.gateway.streams.enter(Kind::Forwarded, holder, room);
        let permit = permit.inspect_err(|full| self.gateway.metrics.refused(*full))?;
        *self.counts.lock() = Counts::AsRequest { kept: Some(permit) };
        Ok(())
    }

    /// The request is a stream from now on.
    pub(super) fn becomes(&self, permit: StreamPermit) {
        self.settle(|_| Counts::AsStream { permit });
    }

    /// The app has answered; `switches`: it has agreed to a WebSocket. Otherwise the place that was kept is free again.
    pub(super) fn answered(&self, holder: Holder, switches: bool) {
        let since = self.gateway.sessions.clock().boot();
        self.settle(|counts| match counts {
            Counts::AsRequest { kept: Some(permit) } if switches => Counts::AsStream {
                permit: permit.of_socket(),
            },
            Counts::AsRequest { .. } => Counts::Answered { holder, since },
            other => other,
        });
    }

    /// Looks whether the answer has been going on for long. While there is no place for it, it remains what it was. False
    /// when there is nothing more to look for.
    pub(super) fn look(&self) -> bool {
        let now = self.gateway.sessions.clock().boot();
        let settings = self.gateway.settings.get();
        let long = settings.config.edge.stream_after;
        let holder = match &*self.counts.lock() {
            Counts::Answered { holder, since } if now.since(*since) >= long => *holder,
            counts => return counts.is_request(),
        };
        let room = Room::of(Kind::Forwarded, &settings.config);
        let entered = self.gateway.streams.enter(Kind::Forwarded, holder, room);
        let Ok(permit) = entered else {
            return true;
        };
        self.settle(|counts| match counts {
            Counts::Answered { .. } => Counts::AsStream { permit },
            other => other,
        });
        false
    }

    /// The request is over, whatever it was.
    pub(super) fn end(&self) {
        self.settle(|_| Counts::Over);
    }

    /// Moves on, and counts what that changes. Places that are left behind are free.
    fn settle(&self, next: impl FnOnce(Counts) -> Counts) {
        let mut counts = self.counts.lock();
        let before = std::mem::replace(&mut *counts, Counts::Over);
        let was_request = before.is_request();
        *counts = next(before);
        if was_request && !counts.is_request() {
            self.gateway.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Counts {
    const fn is_request(&self) -> bool {
        matches!(self, Self::AsRequest { .. } | Self::Answered { .. })
    }
}
