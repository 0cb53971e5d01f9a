//! How many statements an operation costs, lane by lane. Whoever adds one changes the table. What triggers do is not counted.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::*;
use crate::clock::{SystemClock, Timestamp};
use crate::keys::legacy::LegacyRow;
use crate::session::{
    Group, Identity, Origin, OverLimit, References, SessionLimit, SiteName, Text,
};
use crate::store::ProvenRow;

thread_local! {
    /// What the connection of this thread was told to do: the first word of each statement.
    static HEARD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(event: TraceEvent<'_>) {
    // A trigger's text is a comment.
    if let TraceEvent::Stmt(_, text) = event
        && !text.starts_with("--")
    {
        let word = text.split_whitespace().next().unwrap_or_default();
        HEARD.with_borrow_mut(|heard| heard.push(word.to_owned()));
    }
}

/// A store, and what its connections are told to do.
struct Asked {
    store: SqliteStore,
    table: Vec<(&'static str, String)>,
    _folder: TempDir,
}

impl Asked {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("s.db");
        let store = SqliteStore::open(&path, Arc::new(SystemClock)).await;
        let store = store.unwrap();
        store.apply_schema().await.unwrap();
        for (_, lane) in lanes(&store) {
            let traced = lane.call(|connection| {
                connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
                Ok(())
            });
            traced.await.unwrap();
        }
        Self {
            store,
            table: Vec::new(),
            _folder: folder,
        }
    }

    /// Adds what was asked since the last call: lane by lane, and the statements of each.
    async fn was(&mut self, what: &'static str) {
        let mut all = Vec::new();
        for (name, lane) in lanes(&self.store) {
            let heard = lane.call(|_connection| Ok(HEARD.take())).await.unwrap();
            if !heard.is_empty() {
                all.push(format!("{name}: {}", heard.join(" ")));
            }
        }
        self.table.push((what, all.join(" | ")));
    }

    fn assert(&self, expected: &[(&str, &str)]) {
        let table = self.table.iter().map(|(what, asked)| (*what, &**asked));
        assert_eq!(table.collect::<Vec<_>>(), expected);
    }
}

fn lanes(store: &SqliteStore) -> [(&'static str, &Lane); 5] {
    [
        ("writer", store.writer.alone()),
        ("chores", &store.chores),
        ("reader", &store.reader),
        ("pulse", &store.pulse),
        ("operators", &store.operators),
    ]
}

fn key(n: u8) -> SessionKey {
    SessionKey::from_bytes([n; 32])
}

fn login(n: u8) -> NewSession {
    let identity = Identity::from_value(json!({"user": {"id": "7"}})).unwrap();
    NewSession {
        key: key(n),
        id: Uuid::from_u128(u128::from(n)),
        group: Group::default(),
        site: SiteName::default(),
        identity: identity.0,
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

fn proven(n: u8) -> ProvenRow {
    ProvenRow {
        row: LegacyRow {
            key: LegacyKey::from_bytes([n; 32]),
            wrapped_sid: [n; 16],
        },
        proved: Timestamp::default(),
    }
}

#[tokio::test]
async fn logins() {
    let mut asked = Asked::new().await;
    asked.store.insert(&login(1)).await.unwrap();
    asked.was("login").await;
    let replaces = Some(key(1));
    let origin = Origin::Login { replaces };
    let new = NewSession { origin, ..login(2) };
    let session = asked.store.insert(&new).await.unwrap();
    asked.was("in place of another").await;
    let origin = Origin::Rotation {
        of: session.key,
        version: session.version,
        auth_time: session.auth_time,
    };
    let new = NewSession { origin, ..login(3) };
    asked.store.insert(&new).await.unwrap();
    asked.was("rotation").await;
    let again = NewSession { origin, ..login(4) };
    asked.store.insert(&again).await.unwrap_err();
    asked.was("refused").await;
    let limit = |over| {
        let max = NonZeroU32::MIN;
        Some(SessionLimit { max, over })
    };
    let new = NewSession {
        limit: limit(OverLimit::EvictOldest),
        ..login(5)
    };
    asked.store.insert(&new).await.unwrap();
    asked.was("evicting").await;
    let new = NewSession {
        limit: limit(OverLimit::Deny),
        ..login(6)
    };
    asked.store.insert(&new).await.unwrap_err();
    asked.was("denied").await;
    asked.assert(&[
        ("login", "writer: BEGIN SELECT INSERT SELECT COMMIT"),
        (
            "in place of another",
            "writer: BEGIN SELECT INSERT UPDATE SELECT COMMIT",
        ),
        (
            "rotation",
            "writer: BEGIN SELECT INSERT UPDATE SELECT COMMIT",
        ),
        ("refused", "writer: BEGIN SELECT ROLLBACK"),
        (
            "evicting",
            "writer: BEGIN SELECT SELECT UPDATE INSERT SELECT COMMIT",
        ),
        ("denied", "writer: BEGIN SELECT SELECT ROLLBACK"),
    ]);
}

#[tokio::test]
async fn old_logins() {
    let mut asked = Asked::new().await;
    let proved = Timestamp::default();
    let session = NewSession {
        origin: Origin::Adoption { proved },
        ..login(1)
    };
    let adoption = Adoption {
        erased: Vec::new(),
        session,
        rows: vec![proven(1), proven(2)],
        kept: None,
    };
    asked.store.adopt(&adoption).await.unwrap();
    asked.was("adoption").await;
    let known = asked.store.adopt(&adoption).await.unwrap();
    assert_eq!(known, Adopted::Known);
    asked.was("known already").await;
    let attachment = Attachment {
        erased: Vec::new(),
        session_key: key(1),
        group: Group::default(),
        user_id: "7".into(),
        tenant_id: None,
        rows: vec![proven(3)],
    };
    let attached = asked.store.attach(&attachment).await.unwrap();
    assert_eq!(attached, Attached::Done);
    asked.was("another cookie").await;
    let keys = [LegacyKey::from_bytes([1; 32])];
    asked.store.recall(&keys).await.unwrap();
    asked.was("recall").await;
    asked.assert(&[
        (
            "adoption",
            "writer: BEGIN SELECT SELECT INSERT INSERT INSERT SELECT COMMIT",
        ),
        (
            "known already",
            "writer: BEGIN SELECT SELECT INSERT ROLLBACK",
        ),
        (
            "another cookie",
            "writer: BEGIN SELECT SELECT INSERT COMMIT",
        ),
        ("recall", "reader: BEGIN SELECT ROLLBACK"),
    ]);
}

#[tokio::test]
async fn sessions_in_use() {
    let mut asked = Asked::new().await;
    let session = asked.store.insert(&login(1)).await.unwrap();
    asked.was("login").await;
    asked.table.clear();
    asked.store.load(&key(1)).await.unwrap();
    asked.was("look-up").await;
    let change = Change {
        identity: session.identity,
        references: References::default(),
    };
    asked.store.update(&key(1), 1, &change).await.unwrap();
    asked.was("update").await;
    let renewal = Renewal {
        of: key(1),
        to: key(2),
        group: Group::default(),
        grace: Duration::from_secs(10),
    };
    asked.store.renew(&renewal).await.unwrap().unwrap();
    asked.was("another sid").await;
    let touches = [1, 2].map(|n| Touch {
        key: key(n),
        age: Duration::ZERO,
    });
    asked.store.touch(&touches).await.unwrap();
    asked.was("two uses").await;
    let node = Uuid::from_u128(1);
    asked.store.report_and_pulse(node, 0, None).await.unwrap();
    asked.was("heartbeat").await;
    asked.store.nodes(Duration::from_secs(9)).await.unwrap();
    asked.was("who has heard").await;
    asked.assert(&[
        ("look-up", "reader: SELECT"),
        ("update", "writer: BEGIN SELECT UPDATE COMMIT"),
        (
            "another sid",
            "writer: BEGIN UPDATE UPDATE UPDATE INSERT SELECT COMMIT",
        ),
        ("two uses", "writer: BEGIN UPDATE UPDATE COMMIT"),
        ("heartbeat", "chores: INSERT | pulse: SELECT"),
        ("who has heard", "reader: SELECT"),
    ]);
}

#[tokio::test]
async fn ends() {
    let mut asked = Asked::new().await;
    for n in 1..=3 {
        asked.store.insert(&login(n)).await.unwrap();
    }
    asked.was("logins").await;
    asked.table.clear();
    let user_id = Text::from("7");
    let scopes = [
        ("logout", Scope::Key(key(1))),
        (
            "one of a list",
            Scope::Handle {
                id: Uuid::from_u128(2),
                user_id: Some(user_id.clone()),
                group: None,
            },
        ),
        (
            "all others",
            Scope::Others {
                user_id: user_id.clone(),
                keep: key(3),
                group: None,
            },
        ),
        (
            "a member",
            Scope::Member {
                user_id: user_id.clone(),
                group: Group::default(),
            },
        ),
        ("a user", Scope::User(user_id)),
        ("everybody", Scope::All),
    ];
    for (what, scope) in scopes {
        let revoked = asked.store.revoke(&scope, RevokeReason::Admin).await;
        revoked.unwrap();
        asked.was(what).await;
    }
    asked.assert(&[
        ("logout", "writer: BEGIN UPDATE SELECT COMMIT"),
        ("one of a list", "writer: BEGIN UPDATE SELECT COMMIT"),
        ("all others", "writer: BEGIN INSERT UPDATE SELECT COMMIT"),
        (
            "a member",
            "writer: BEGIN SELECT INSERT UPDATE SELECT COMMIT",
        ),
        ("a user", "writer: BEGIN SELECT INSERT UPDATE SELECT COMMIT"),
        (
            "everybody",
            "writer: BEGIN SELECT INSERT UPDATE SELECT COMMIT",
        ),
    ]);
}

#[tokio::test]
async fn traces_of_a_login() {
    let mut asked = Asked::new().await;
    let digest = |byte| LoginDigest::from_slice(&[byte; 32]).unwrap();
    let seen = LoginSeen {
        account: digest(1),
        owner: digest(2),
        network: digest(3),
    };
    let within = Duration::from_secs(60);
    let familiar = asked.store.familiar(&seen.account, &seen.network, within);
    familiar.await.unwrap();
    asked.was("familiar").await;
    for what in ["new network", "known network"] {
        asked.store.note_login(&seen).await.unwrap();
        asked.was(what).await;
    }
    let sighting = Sighting {
        session: Uuid::from_u128(1),
        user_id: "7".into(),
        tenant_id: None,
        at: Timestamp::default(),
        left_at: None,
        network: Ipv4Addr::LOCALHOST.into(),
        family: "curl".into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    };
    asked.store.sight(&sighting).await.unwrap();
    asked.was("sighting").await;
    asked.assert(&[
        ("familiar", "reader: WITH"),
        ("new network", "chores: INSERT DELETE"),
        ("known network", "chores: INSERT"),
        ("sighting", "chores: INSERT"),
    ]);
}
