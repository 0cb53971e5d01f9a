//! Every call of the store, so that each of its statements is run once.

use session_core::clock::Timestamp;
use session_core::hint::HintStream;
use session_core::keys::legacy::{LegacyKey, LegacyRow};
use session_core::keys::login::LoginDigest;
use session_core::keys::person::Person;
use session_core::session::{OverLimit, SessionLimit};
use session_core::store::{
    Adoption, Attachment, Change, CodeDigest, Cursor, InspectStore as _, LegacyStore as _,
    LoginSeen, LoginStore as _, PersonStore as _, ProvenRow, Search, Seen, Sighting,
    SightingStore as _,
};
use session_testing::TestDatabase;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const BATCH: usize = 100;

/// Sessions that live, each once.
struct Living(std::vec::IntoIter<Session>);

impl Living {
    async fn of(store: &PostgresStore) -> Self {
        let search = Search {
            limit: 200,
            ..Search::default()
        };
        Self(store.search(&search).await.unwrap().into_iter())
    }

    fn next(&mut self) -> Session {
        self.0.next().unwrap()
    }
}

pub(super) async fn each(store: &PostgresStore, database: &TestDatabase) {
    let client = database.client().await;
    // Numbers of new rows: those of the calls before are taken.
    let taken = client.query_one("SELECT count(*) FROM sidgate_session", &[]);
    let taken: i64 = taken.await.unwrap().get(0);
    let mut living = Living::of(store).await;
    inspected(store).await;
    read(store, &mut living).await;
    let made = logins(store, u64::try_from(taken).unwrap()).await;
    changes(store, &mut living, made).await;
    old_logins(store, &mut living, made).await;
    beside(store, &mut living).await;
    ends(store, &mut living).await;
    person(store, &mut living).await;
    kept_house(store).await;
}

async fn inspected(store: &PostgresStore) {
    store.check_schema().await.unwrap();
    store.about().await.unwrap();
    store.clock().await.unwrap();
    store.figures().await.unwrap();
    let _hints: Box<dyn HintStream> = store.listen().await.unwrap().unwrap();
    let node = Uuid::from_u128(1);
    let head = store.head().await.unwrap();
    store.report_and_pulse(node, head, None).await.unwrap();
    store.report(node, head, None).await.unwrap();
    store.pulse(node, head - 5).await.unwrap();
    store.history(1_000).await.unwrap();
    store.nodes(DAY).await.unwrap();
    store.retire(node).await.unwrap();
}

async fn read(store: &PostgresStore, living: &mut Living) {
    let one = living.next();
    assert!(store.load(&one.key).await.unwrap().row.is_some());
    assert!(store.find(one.id).await.unwrap().is_some());
    let (user, group) = (one.identity.user_id(), Group::default());
    let listed = store.list_by_user(user, &group, None, 101).await.unwrap();
    let place = Some(listed.first().unwrap().place());
    store.list_by_user(user, &group, place, 101).await.unwrap();
    let of_user = Search {
        user_id: Some(user.into()),
        limit: 101,
        ..Search::default()
    };
    assert!(!store.search(&of_user).await.unwrap().is_empty());
    let of_tenant = Search {
        tenant_id: one.identity.tenant_id().map(Into::into),
        after: Some(one.id),
        limit: 101,
        ..Search::default()
    };
    store.search(&of_tenant).await.unwrap();
    store.count_live().await.unwrap();
}

/// A login of a user of its own.
fn new(n: u64) -> NewSession {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&n.to_be_bytes());
    let user = format!("new-{n}");
    let identity = json!({"user": {"id": user}, "tenant_id": "t1"});
    NewSession {
        key: SessionKey::from_bytes(bytes),
        id: Uuid::from_u128(u128::from(n)),
        identity: Identity::from_value(identity).unwrap().0,
        ..login(0)
    }
}

/// The number of the first row that is free after it.
async fn logins(store: &PostgresStore, n: u64) -> u64 {
    let head = store.head().await.unwrap();
    let new = |n| NewSession {
        sampled: head,
        ..new(n)
    };
    let first = store.insert(&new(n)).await.unwrap();
    let mut second = new(n + 1);
    second.origin = Origin::Login {
        replaces: Some(first.key),
    };
    let second = store.insert(&second).await.unwrap();
    let mut rotated = new(n + 2);
    rotated.identity = second.identity.clone();
    rotated.origin = Origin::Rotation {
        of: second.key,
        version: second.version,
        auth_time: second.auth_time,
    };
    store.insert(&rotated).await.unwrap();
    for (number, over) in [(n + 3, OverLimit::EvictOldest), (n + 4, OverLimit::Deny)] {
        let mut limited = new(number);
        let max = std::num::NonZeroU32::MIN;
        limited.limit = Some(SessionLimit { max, over });
        store.insert(&limited).await.unwrap();
    }
    n + 5
}

async fn changes(store: &PostgresStore, living: &mut Living, n: u64) {
    let session = living.next();
    let change = Change {
        identity: session.identity.clone(),
        references: References::default(),
    };
    let version = session.version;
    store.update(&session.key, version, &change).await.unwrap();
    let renewal = Renewal {
        of: session.key,
        to: new(n + 10).key,
        group: Group::default(),
        grace: Duration::from_secs(10),
    };
    assert!(store.renew(&renewal).await.unwrap().is_some());
    let used = [(); 20].map(|()| Touch {
        key: living.next().key,
        age: Duration::ZERO,
    });
    store.touch(&used).await.unwrap();
}

async fn old_logins(store: &PostgresStore, living: &mut Living, n: u64) {
    let proven = |n: u64| ProvenRow {
        row: LegacyRow {
            key: LegacyKey::from_bytes(*new(n).key.as_bytes()),
            wrapped_sid: [7; 16],
        },
        proved: Timestamp::default(),
    };
    let mut session = new(n);
    session.sampled = store.head().await.unwrap();
    session.origin = Origin::Adoption {
        proved: Timestamp::default(),
    };
    let adoption = Adoption {
        session,
        rows: vec![proven(n)],
        erased: Vec::new(),
        kept: Some(vec![1]),
    };
    store.adopt(&adoption).await.unwrap();
    let joined = living.next();
    let attachment = Attachment {
        session_key: joined.key,
        group: Group::default(),
        user_id: joined.identity.user_id().into(),
        tenant_id: joined.identity.tenant_id().map(Into::into),
        rows: vec![proven(n + 1)],
        erased: Vec::new(),
    };
    store.attach(&attachment).await.unwrap();
    store.recall(&[proven(n).row.key]).await.unwrap();
    store.kept(&joined.key).await.unwrap();
    store.cut_off("new", &Group::default()).await.unwrap();
    let seen = Seen {
        what: "seen".into(),
        times: 1,
    };
    store.tally(&[seen]).await.unwrap();
    store.tallied().await.unwrap();
}

/// Where sessions are used, and where accounts log in.
async fn beside(store: &PostgresStore, living: &mut Living) {
    let session = living.next();
    let seen = Sighting {
        session: session.id,
        user_id: session.identity.user_id().into(),
        tenant_id: None,
        at: session.last_activity,
        left_at: None,
        network: Ipv4Addr::LOCALHOST.into(),
        family: "curl".into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    };
    store.sight(&seen).await.unwrap();
    store.sightings_of(session.id, 50).await.unwrap();
    store.flags(&[session.id], 50).await.unwrap();
    let from = Cursor::before(session.created_at);
    store.sightings_from(from, 100).await.unwrap();
    let digest = |n: u8| LoginDigest::from_slice(&[n; 32]).unwrap();
    let login = LoginSeen {
        account: digest(1),
        owner: digest(2),
        network: digest(3),
    };
    store.note_login(&login).await.unwrap();
    let known = store.familiar(&login.account, &login.network, DAY);
    assert!(known.await.unwrap().is_some());
    store.redeem(&CodeDigest::of("a code")).await.unwrap();
}

async fn ends(store: &PostgresStore, living: &mut Living) {
    let (one, other, owner) = (living.next(), living.next(), living.next());
    let of = |session: &Session| session.identity.user_id().into();
    let scopes = [
        Scope::Key(one.key),
        Scope::Handle {
            id: other.id,
            user_id: Some(of(&other)),
            group: None,
        },
        Scope::Others {
            user_id: of(&owner),
            keep: owner.key,
            group: None,
        },
        Scope::Member {
            user_id: of(&living.next()),
            group: Group::default(),
        },
        Scope::User(of(&living.next())),
        Scope::Tenant("tenant-1".into()),
    ];
    for scope in scopes {
        revoke(store, scope).await;
    }
}

async fn person(store: &PostgresStore, living: &mut Living) {
    let user: Box<str> = living.next().identity.user_id().into();
    let owner = LoginDigest::from_slice(&[2; 32]).unwrap();
    let person = Person {
        user_id: user.clone(),
        owners: vec![owner],
        erased: vec!["erased 1".into()],
    };
    store.sessions_of(&user, None, BATCH).await.unwrap();
    store.sightings_of_user(&user, 0, BATCH).await.unwrap();
    store.traces(&person).await.unwrap();
    let head = store.head().await.unwrap();
    store.erase_sessions(&user, head, BATCH).await.unwrap();
    store.erase_sightings(&user, 0, BATCH).await.unwrap();
    store.erase_logins(&[owner]).await.unwrap();
    store.hide_cutoffs(&person).await.unwrap();
}

/// Last, because everybody's sessions end before it.
async fn kept_house(store: &PostgresStore) {
    let done = store.housekeep(BATCH).await.unwrap();
    assert!(done.more && done.sessions > 0, "{done:?}");
    store.forget_legacy(180 * DAY, BATCH).await.unwrap();
    store.forget_sightings(25 * DAY, BATCH).await.unwrap();
    store.forget_logins(29 * DAY, BATCH).await.unwrap();
}
