use std::collections::VecDeque;

use async_trait::async_trait;
use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;
use crate::cache::{Entry, Local, LocalLimits};
use crate::clock::{Boot, SystemClock, Timestamp};
use crate::freshness::Standing;
use crate::freshness::tail::EventTail;
use crate::session::{Group, Identity, Session, SiteName};
use crate::sid::SessionKey;
use crate::stats::ResetReason;
use crate::store::sqlite::SqliteStore;
use crate::store::{Event, SessionStore};

const KEY: SessionKey = SessionKey::from_bytes([1; 32]);
const OTHER: SessionKey = SessionKey::from_bytes([2; 32]);
const MILLI: Duration = Duration::from_millis(1);

/// A channel that says what the test says, and breaks when the test lets go of it.
struct Scripted(mpsc::UnboundedReceiver<Hint>);

#[async_trait]
impl HintStream for Scripted {
    async fn next(&mut self) -> HintResult<Hint> {
        self.0
            .recv()
            .await
            .ok_or_else(|| HintError::broken("the test let go"))
    }
}

type Opened = HintResult<Option<Box<dyn HintStream>>>;

fn channel() -> (mpsc::UnboundedSender<Hint>, Opened) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (sender, Ok(Some(Box::new(Scripted(receiver)))))
}

fn session(key: SessionKey) -> Session {
    let identity = Identity::from_value(serde_json::json!({"user": {"id": "7"}}));
    Session {
        key,
        id: uuid::Uuid::nil(),
        group: Group::default(),
        site: SiteName::default(),
        identity: identity.unwrap().0,
        ip: None,
        user_agent: "".into(),
        created_at: Timestamp::default(),
        auth_time: Timestamp::default(),
        last_activity: Timestamp::default(),
        expires_at: Timestamp::default(),
        idle: Duration::ZERO,
        revoked: None,
        references: crate::session::References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    }
}

/// A node that follows hints; attempts to open a channel answer in order, and after the last one hang.
struct Follows {
    local: Arc<Local>,
    node: Arc<Node>,
    /// When each attempt was made.
    attempts: Arc<Mutex<Vec<Instant>>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

fn some_room() -> Arc<Local> {
    let limits = LocalLimits {
        max_entries: 10,
        max_bytes: 1 << 20,
    };
    Arc::new(Local::new(limits, Duration::from_secs(60)))
}

/// Drops what hints name.
struct Forgets(Arc<Local>);

impl Listener for Forgets {
    fn hinted(&self, key: &SessionKey) {
        self.0.forget(key);
    }
    fn applied(&self, _event: &Event) {}
    fn reset(&self, _reason: ResetReason) {}
}

async fn node() -> Arc<Node> {
    let directory = tempfile::tempdir().unwrap();
    let clock: crate::clock::SharedClock = Arc::new(SystemClock);
    let path = directory.path().join("s.db");
    let store = SqliteStore::open(&path, Arc::clone(&clock)).await.unwrap();
    store.apply_schema().await.unwrap();
    // The node whose pauses are not longer than any other's.
    let id = uuid::Uuid::nil();
    Arc::new(Node::new(id, Arc::new(store), clock))
}

/// A node without a heartbeat. Its store is made where time goes on.
fn idle() -> Arc<Node> {
    let made = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(node())
    });
    made.join().unwrap()
}

impl Follows {
    fn start(script: impl IntoIterator<Item = Opened>, node: Arc<Node>) -> Self {
        let local = some_room();
        let attempts = Arc::<Mutex<Vec<Instant>>>::default();
        let script = Mutex::new(script.into_iter().collect::<VecDeque<_>>());
        let made = Arc::clone(&attempts);
        let follower = Follower {
            channel: "scripted",
            open: Box::new(move || {
                made.lock().push(Instant::now());
                match script.lock().pop_front() {
                    Some(answer) => async move { answer }.boxed(),
                    None => futures_util::future::pending().boxed(),
                }
            }),
            listener: Arc::new(Forgets(Arc::clone(&local))),
            node: Arc::clone(&node),
        };
        let stop = CancellationToken::new();
        let task = follow_hints(follower, stop.clone());
        Self {
            local,
            node,
            attempts,
            stop,
            task: tokio::runtime::Handle::current().spawn(task),
        }
    }

    fn remember(&self, key: SessionKey) {
        let ttl = Duration::from_secs(60);
        self.local.put(Arc::new(Entry::new(
            session(key),
            Standing::default(),
            Boot::default(),
            ttl,
        )));
    }

    fn knows(&self, key: SessionKey) -> bool {
        self.local.get(&key).is_some()
    }

    fn wakes(&self) -> u64 {
        self.node.stats.hint_wakes.get()
    }

    /// The pauses between attempts, in milliseconds.
    fn pauses(&self) -> Vec<u128> {
        let attempts = self.attempts.lock();
        let pairs = attempts.windows(2);
        pairs.map(|pair| (pair[1] - pair[0]).as_millis()).collect()
    }
}

async fn settle() {
    time::sleep(MILLI).await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_drops_the_session_that_it_names_and_no_other() {
    let (sender, opened) = channel();
    let node = Follows::start([opened], idle());
    settle().await;
    assert_eq!(node.wakes(), 1, "for what came before the channel");
    for key in [KEY, OTHER] {
        node.remember(key);
    }
    sender.send(Hint::Something).unwrap();
    settle().await;
    assert!(node.knows(KEY) && node.knows(OTHER));
    sender.send(Hint::Session(KEY)).unwrap();
    settle().await;
    assert!(!node.knows(KEY), "at once, also while the heartbeat rests");
    assert!(node.knows(OTHER));
    assert_eq!(node.node.stats.hints.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_flood_wakes_no_more_often_than_every_10_ms() {
    let (sender, opened) = channel();
    let node = Follows::start([opened], idle());
    time::sleep(WAKE_EVERY * 2).await;
    let before = node.wakes();
    sender.send(Hint::Something).unwrap();
    settle().await;
    assert_eq!(node.wakes() - before, 1, "the first one at once");
    for _ in 0..500 {
        for _ in 0..20 {
            sender.send(Hint::Session(KEY)).unwrap();
        }
        time::sleep(MILLI).await;
    }
    time::sleep(WAKE_EVERY * 2).await;
    assert_eq!(node.node.stats.hints.get(), 10_001);
    let wakes = node.wakes() - before;
    assert!((40..=52).contains(&wakes), "{wakes} in half a second");
    let after = node.wakes();
    time::sleep(Duration::from_secs(1)).await;
    assert_eq!(node.wakes(), after, "silence wakes nobody");
}

#[tokio::test(start_paused = true)]
async fn the_last_hint_of_a_flood_counts() {
    let (sender, opened) = channel();
    let node = Follows::start([opened], idle());
    time::sleep(WAKE_EVERY * 2).await;
    let before = node.wakes();
    sender.send(Hint::Something).unwrap();
    settle().await;
    sender.send(Hint::Something).unwrap();
    settle().await;
    assert_eq!(node.wakes() - before, 1);
    time::sleep(WAKE_EVERY).await;
    assert_eq!(node.wakes() - before, 2);
    // Also when the channel breaks before its turn comes.
    sender.send(Hint::Something).unwrap();
    drop(sender);
    settle().await;
    assert_eq!(node.wakes() - before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_broken_channel_is_opened_again_after_ever_longer_pauses() {
    let failed = || Err(HintError::broken("down"));
    let (sender, opened) = channel();
    let mut script: Vec<Opened> = (0..8).map(|_| failed()).collect();
    script.push(opened);
    script.push(failed());
    let node = Follows::start(script, idle());
    time::sleep(Duration::from_secs(60)).await;
    let expected = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    assert_eq!(node.pauses(), expected);
    assert_eq!(node.node.stats.hint_channels_lost.get(), 8);
    assert_eq!(node.wakes(), 1, "once it is open");
    // One that was good for a while is not waited for so long.
    drop(sender);
    time::sleep(Duration::from_secs(60)).await;
    assert_eq!(node.pauses().last(), Some(&200));
    assert_eq!(node.attempts.lock().len(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_breaks_at_once_is_not_hammered() {
    let script = (0..6).map(|_| channel().1);
    let node = Follows::start(script, idle());
    time::sleep(Duration::from_secs(60)).await;
    assert_eq!(node.pauses(), [100, 200, 400, 800, 1_600, 3_200]);
}

#[tokio::test(start_paused = true)]
async fn a_swallowed_channel_is_tried_once_a_minute() {
    let swallowed = || Err(HintError::Swallowed);
    let (sender, opened) = channel();
    let node = Follows::start([swallowed(), swallowed(), opened], idle());
    time::sleep(Duration::from_secs(200)).await;
    assert_eq!(node.pauses(), [60_000, 60_000]);
    sender.send(Hint::Something).unwrap();
    settle().await;
    assert_eq!(node.node.stats.hints.get(), 1, "the pooler is gone");
}

#[tokio::test]
async fn each_trouble_is_said_once() {
    let mut retry = Retry::default();
    let down = HintError::broken("down");
    assert!(!retry.complained);
    retry.failed("x", &down, Duration::ZERO);
    assert!(retry.complained && !retry.complained_of_pooler);
    let pause = retry.failed("x", &HintError::Swallowed, Duration::ZERO);
    assert_eq!(pause, SWALLOWED_PAUSE);
    assert!(retry.complained_of_pooler);
    retry.opened("x");
    assert!(!retry.complained && !retry.complained_of_pooler);
}

#[tokio::test(start_paused = true)]
async fn it_ends_where_there_is_no_channel_and_when_it_is_told_to() {
    let node = Follows::start([Ok(None)], idle());
    node.task.await.unwrap();
    assert_eq!(node.node.stats.hint_channels_lost.get(), 0);
    for script in [channel().1, Err(HintError::Swallowed)] {
        let node = Follows::start([script], idle());
        settle().await;
        node.stop.cancel();
        time::timeout(MILLI, node.task).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_heartbeat_is_woken() {
    let stop = CancellationToken::new();
    let node = node().await;
    let tail = EventTail {
        node: Arc::clone(&node),
        listener: Arc::new(Forgets(some_room())),
        migrate: false,
    };
    let tail = tokio::runtime::Handle::current().spawn(tail.run(stop.clone()));
    let (sender, opened) = channel();
    let _follows = Follows::start([opened], Arc::clone(&node));
    let beats = || node.stats.beats.get();
    let until = async |count| {
        while beats() < count {
            time::sleep(MILLI).await;
        }
    };
    until(1).await;
    let (before, since) = (beats(), Instant::now());
    for beat in 1..=20 {
        time::sleep(WAKE_EVERY * 2).await;
        sender.send(Hint::Something).unwrap();
        until(before + beat).await;
    }
    // By themselves, twenty beats take ten seconds.
    assert!(since.elapsed() < Duration::from_secs(5));
    stop.cancel();
    tail.await.unwrap();
}
