//! What is SQLite's own: the file, its lock, and a clock that is handed in.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use session_core::clock::{Clock, SharedClock, SystemClock};
use session_core::session::{
    Group, Identity, NewSession, Origin, References, RevokeReason, SiteName,
};
use session_core::sid::SessionKey;
use session_core::store::sqlite::{SqliteOptions, SqliteStore};
use session_core::store::{SchemaError, Scope, SessionStore, StoreError, Subject, Touch};
use session_testing::ManualClock;
use tempfile::TempDir;
use uuid::Uuid;

#[path = "sqlite/version_11.rs"]
mod version_11;
#[path = "sqlite/versions.rs"]
mod versions;

struct File {
    directory: TempDir,
    clock: ManualClock,
}

impl File {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("s.db")
    }

    fn shell(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }

    async fn bare(&self) -> SqliteStore {
        let options = SqliteOptions {
            write_timeout: Duration::from_millis(400),
            ..SqliteOptions::default()
        };
        let clock: SharedClock = Arc::new(self.clock.clone());
        SqliteStore::open_with(&self.path(), clock, options)
            .await
            .unwrap()
    }

    async fn store(&self) -> SqliteStore {
        let store = self.bare().await;
        store.apply_schema().await.unwrap();
        store
    }
}

fn login(n: u8) -> NewSession {
    NewSession {
        key: SessionKey::from_bytes([n; 32]),
        id: Uuid::from_u128(u128::from(n)),
        group: Group::default(),
        site: SiteName::default(),
        identity: Identity::from_value(json!({"user": {"id": "7"}}))
            .unwrap()
            .0,
        ip: None,
        user_agent: "".into(),
        ttl: Duration::from_secs(3_600),
        idle: Duration::ZERO,
        references: References::default(),
        sampled: 0,
        origin: Origin::Login { replaces: None },
        limit: None,
    }
}

#[tokio::test]
async fn only_the_owner_may_read_the_file() {
    let file = File::new();
    let store = file.store().await;
    store.insert(&login(1)).await.unwrap();
    for name in ["s.db", "s.db-wal", "s.db-shm"] {
        let metadata = std::fs::metadata(file.directory.path().join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_an_error() {
    let file = File::new();
    let clock: SharedClock = Arc::new(SystemClock);
    let path = file.directory.path().join("missing/s.db");
    assert!(SqliteStore::open(&path, Arc::clone(&clock)).await.is_err());
    std::fs::write(
        file.path(),
        "this is not a database, and long enough to be noticed".repeat(40),
    )
    .unwrap();
    assert!(SqliteStore::open(&file.path(), clock).await.is_err());
}

#[tokio::test]
async fn time_is_what_the_clock_says() {
    let file = File::new();
    let store = file.store().await;
    let session = store.insert(&login(1)).await.unwrap();
    assert_eq!(session.created_at, file.clock.wall());
    file.clock.advance(Duration::from_secs(3_599));
    let snapshot = store.load(&session.key).await.unwrap();
    assert!(snapshot.row.unwrap().verdict(snapshot.now).is_ok());
    file.clock.advance(Duration::from_secs(1));
    let snapshot = store.load(&session.key).await.unwrap();
    assert!(snapshot.row.unwrap().verdict(snapshot.now).is_err());
    assert_eq!(
        store.pulse(Uuid::nil(), 0).await.unwrap().now,
        file.clock.wall()
    );
    let touch = Touch {
        key: session.key,
        age: Duration::ZERO,
    };
    assert_eq!(store.touch(&[touch]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_lock_in_other_hands_is_a_timeout_and_the_store_goes_on() {
    let file = File::new();
    let store = file.store().await;
    let session = store.insert(&login(1)).await.unwrap();
    let shell = file.shell();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let scope = Scope::Key(session.key);
    for _ in 0..2 {
        let revoked = store.revoke(&scope, RevokeReason::Admin).await;
        assert!(
            matches!(revoked, Err(StoreError::Timeout(ref limit)) if limit.millis() == 400),
            "{revoked:?}"
        );
    }
    store.load(&session.key).await.expect("reads do not wait");
    store
        .pulse(Uuid::nil(), 0)
        .await
        .expect("nor does the heartbeat");
    shell.execute_batch("COMMIT").unwrap();
    let revoked = store.revoke(&scope, RevokeReason::Admin).await.unwrap();
    assert_eq!((revoked.sessions, revoked.seq), (1, 1));
}

#[tokio::test]
async fn what_a_caller_gave_up_waiting_for_is_not_done_later() {
    let file = File::new();
    let store = file.store().await;
    let session = store.insert(&login(1)).await.unwrap();
    let shell = file.shell();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    let scope = Scope::Key(session.key);
    let user = Scope::User("7".into());
    // The first holds the turn; the second gives up before it comes to it.
    let (first, second) = tokio::join!(
        store.revoke(&user, RevokeReason::Admin),
        tokio::time::timeout(
            Duration::from_millis(50),
            store.revoke(&scope, RevokeReason::Admin)
        ),
    );
    assert!(first.is_err() && second.is_err());
    shell.execute_batch("COMMIT").unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    store.insert(&login(2)).await.unwrap();
    assert_eq!(
        store
            .find(session.id)
            .await
            .unwrap()
            .unwrap()
            .session
            .revoked,
        None
    );
}

#[tokio::test]
async fn no_row_is_replaced() {
    let file = File::new();
    let store = file.store().await;
    let session = store.insert(&login(1)).await.unwrap();
    let replace = "INSERT OR REPLACE INTO sidgate_session SELECT x'0202020202020202020202020202020202020202020202020202020202020202', \
                   id, user_id, tenant_id, identity, ip, user_agent, created_at, auth_time, last_activity, expires_at, idle_seconds, \
                   revoked_at, revoke_reason, ref, created_seq, version, renewed_at, session_group, site FROM sidgate_session";
    let shell = file.shell();
    assert!(shell.execute_batch(replace).is_err());
    assert!(store.load(&session.key).await.unwrap().row.is_some());
    let other = store.insert(&login(2)).await.unwrap();
    let revoked = store
        .revoke(&Scope::Key(session.key), RevokeReason::Logout)
        .await;
    assert_eq!(revoked.unwrap().sessions, 1);
    for revive in [
        "INSERT OR REPLACE INTO sidgate_session SELECT session_key, id, user_id, tenant_id, identity, ip, user_agent, created_at, \
         auth_time, last_activity, expires_at, idle_seconds, NULL, NULL, ref, created_seq, version, renewed_at, session_group, site \
         FROM sidgate_session WHERE revoked_at IS NOT NULL",
        "UPDATE OR REPLACE sidgate_session SET session_key = (SELECT session_key FROM sidgate_session WHERE revoked_at IS NOT NULL) \
         WHERE revoked_at IS NULL",
        "UPDATE OR REPLACE sidgate_session SET id = (SELECT id FROM sidgate_session WHERE revoked_at IS NOT NULL) \
         WHERE revoked_at IS NULL",
    ] {
        assert!(shell.execute_batch(revive).is_err(), "{revive}");
    }
    let row = store.load(&session.key).await.unwrap().row.unwrap();
    assert!(row.session.revoked.is_some());
    assert_eq!(
        store
            .load(&other.key)
            .await
            .unwrap()
            .row
            .unwrap()
            .session
            .id,
        other.id
    );
}

/// The number of an earlier revocation is borne out by its event, and would take the later one back.
#[tokio::test]
async fn no_revocation_is_replaced_by_an_earlier_one() {
    let file = File::new();
    let store = file.store().await;
    let user = Scope::User("7".into());
    store.revoke(&user, RevokeReason::Admin).await.unwrap();
    let mut new = login(1);
    new.sampled = store.head().await.unwrap();
    let session = store.insert(&new).await.unwrap();
    store.revoke(&user, RevokeReason::Admin).await.unwrap();
    let earlier =
        "INSERT OR REPLACE INTO sidgate_revocation (kind, subject, seq) VALUES ('user', '7', 1)";
    assert!(file.shell().execute_batch(earlier).is_err());
    let row = store.load(&session.key).await.unwrap().row.unwrap();
    assert_eq!(row.mass_revoked, Some(2));
}

#[tokio::test]
async fn housekeeping_of_the_expired_is_silent_once_it_is_said_how_far() {
    let file = File::new();
    let store = file.store().await;
    store.insert(&login(1)).await.unwrap();
    let mut later = login(2);
    later.ttl = Duration::from_secs(7_200);
    store.insert(&later).await.unwrap();
    file.clock.advance(Duration::from_secs(3_601));
    let now = file.clock.wall().as_micros();
    let clean = format!(
        "BEGIN; UPDATE sidgate_clock SET expired_before = {now}; DELETE FROM sidgate_session WHERE expires_at < {now}; COMMIT"
    );
    file.shell().execute_batch(&clean).unwrap();
    assert_eq!(store.head().await.unwrap(), 0);
    file.shell()
        .execute_batch("DELETE FROM sidgate_session")
        .unwrap();
    assert_eq!(store.head().await.unwrap(), 1);
}

#[tokio::test]
async fn a_schema_that_is_not_what_it_should_be_is_refused() {
    let file = File::new();
    let store = file.bare().await;
    let refused = async || match store.check_schema().await {
        Err(StoreError::Schema(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused().await, SchemaError::Missing);
    let other = file.bare().await;
    let (a, b) = tokio::join!(store.apply_schema(), other.apply_schema());
    a.unwrap();
    b.unwrap();
    store.check_schema().await.unwrap();
    let shell = file.shell();
    shell
        .execute_batch("INSERT INTO sidgate_schema (version) VALUES (99)")
        .unwrap();
    assert!(matches!(
        refused().await,
        SchemaError::New { found: 99, .. }
    ));
    assert!(store.apply_schema().await.is_err());
    shell
        .execute_batch("DELETE FROM sidgate_schema WHERE version = 99")
        .unwrap();
    shell
        .execute_batch("DROP TRIGGER sidgate_session_deleted")
        .unwrap();
    assert_eq!(
        refused().await,
        SchemaError::Trigger("sidgate_session_deleted")
    );
    assert!(
        store.apply_schema().await.is_err(),
        "a version that is recorded is not applied again"
    );
}

/// The shell of the distribution may be older than the library that is built in.
#[tokio::test]
async fn the_shell_counts() {
    let file = File::new();
    let store = file.store().await;
    let session = store.insert(&login(1)).await.unwrap();
    let shell = std::process::Command::new("sqlite3")
        .arg(file.path())
        .arg("UPDATE sidgate_session SET revoked_at = 1; INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', '7')")
        .status();
    let Ok(status) = shell else {
        return; // There is none here; the library plays it in the conformance suite.
    };
    assert!(status.success());
    let events = store.pulse(Uuid::nil(), 0).await.unwrap().events;
    let subjects: Vec<Subject> = events.into_iter().map(|event| event.subject).collect();
    assert_eq!(
        subjects,
        [Subject::Session(session.key), Subject::User("7".into())]
    );
}
