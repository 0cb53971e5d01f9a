//! What the process remembers of how sessions are used, and what is to be done about it.

pub(in crate::risk) mod bursts;
pub(in crate::risk) mod fair;
pub(crate) mod geo;
pub(in crate::risk) mod outbox;

use std::hash::RandomState;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use quick_cache::sync::Cache;
use session_core::cache::Entry;
use session_core::clock::Timestamp;
use session_core::session::Text;
use thiserror::Error;
use uuid::Uuid;

use self::bursts::Bursts;
use self::fair::{Fair, Limits, Put};
use self::geo::{Geo, GeoError};
use self::outbox::{Outbox, Receiver, ReceiverError};
use crate::config::RiskConfig;
use crate::telemetry::labels::RiskDropped;
use crate::telemetry::metrics::Metrics;

/// Sessions whose last context is remembered: about 100 bytes each. An evicted entry is read back from the store.
const SESSIONS_MAX: usize = 100_000;
/// Changes of context that wait to be judged, of all users and of one: at most 2 KiB each beside the cached session.
const QUEUE: Limits = Limits {
    all: 4_096,
    of_one: 32,
};

/// `[risk]` with its databases: a part of the [`ActiveConfig`].
#[derive(Debug)]
pub(crate) struct Policy {
    /// As read.
    pub(crate) config: RiskConfig,
    /// The databases.
    pub(crate) geo: Geo,
    /// The receiver of signals, if one is configured.
    pub(in crate::risk) webhook: Option<Receiver>,
}

/// `[risk]` names something that cannot be used.
#[derive(Debug, Error)]
pub(crate) enum PolicyError {
    /// See [`GeoError`].
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// See [`ReceiverError`].
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
}

impl Policy {
    /// `None` when risk is switched off.
    ///
    /// # Errors
    /// When a database or a certificate cannot be used.
    pub(crate) fn open(config: &RiskConfig) -> Result<Option<Arc<Self>>, PolicyError> {
        if !config.enabled {
            return Ok(None);
        }
        Ok(Some(Arc::new(Self {
            geo: Geo::open(config)?,
            webhook: config.webhook.as_ref().map(Receiver::new).transpose()?,
            config: config.clone(),
        })))
    }
}

/// What the process remembers of how sessions are used.
pub(crate) struct Risk {
    pub(in crate::risk) seen: Cache<Uuid, Arc<Seen>>,
    pub(in crate::risk) hasher: RandomState,
    pub(in crate::risk) bursts: Bursts,
    /// What waits to be judged, by user.
    pub(in crate::risk) jobs: Fair<Text, Job>,
    /// What waits to be told.
    pub(in crate::risk) outbox: Outbox,
}

/// The last context of a session.
#[derive(Debug)]
pub(in crate::risk) struct Seen {
    /// Of network and client software, under a key of this process.
    pub(in crate::risk) digest: AtomicU64,
    /// When it was last seen, in microseconds.
    pub(in crate::risk) at: AtomicI64,
    /// Whether its next answer is to bring a new sid.
    pub(in crate::risk) rotate: AtomicBool,
}

/// A job of the observer.
pub(crate) enum Job {
    /// A session was used in another context than before.
    Changed(Box<Changed>),
    /// A session goes on under another handle.
    Moved {
        /// Its old handle.
        from: Uuid,
        /// Its new one.
        to: Uuid,
    },
}

impl Job {
    pub(in crate::risk) fn session(&self) -> Uuid {
        match self {
            Self::Changed(changed) => changed.entry.session().id,
            Self::Moved { to, .. } => *to,
        }
    }
}

/// See [`Job::Changed`].
pub(crate) struct Changed {
    pub(in crate::risk) entry: Arc<Entry>,
    pub(in crate::risk) client: IpAddr,
    pub(in crate::risk) request_id: Text,
    pub(in crate::risk) user_agent: Text,
    pub(in crate::risk) at: Timestamp,
    pub(in crate::risk) left_at: Option<Timestamp>,
}

impl Risk {
    /// Creates it empty.
    pub(crate) fn new() -> Self {
        Self {
            seen: Cache::new(SESSIONS_MAX),
            hasher: RandomState::new(),
            bursts: Bursts::default(),
            jobs: Fair::new(QUEUE),
            outbox: Outbox::new(),
        }
    }

    /// Queues `job`. `false`: the queue has no place for it.
    pub(in crate::risk) fn judge_later(&self, metrics: &Metrics, user_id: &str, job: Job) -> bool {
        let session = job.session();
        match self.jobs.put(user_id.into(), job, |_, _| false) {
            Put::Waits | Put::Merged => true,
            Put::Displaced(other) => {
                metrics.risk_dropped(RiskDropped::Queue);
                if other.session() != session {
                    self.forget(other.session());
                }
                true
            }
            Put::Refused => {
                metrics.risk_dropped(RiskDropped::Queue);
                false
            }
        }
    }

    /// Takes the request for a new sid: whether the next answer to this session is to bring one.
    ///
    /// Age-based and risk-based renewal may both be due; the response carries one new sid.
    pub(crate) fn take_rotation(&self, session: Uuid) -> bool {
        self.seen
            .get(&session)
            .is_some_and(|seen| seen.rotate.swap(false, Ordering::Relaxed))
    }

    /// The next answer to this session is to bring a new sid.
    pub(crate) fn want_rotation(&self, session: Uuid) {
        if let Some(seen) = self.seen.get(&session) {
            seen.rotate.store(true, Ordering::Relaxed);
        }
    }

    /// Forgets the last context of a session, so that the next request is judged again.
    pub(in crate::risk) fn forget(&self, session: Uuid) {
        self.seen.remove(&session);
    }
}

impl std::fmt::Debug for Risk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Risk")
            .field("seen", &self.seen.len())
            .finish_non_exhaustive()
    }
}

impl Seen {
    pub(in crate::risk) fn new(digest: u64, at: Timestamp) -> Self {
        Self {
            digest: AtomicU64::new(digest),
            at: AtomicI64::new(at.as_micros()),
            rotate: AtomicBool::new(false),
        }
    }
}
