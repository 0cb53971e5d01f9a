//! How many statements and round trips an operation costs, as the server sees them. Whoever adds one changes the table.
//!
//! Each line has the statements of a flight, and ` | ` where the store waits for an answer before it goes on. What a
//! connection prepares it prepares once: the figures are those of the second time.

use std::num::NonZeroU32;

use session_core::clock::Timestamp;
use session_core::keys::legacy::{LegacyKey, LegacyRow};
use session_core::session::{OverLimit, SessionLimit};
use session_core::store::{
    Adopted, Adoption, Attached, Attachment, Change, LegacyStore as _, ProvenRow, Updated,
};
use session_testing::Tap;

use super::*;

mod traces;

/// Each operation, and what it asks.
type Table = Vec<(&'static str, String)>;

fn assert_asked(table: &Table, expected: &[(&str, &str)]) {
    let asked: Vec<(&str, &str)> = table.iter().map(|(what, by)| (*what, &**by)).collect();
    assert_eq!(asked, expected);
}

/// A store with one connection for requests, and what goes through its connections.
struct Asked {
    store: PostgresStore,
    tap: Tap,
    _database: TestDatabase,
}

impl Asked {
    async fn new() -> Self {
        let database = TestPostgres::shared().database();
        let tap = database.tap().await;
        let options = PostgresOptions {
            max_connections: 1,
            ..options()
        };
        let store = database.store_through(&tap, options);
        store.head().await.unwrap();
        Self {
            store,
            tap,
            _database: database,
        }
    }

    /// Does `work`, and adds what that asks of the server to `table`.
    async fn by<T>(
        &self,
        table: &mut Table,
        what: &'static str,
        work: impl Future<Output = T>,
    ) -> T {
        drop(self.tap.take());
        let done = work.await;
        table.push((what, self.tap.take()));
        done
    }

    async fn session(&self, n: u8) -> Session {
        self.store.insert(&login(n)).await.unwrap()
    }
}

fn key(n: u8) -> SessionKey {
    SessionKey::from_bytes([n; 32])
}

/// A login that ends the session `n` of the same browser.
fn instead_of(n: u8) -> NewSession {
    NewSession {
        origin: Origin::Login {
            replaces: Some(key(n)),
        },
        ..login(n + 1)
    }
}

fn limited(n: u8, over: OverLimit) -> NewSession {
    let max = NonZeroU32::MIN;
    NewSession {
        limit: Some(SessionLimit { max, over }),
        ..login(n)
    }
}

fn rotation(of: &Session, n: u8) -> NewSession {
    NewSession {
        origin: Origin::Rotation {
            of: of.key,
            version: of.version,
            auth_time: of.auth_time,
        },
        ..login(n)
    }
}

/// An old credential that was proved in 1970.
fn proven(n: u8) -> ProvenRow {
    ProvenRow {
        row: LegacyRow {
            key: LegacyKey::from_bytes([n; 32]),
            wrapped_sid: [n; 16],
        },
        proved: Timestamp::default(),
    }
}

/// A rotation of what `of` has rotated already.
fn rotation_of(of: &NewSession) -> NewSession {
    NewSession {
        key: key(99),
        id: Uuid::from_u128(99),
        ..of.clone()
    }
}

/// An old login with two cookies.
fn adoption(n: u8) -> Adoption {
    let mut session = login(n);
    session.origin = Origin::Adoption {
        proved: Timestamp::default(),
    };
    Adoption {
        erased: Vec::new(),
        session,
        rows: vec![proven(n), proven(n + 1)],
        kept: None,
    }
}

#[tokio::test]
async fn a_look_up_is_one_statement() {
    let asked = Asked::new().await;
    asked.session(1).await;
    let (key, mut table) = (key(1), Table::new());
    for _ in 0..2 {
        let found = asked.by(&mut table, "look-up", asked.store.load(&key));
        assert!(found.await.unwrap().row.is_some());
    }
    let expected = [("look-up", "PREPARE | SELECT"), ("look-up", "SELECT")];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn logins() {
    let asked = Asked::new().await;
    let (store, mut table) = (&asked.store, Table::new());
    for n in [1, 4] {
        table.clear();
        let plain = login(n);
        let made = asked.by(&mut table, "login", store.insert(&plain));
        made.await.unwrap();
        let again = instead_of(n);
        let made = asked.by(&mut table, "in place of another", store.insert(&again));
        let rotation = rotation(&made.await.unwrap(), n + 2);
        let rotated = asked.by(&mut table, "rotation", store.insert(&rotation));
        rotated.await.unwrap();
        let late = rotation_of(&rotation);
        let refused = asked.by(&mut table, "refused", store.insert(&late)).await;
        assert!(matches!(refused, Err(StoreError::RevokedMeanwhile)));
    }
    let expected = [
        ("login", "WITH"),
        ("in place of another", "WITH"),
        ("rotation", "BEGIN SELECT WITH COMMIT"),
        ("refused", "BEGIN SELECT WITH COMMIT"),
    ];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn logins_with_a_limit() {
    let asked = Asked::new().await;
    let (store, mut table) = (&asked.store, Table::new());
    for n in [1, 3] {
        table.clear();
        let evicting = limited(n, OverLimit::EvictOldest);
        let made = asked.by(&mut table, "evicting", store.insert(&evicting));
        made.await.unwrap();
        let denied = limited(n + 1, OverLimit::Deny);
        let refused = asked.by(&mut table, "denied", store.insert(&denied)).await;
        let full = StoreError::SessionLimit { sessions: 1 };
        assert_eq!(refused.unwrap_err().to_string(), full.to_string());
    }
    let expected = [
        ("evicting", "BEGIN SELECT WITH COMMIT"),
        ("denied", "BEGIN SELECT WITH COMMIT"),
    ];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn old_logins() {
    let asked = Asked::new().await;
    let (store, mut table) = (&asked.store, Table::new());
    for n in [10, 20] {
        table.clear();
        let adoption = adoption(n);
        let adopted = asked
            .by(&mut table, "adoption", store.adopt(&adoption))
            .await;
        assert!(matches!(adopted, Ok(Adopted::Made(_))), "{adopted:?}");
        let known = asked
            .by(&mut table, "known already", store.adopt(&adoption))
            .await;
        assert_eq!(known.unwrap(), Adopted::Known);
        let attachment = Attachment {
            erased: Vec::new(),
            session_key: key(n),
            group: Group::default(),
            user_id: "7".into(),
            tenant_id: None,
            rows: vec![proven(n + 2)],
        };
        let attached = asked.by(&mut table, "another cookie", store.attach(&attachment));
        assert_eq!(attached.await.unwrap(), Attached::Done);
        let keys = [LegacyKey::from_bytes([n; 32])];
        let recalled = asked.by(&mut table, "recall", store.recall(&keys)).await;
        assert_eq!(recalled.unwrap().rows.len(), 1);
    }
    let expected = [
        ("adoption", "BEGIN WITH | COMMIT"),
        ("known already", "BEGIN WITH | ROLLBACK"),
        ("another cookie", "BEGIN INSERT WITH | COMMIT"),
        ("recall", "SELECT"),
    ];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn changes_of_a_session() {
    let asked = Asked::new().await;
    let (store, mut table) = (&asked.store, Table::new());
    for n in [1, 3] {
        table.clear();
        let session = asked.session(n).await;
        let change = Change {
            identity: session.identity.clone(),
            references: References::default(),
        };
        let updated = store.update(&session.key, 1, &change);
        let updated = asked.by(&mut table, "update", updated).await;
        assert_eq!(updated.unwrap(), Updated::Done);
        let renewal = Renewal {
            of: session.key,
            to: key(n + 1),
            group: Group::default(),
            grace: Duration::from_secs(10),
        };
        let renewed = asked
            .by(&mut table, "another sid", store.renew(&renewal))
            .await;
        assert!(renewed.unwrap().is_some());
        let touches = [n, n + 1].map(|n| Touch {
            key: key(n),
            age: Duration::ZERO,
        });
        let moved = asked.by(&mut table, "uses", store.touch(&touches)).await;
        assert_eq!(moved.unwrap(), 1);
    }
    let expected = [
        ("update", "WITH"),
        ("another sid", "BEGIN WITH UPDATE COMMIT"),
        ("uses", "WITH"),
    ];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn ends() {
    let asked = Asked::new().await;
    let mut table = Table::new();
    for n in [1, 5] {
        table.clear();
        let mut sessions = Vec::new();
        for n in n..n + 3 {
            let mut new = login(n);
            new.sampled = asked.store.head().await.unwrap();
            sessions.push(asked.store.insert(&new).await.unwrap());
        }
        let of = |session: &Session| Scope::Key(session.key);
        let scopes = [
            ("logout", of(&sessions[0]), 1),
            ("logout of nothing", of(&sessions[0]), 0),
            (
                "one of a list",
                Scope::Handle {
                    id: sessions[1].id,
                    user_id: Some("7".into()),
                    group: None,
                },
                1,
            ),
            (
                "all others",
                Scope::Others {
                    user_id: "7".into(),
                    keep: sessions[1].key,
                    group: None,
                },
                1,
            ),
            (
                "a user in a group",
                Scope::Member {
                    user_id: "9".into(),
                    group: Group::default(),
                },
                0,
            ),
            ("a user", Scope::User("9".into()), 0),
            ("a tenant", Scope::Tenant("t9".into()), 0),
            ("everybody", Scope::All, 0),
        ];
        for (what, scope, ended) in scopes {
            let revoked = asked.store.revoke(&scope, RevokeReason::Admin);
            let revoked = asked.by(&mut table, what, revoked).await.unwrap();
            assert_eq!(revoked.sessions, ended, "{what}");
        }
    }
    let expected = [
        ("logout", "WITH SELECT"),
        ("logout of nothing", "WITH SELECT"),
        ("one of a list", "WITH SELECT"),
        ("all others", "BEGIN INSERT WITH SET SELECT COMMIT"),
        ("a user in a group", "SELECT | INSERT SELECT"),
        ("a user", "SELECT | INSERT SELECT"),
        ("a tenant", "SELECT | INSERT SELECT"),
        ("everybody", "SELECT | INSERT SELECT"),
    ];
    assert_asked(&table, &expected);
}

#[tokio::test]
async fn heartbeats() {
    let asked = Asked::new().await;
    let (node, mut table) = (Uuid::from_u128(1), Table::new());
    for _ in 0..2 {
        table.clear();
        let beat = asked.store.report_and_pulse(node, 0, None);
        asked.by(&mut table, "heartbeat", beat).await.unwrap();
        let nodes = asked.store.nodes(Duration::from_secs(9));
        let nodes = asked.by(&mut table, "who has heard", nodes).await;
        assert_eq!(nodes.unwrap().len(), 1);
    }
    // Two transactions: whoever looks for nodes after the events were read finds this one.
    let expected = [("heartbeat", "INSERT SELECT"), ("who has heard", "SELECT")];
    assert_asked(&table, &expected);
}
