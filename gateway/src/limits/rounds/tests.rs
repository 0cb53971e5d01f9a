//! Who is rung for, who is not, and that nothing is left of those that went.

use std::future::ready;

use serde_json::json;
use session_core::cache::LocalLimits;
use session_core::cache::breaker::BreakerLimits;
use session_core::clock::SystemClock;
use session_core::entropy::SystemEntropy;
use session_core::keys::{Keyring, MasterKey};
use session_core::service::{Login, Parts, Query, Resolution, SessionsOptions, Wait};
use session_core::session::{Group, Identity, RevokeReason, SiteName};
use session_core::store::sqlite::SqliteStore;
use session_core::store::{Scope, SessionStore as _};
use tokio::runtime::Handle;

use super::*;

/// So long that only events ring.
const NOT_IN_THIS_TEST: Duration = Duration::from_secs(3_600);
const PATIENCE: Duration = Duration::from_secs(10);

struct Site {
    sessions: Arc<Sessions>,
    rounds: Arc<Rounds>,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("s.db"), Arc::new(SystemClock))
            .await
            .unwrap();
        store.apply_schema().await.unwrap();
        let parts = Parts {
            store: Arc::new(store),
            shared: None,
            keys: Arc::new(Keyring::new(MasterKey::from_bytes([7; 32]), vec![])),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            runtime: Handle::current(),
        };
        let options = SessionsOptions {
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
        let site = Self {
            sessions: Sessions::start(parts, options),
            rounds: Arc::default(),
            _folder: folder,
        };
        until(|| site.sessions.readiness().lease).await;
        site
    }

    async fn log_in(&self, user: &str) -> Bound {
        let login = Login {
            group: Group::default(),
            site: SiteName::default(),
            identity: Identity::from_value(json!({"user": {"id": user}}))
                .unwrap()
                .0,
            reference: None,
            ip: None,
            user_agent: "test".into(),
            ttl: Duration::from_secs(3_600),
            idle: Duration::ZERO,
            replaces: None,
            limit: None,
            ends_with_browser: false,
        };
        let ticket = self.sessions.begin_login().await.unwrap();
        let key = self
            .sessions
            .create(ticket, login)
            .await
            .unwrap()
            .session
            .key;
        match self
            .sessions
            .resolve_key(key, &Group::default(), Query::default())
            .await
        {
            Resolution::Active(active) => Bound {
                key,
                known: Some(active.entry),
            },
            other => panic!("{other:?}"),
        }
    }

    async fn end(&self, bound: &Bound) {
        let scope = Scope::Key(bound.key);
        let ended = self.sessions.revoke(scope, RevokeReason::Logout, Wait::All);
        ended.await.unwrap();
    }

    fn streams_of(&self, bound: &Bound, count: usize) -> Vec<Member> {
        let streams = (0..count).map(|_| self.rounds.enter());
        streams
            .inspect(|bell| bell.bind(Some(bound.clone())))
            .collect()
    }

    fn go_round(&self) -> usize {
        let mut bound = Vec::new();
        self.rounds.go_round(&self.sessions, &mut bound);
        bound.len()
    }
}

async fn until(condition: impl Fn() -> bool + Send + Sync) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.unwrap();
}

fn rung(bells: &[Member]) -> usize {
    bells.iter().filter(|bell| bell.take_ring()).count()
}

#[test]
fn whoever_goes_leaves_nothing_and_whoever_stays_is_still_rung_for() {
    let rounds = Arc::<Rounds>::default();
    let mut members: Vec<_> = (0..1_000).map(|_| rounds.enter()).collect();
    let mut number = 0;
    members.retain(|_| {
        number += 1;
        number % 7 == 0
    });
    assert_eq!(rounds.len(), members.len());

    rounds.ring_all();

    assert_eq!(rung(&members), members.len());
    assert_eq!(rung(&members), 0, "a ring is heard once");
    members.clear();
    assert_eq!(rounds.len(), 0);
    let kept: usize = rounds
        .shards
        .iter()
        .map(|bells| bells.lock().capacity())
        .sum();
    assert!(kept < 100, "room for {kept} is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_rings_for_those_whose_time_has_come() {
    let site = Site::new().await;
    let [early, late, never, moved] = [(); 4].map(|()| site.rounds.enter());
    let now = site.sessions.clock().boot();
    early.wait_until(now);
    late.wait_until(now.plus(NOT_IN_THIS_TEST));
    moved.wait_until(now);
    moved.wait_for_ever();

    site.go_round();

    let bells = [early, late, never, moved];
    assert_eq!(
        bells.map(|bell| bell.take_ring()),
        [true, false, false, false]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_a_session_rings_for_its_own_streams_before_the_next_round() {
    let site = Site::new().await;
    let [alice, bob, carol] = [
        site.log_in("alice").await,
        site.log_in("bob").await,
        site.log_in("carol").await,
    ];
    let (of_alice, of_bob) = (site.streams_of(&alice, 500), site.streams_of(&bob, 500));
    let nobodys = site.rounds.enter();
    assert_eq!(site.go_round(), 1_000);
    let running = Arc::clone(&site.rounds).run(Arc::clone(&site.sessions), NOT_IN_THIS_TEST);
    let running = Handle::current().spawn(running);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let loads = || site.sessions.stats().store_loads.get();
    let before = loads();

    site.end(&carol).await;
    tokio::time::sleep(LOOK_GAP * 3).await;

    assert_eq!(rung(&of_alice) + rung(&of_bob), 0, "it is nobody's of them");
    assert_eq!(loads(), before, "nobody asks the store");

    site.end(&alice).await;
    until(|| {
        of_alice
            .iter()
            .all(|bell| bell.rung.load(Ordering::Relaxed))
    })
    .await;
    assert_eq!(rung(&of_bob), 0);
    assert!(!nobodys.take_ring());
    assert_eq!(loads(), before);
    running.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_a_session_settles_the_doubt() {
    let site = Site::new().await;
    let known = site.log_in("alice").await;
    let bell = site.rounds.enter();
    bell.bind(Some(Bound {
        known: None,
        ..known.clone()
    }));
    site.go_round();
    assert!(
        bell.take_ring() && bell.is_in_doubt(&site.sessions),
        "nothing is known"
    );

    bell.know(&known.key, known.known.clone().unwrap());

    site.go_round();
    assert!(!bell.take_ring() && !bell.is_in_doubt(&site.sessions));
    let other = SessionKey::from_bytes([9; 32]);
    bell.bind(Some(Bound {
        key: other,
        known: None,
    }));
    bell.know(&known.key, known.known.clone().unwrap());
    assert!(
        bell.is_in_doubt(&site.sessions),
        "it is bound to another one by now"
    );
    bell.bind(None);
    assert_eq!(site.go_round(), 0);
}

#[tokio::test]
async fn work_goes_on_at_a_ring_that_does_not_concern_it() {
    let member = Arc::<Rounds>::default().enter();
    let rings = AtomicUsize::new(0);
    let second = || rings.fetch_add(1, Ordering::Relaxed) == 1;
    assert_eq!(member.unless(|| true, ready(7)).await, Some(7));
    member.ring();
    let ringing = async {
        tokio::task::yield_now().await;
        member.ring();
        std::future::pending::<()>().await;
    };
    assert_eq!(member.unless(second, ringing).await, None);
    assert_eq!(rings.load(Ordering::Relaxed), 2);
}
