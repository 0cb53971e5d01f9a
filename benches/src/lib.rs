//! What the micro benches, the memory program and the allocation test share: a node with a real store and a real
//! heartbeat, the request of an ordinary browser and the identity of somebody ordinary.

pub mod passthrough;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use session_core::cache::breaker::BreakerLimits;
use session_core::cache::{Entry, LocalLimits};
use session_core::clock::{Boot, SharedClock, SystemClock, Timestamp};
use session_core::entropy::{self, SystemEntropy};
use session_core::freshness::Window;
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{Login, Parts, Sessions, SessionsOptions};
use session_core::session::{Group, Groups, Identity, References, Session, SiteName};
use session_core::sid::SessionKey;
use session_core::store::sqlite::SqliteStore;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

/// Why a bench could not be set up.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

/// How long a node may take to earn its first lease.
const READY_TIMEOUT: Duration = Duration::from_secs(10);

/// One node on a SQLite file of its own, with a live session.
pub struct Node {
    /// The service.
    pub sessions: Arc<Sessions>,
    /// Value of the cookie of a live session that is in the local tier.
    pub cookie: String,
    /// Value of a cookie in the form of a sid that nobody ever minted.
    pub forged: String,
    /// The groups of the one site that there is.
    pub groups: Groups,
    runtime: Runtime,
    _folder: TempDir,
}

impl Node {
    /// Starts a node and logs somebody in.
    ///
    /// # Errors
    /// When there is no place for the store, or the node does not become ready.
    pub fn start() -> Result<Self, Fault> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let folder = TempDir::new()?;
        let path = folder.path().join("bench.db");
        let sessions = runtime.block_on(ready_node(
            &path,
            MasterKey::from_bytes([3; 32]),
            runtime.handle().clone(),
        ))?;
        let cookie = runtime.block_on(log_in(&sessions, 7))?;
        // Sealed under another key, so it does not open under ours.
        let (stranger, _) = Keyring::new(MasterKey::from_bytes([9; 32]), Vec::new())
            .mint([7; 12], &Group::default());
        let forged = stranger.expose().as_str().to_owned();
        Ok(Self {
            sessions,
            cookie,
            forged,
            groups: Groups::default(),
            runtime,
            _folder: folder,
        })
    }

    /// Where the node's own work runs.
    #[must_use]
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }
}

/// A node with a lease, on the SQLite file at `path`, under `master`.
///
/// # Errors
/// When the file cannot be used, or there is no lease in time.
pub async fn ready_node(
    path: &Path,
    master: MasterKey,
    runtime: Handle,
) -> Result<Arc<Sessions>, Fault> {
    let clock: SharedClock = Arc::new(SystemClock);
    let store = Arc::new(SqliteStore::open(path, Arc::clone(&clock)).await?);
    let parts = Parts {
        store,
        shared: None,
        keys: Arc::new(Keyring::new(master, Vec::new())),
        clock,
        entropy: Arc::new(SystemEntropy),
        runtime,
    };
    let options = SessionsOptions {
        local: LocalLimits {
            max_entries: 100_000,
            max_bytes: 1 << 30,
        },
        local_ttl: Duration::from_secs(3_600),
        shared_ttl: Duration::from_secs(1_800),
        negative_ttl: Duration::from_secs(5),
        breaker: BreakerLimits::default(),
        migrate: true,
    };
    let sessions = Sessions::start(parts, options);
    let ready = async {
        while !sessions.readiness().lease {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(READY_TIMEOUT, ready).await?;
    Ok(sessions)
}

/// Logs user `number` in; the value of their cookie.
///
/// # Errors
/// When the store fails.
pub async fn log_in(sessions: &Sessions, number: usize) -> Result<String, Fault> {
    let ticket = sessions.begin_login_from_lease()?;
    let (identity, _reference) = Identity::from_value(somebody(number))?;
    let login = Login {
        group: Group::default(),
        site: SiteName::default(),
        identity,
        reference: None,
        ip: None,
        user_agent: "Mozilla/5.0".into(),
        ttl: Duration::from_secs(86_400),
        idle: Duration::from_secs(43_200),
        replaces: None,
        limit: None,
        ends_with_browser: false,
    };
    let created = sessions.create(ticket, login).await?;
    Ok(created.sid.expose().as_str().to_owned())
}

const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

/// The user agent that sessions of an ordinary browser share in the local tier.
#[must_use]
pub fn user_agent() -> Arc<str> {
    USER_AGENT.into()
}

/// The session of user `number` as the local tier keeps it.
///
/// # Errors
/// When there is no randomness.
pub fn entry(number: usize, user_agent: &Arc<str>) -> Result<Entry, Fault> {
    let (identity, _reference) = Identity::from_value(somebody(number))?;
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let session = Session {
        group: Group::default(),
        site: SiteName::default(),
        key: SessionKey::from_bytes(entropy::bytes(&SystemEntropy)?),
        id: entropy::handle(now, &SystemEntropy)?,
        identity,
        ip: Some([192, 0, 2, 7].into()),
        user_agent: Arc::clone(user_agent),
        created_at: now,
        auth_time: now,
        last_activity: now,
        expires_at: now.plus(Duration::from_secs(86_400)),
        idle: Duration::from_secs(43_200),
        revoked: None,
        references: References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    };
    // A window that has heard of nothing accepts everything.
    let standing = Window::default()
        .accept(&session.key, &session.identity, 0, Uuid::nil())
        .ok_or("the window refused a session")?;
    let ttl = Duration::from_secs(300);
    Ok(Entry::new(session, standing, Boot::default(), ttl))
}

/// What a browser sends with a page's request for data: 14 fields, 8 cookies of which one is ours.
pub fn browser_headers() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("../browser-headers.txt")
        .lines()
        .filter_map(|line| line.split_once(": "))
}

/// The identity of user `number`: 400 bytes of JSON, give or take the digits of the number.
#[must_use]
pub fn somebody(number: usize) -> Value {
    json!({
        "user": {
            "id": number.to_string(),
            "email": format!("somebody.{number}@example.com"),
            "name": "Somebody of Average Name",
            "is_staff": false,
            "locale": "en-GB",
        },
        "tenant_id": "tenant-1",
        "needs_onboarding": false,
        "attributes": {
            "plan": "business",
            "roles": ["editor", "billing"],
            "timezone": "Europe/Vienna",
            "features": ["reports", "exports", "api", "audit-log", "custom-fields"],
        },
        "auth_hash": "5d41402abc4b2a76b9719d911017c592a7c4f1d2e8b90a3c",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_typical() {
        let (identity, _) = Identity::from_value(somebody(7)).unwrap();
        let size = identity.as_json().len();
        assert!((380..=420).contains(&size), "{size} bytes");
    }
}
