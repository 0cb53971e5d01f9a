//! Nodes over one SQLite store in a temporary folder.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::cache::breaker::BreakerLimits;
use session_core::cache::{LocalLimits, SharedCache};
use session_core::clock::SystemClock;
use session_core::entropy::SystemEntropy;
use session_core::keys::reference::ReferenceKeys;
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{
    Absence, Created, Login, LoginTicket, Parts, Query, Receipt, Resolution, Sessions,
    SessionsOptions, Wait,
};
use session_core::session::{Group, Groups, Identity, Reference, RevokeReason, Session, SiteName};
use session_core::stats::ResetReason;
use session_core::store::sqlite::SqliteStore;
use session_core::store::{Scope, SessionStore};
use session_testing::{FaultStore, Faults};
use tokio::runtime::Handle;

/// Longest wait for a condition. Generous: what is promised is asserted by the tests themselves.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A store that several nodes share.
pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) store: Arc<dyn SessionStore>,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("s.db"), Arc::new(SystemClock))
            .await
            .unwrap();
        store.apply_schema().await.unwrap();
        Self {
            folder,
            store: Arc::new(store),
        }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("s.db")
    }

    /// SQL from outside of Sidgate.
    pub(crate) fn sql(&self, statement: &str) {
        rusqlite::Connection::open(self.file())
            .unwrap()
            .execute_batch(statement)
            .unwrap();
    }

    /// A node with its own faults between it and the store, ready to serve.
    pub(crate) async fn node(&self) -> Node {
        self.node_with(None, |_| ()).await
    }

    pub(crate) async fn node_with(
        &self,
        shared: Option<Arc<dyn SharedCache>>,
        change: impl FnOnce(&mut SessionsOptions),
    ) -> Node {
        let (store, faults) = FaultStore::new(Arc::clone(&self.store));
        let mut options = SessionsOptions {
            local: LocalLimits {
                max_entries: 1_000,
                max_bytes: 64 << 20,
            },
            local_ttl: Duration::from_secs(300),
            shared_ttl: Duration::from_secs(1_800),
            negative_ttl: Duration::from_secs(5),
            breaker: BreakerLimits::default(),
            migrate: false,
        };
        change(&mut options);
        let parts = Parts {
            store,
            shared,
            keys: Arc::new(keyring()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            runtime: Handle::current(),
        };
        let node = Node {
            sessions: Sessions::start(parts, options),
            faults,
        };
        until("the node has a lease", async || {
            node.sessions.readiness().lease
        })
        .await;
        node
    }
}

/// One gateway's view.
pub(crate) struct Node {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) faults: Arc<Faults>,
}

impl Node {
    pub(crate) async fn log_in(&self, user: &str) -> Created {
        let ticket = self.sessions.begin_login().await.unwrap();
        self.sessions.create(ticket, login(user)).await.unwrap()
    }

    pub(crate) async fn resolve(&self, created: &Created) -> Resolution {
        self.resolve_with(created, Query::default()).await
    }

    pub(crate) async fn resolve_with(&self, created: &Created, query: Query) -> Resolution {
        self.sessions
            .resolve(
                created.sid.expose().as_str().as_bytes(),
                &Groups::default(),
                query,
            )
            .await
    }

    pub(crate) async fn admits(&self, created: &Created) -> bool {
        matches!(self.resolve(created).await, Resolution::Active(_))
    }

    /// `Some` only when the node knows that there is no session.
    pub(crate) async fn absence(&self, created: &Created) -> Option<Absence> {
        match self.resolve(created).await {
            Resolution::Absent(why) => Some(why),
            Resolution::Active(_) | Resolution::Unknown(_) => None,
        }
    }

    /// Ends the session as its own logout does.
    pub(crate) async fn end(&self, created: &Created, wait: Wait) -> Receipt {
        let scope = Scope::Key(created.session.key);
        let ended = self.sessions.revoke(scope, RevokeReason::Logout, wait);
        ended.await.unwrap()
    }

    /// How often it has forgotten everything for this reason.
    pub(crate) fn resets(&self, reason: ResetReason) -> u64 {
        self.sessions.stats().reset(reason).unwrap().get()
    }

    pub(crate) async fn ticket(&self) -> LoginTicket {
        self.sessions.begin_login().await.unwrap()
    }
}

/// The app that lets people in.
pub(crate) const APP: &str = "django";

fn keyring() -> Keyring {
    Keyring::new(MasterKey::from_bytes([7; 32]), vec![])
}

/// What `app` is told of its reference.
pub(crate) fn referred(session: &Session, app: &str) -> Option<String> {
    let sealed = session.references.of(app)?;
    let opened = ReferenceKeys::new(&keyring(), app).open(session.id, sealed);
    opened.map(|text| text.expose().to_owned())
}

pub(crate) fn login(user: &str) -> Login {
    let (identity, reference) =
        Identity::from_value(json!({"user": {"id": user, "name": "N"}, "tenant_id": "t1"}))
            .unwrap();
    Login {
        group: Group::default(),
        site: SiteName::default(),
        identity,
        reference: reference.map(|text| Reference {
            app: APP.into(),
            text,
        }),
        ip: None,
        user_agent: "test".into(),
        ttl: Duration::from_secs(3_600),
        idle: Duration::ZERO,
        replaces: None,
        limit: None,
        ends_with_browser: false,
    }
}

/// Waits until `condition` holds, or fails with `what`.
#[expect(clippy::future_not_send, reason = "awaited by the test itself")]
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let waited = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, waited).await.is_ok(),
        "never happened: {what}"
    );
}
