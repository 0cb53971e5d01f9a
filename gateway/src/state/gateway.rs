//! What every part of the running gateway shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;
use session_core::entropy::{BufferedEntropy, SharedEntropy};
use session_core::service::{Absence, Sessions};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::RequestId;
use super::active_config::{ActiveConfig, ConfigInUse};
use super::badges::Badges;
use super::drills::Drills;
use super::reloads::{self, Reloaded};
use super::requests::Requests;
use super::upgrades::{self, Upgraded};
use crate::apps::backend::Backend;
use crate::legacy::state::Migrations;
use crate::limits::encoders::Encoders;
use crate::limits::lists::Lists;
use crate::limits::logged_ends::LoggedEnds;
use crate::limits::renewals::RenewalsInProgress;
use crate::limits::rounds::Rounds;
use crate::limits::streams::Streams;
use crate::risk::state::Risk;
use crate::telemetry::access_log::AccessLog;
use crate::telemetry::collector::Sources;
use crate::telemetry::history::History;
use crate::telemetry::lines::{Lines, Trail};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::servers::ReadServers;
use crate::telemetry::traces::queue::SpanQueue;

/// The running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// The configuration in use.
    pub settings: Arc<ConfigInUse>,
    /// What apps were told about sessions a moment ago.
    pub badges: Badges,
    /// What is counted.
    pub metrics: Metrics,
    /// Where the lines of requests go.
    pub access_log: AccessLog,
    /// Spans that wait to be sent.
    pub spans: Arc<SpanQueue>,
    /// Where security events go.
    pub trail: Trail,
    /// The app that knows the users.
    pub backend: Backend,
    /// How sessions are used.
    pub risk: Risk,
    /// Logins of the old system that are being judged.
    pub migrations: Migrations,
    /// Where a reload is asked for.
    pub reloads: Requests<Reloaded>,
    /// Which drill has this node.
    pub drills: Drills,
    /// Where another process in the place of this one is asked for.
    pub upgrades: Requests<Upgraded>,
    /// Where calls to the backend run.
    pub core: Handle,
    /// Where requests are served: every listener adds its runtime when it begins.
    pub serving: Mutex<Vec<Handle>>,
    /// What the dashboard draws.
    pub history: History,
    /// Ended sessions whose end is already in the log.
    pub logged_ends: LoggedEnds,
    /// Sids that are being renewed.
    pub renewals: RenewalsInProgress,
    /// Open streams.
    pub streams: Arc<Streams>,
    /// The clock of connections, requests and streams.
    pub rounds: Arc<Rounds>,
    /// Answers that are being compressed.
    pub encoders: Encoders,
    /// Lists of devices that are being read.
    pub lists: Arc<Lists>,
    /// Randomness for what is public: ids of requests and messages, and how long to wait.
    pub entropy: SharedEntropy,
    /// Set when the process is about to stop: `/readyz` says no, requests are still served.
    pub draining: AtomicBool,
    /// Requests whose header was read and whose answer is not complete, without streams.
    pub in_flight: AtomicUsize,
    /// Told when the public listeners have closed.
    pub closed: Notify,
}

impl Gateway {
    /// Creates the shared state before the first request. Calls to the backend run on the runtime `core`.
    pub(crate) fn new(
        sessions: Arc<Sessions>,
        settings: ActiveConfig,
        metrics: Metrics,
        lines: &Lines,
        backend: Backend,
        core: &Handle,
    ) -> Self {
        Self {
            sessions,
            badges: Badges::new(settings.config.cache.badges_max_bytes()),
            settings: Arc::new(ConfigInUse::new(Arc::new(settings))),
            metrics,
            access_log: lines.access_log(),
            spans: Arc::default(),
            trail: lines.trail(),
            backend,
            risk: Risk::new(),
            migrations: Migrations::new(core.clone()),
            reloads: reloads::requests(),
            drills: Drills::default(),
            upgrades: upgrades::requests(),
            core: core.clone(),
            serving: Mutex::default(),
            history: History::default(),
            logged_ends: LoggedEnds::default(),
            renewals: RenewalsInProgress::default(),
            streams: Arc::default(),
            rounds: Arc::default(),
            encoders: Encoders::default(),
            lists: Arc::default(),
            entropy: Arc::new(BufferedEntropy::default()),
            draining: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            closed: Notify::new(),
        }
    }

    /// Unix seconds.
    #[must_use]
    pub(crate) fn now(&self) -> i64 {
        self.sessions.clock().wall().as_secs()
    }

    /// A new request id.
    #[must_use]
    pub(crate) fn request_id(&self) -> RequestId {
        RequestId::new(self.sessions.clock().wall(), self.entropy.as_ref())
    }

    /// Where a scrape reads the numbers that the metrics do not count themselves.
    #[must_use]
    pub(crate) fn sources(&self) -> Sources {
        Sources {
            sessions: Arc::clone(&self.sessions),
            streams: Arc::clone(&self.streams),
            backend: Arc::clone(&self.migrations.breaker),
            trail: self.trail.clone(),
            spans: Arc::clone(&self.spans),
            servers: Arc::clone(&self.settings) as Arc<dyn ReadServers>,
            worker_threads: self.settings.get().config.server.worker_threads(),
        }
    }

    /// Whether this text is a session id that we have made; such a text is never written down.
    #[must_use]
    pub(crate) fn is_sid(&self, text: &str) -> bool {
        let settings = self.settings.get();
        // Every site knows the groups of all the others.
        let recognised = self
            .sessions
            .recognise(text.as_bytes(), &settings.site(0).groups);
        !matches!(recognised, Err(Absence::Malformed | Absence::Forged))
    }

    /// Whether new requests should go elsewhere.
    #[must_use]
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
