//! The exercise `redis`: Redis answers nobody for a while.
//!
//! The server counts the time itself (`CLIENT PAUSE`), so nothing is left to undo when the drill is killed. A server that was
//! stopped would have to be started by somebody, and `DEBUG SLEEP` would stop what replicas and clusters tell each other, too.

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use session_core::cache::redis::RedisCache;
use session_core::clock::{Boot, Clock as _, SystemClock};
use tokio_util::sync::CancellationToken;

use super::canaries::Canary;
use super::cannot::CannotDrill;
use super::door::Door;
use super::exercise::Exercise;
use super::judge::redis::Paused;
use super::node::Node;
use super::record::Record;
use super::report::{Done, Table};
use super::stage::Stage;

/// How long it answers nobody.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for the first connection to it.
const CONNECT: Duration = Duration::from_secs(3);
/// Sessions that each node is asked for the first time meanwhile: every 200 ms one.
const STRANGERS: usize = 25;
const STRANGER_EVERY: Duration = Duration::from_millis(200);
/// Between two looks at the breaker.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Connections are opened again within this time.
const RECONNECT: Duration = Duration::from_secs(3);

/// Does it. `patience`: how long a node leaves Redis alone at most before it tries again.
///
/// # Errors
/// When it cannot be done.
pub(super) async fn run(
    stage: &Stage<'_>,
    servers: &[RedisCache],
    patience: Duration,
) -> Result<Done, CannotDrill> {
    let patience = patience.saturating_add(RECONNECT);
    for server in servers {
        server.first_connection(CONNECT).await?;
    }
    let known = stage.known_canary().await?;
    (stage.tell)("redis: making sessions that no node knows");
    let strangers = stage.canaries.flock(STRANGERS * stage.doors.len()).await?;
    let (begun, stop) = (CancellationToken::new(), CancellationToken::new());
    let flocks = strangers.chunks(STRANGERS);
    let nodes = stage.fleet.nodes.iter().zip(&stage.doors).zip(flocks);
    let watched = join_all(nodes.map(async |((node, door), flock)| {
        begun.cancelled().await;
        tokio::join!(
            door.ask_until(&known, &stop),
            strange_faces(door, flock, &stop),
            breaker(node, &stop),
        )
    }));
    let script = async {
        let _begins = begun.drop_guard_ref();
        let _stops = stop.drop_guard_ref();
        begun.cancel();
        try_join_all(servers.iter().map(|server| server.pause(PAUSE))).await?;
        let from = SystemClock.boot();
        tokio::time::sleep(PAUSE).await;
        let until = SystemClock.boot();
        wait_until_used(stage, until.plus(patience)).await?;
        Ok::<_, CannotDrill>((from, until))
    };
    let (watched, times) = tokio::join!(watched, script);
    let (from, until) = times?;
    let nodes = stage.fleet.nodes.iter().zip(&watched);
    let rows = nodes.map(|(node, (known, unknown, breaker))| {
        let paused = Paused {
            known,
            unknown,
            from,
            until,
            breaker,
            patience,
        };
        (node.address.to_string(), paused.judge())
    });
    Ok(Done {
        exercise: Exercise::Redis,
        done: vec![format!(
            "Redis answered nobody for {} s (CLIENT PAUSE at {} of --redis-url), while every node was asked for sessions that it knew and did not know",
            PAUSE.as_secs(),
            servers.len()
        )],
        undone: "by the servers themselves, when the time was over".to_owned(),
        tables: vec![Table {
            about: "every node",
            rows: rows.collect(),
        }],
    })
}

/// Asks for one session after the other, each for the first time: reads make a node try Redis.
async fn strange_faces(door: &Door, flock: &[Canary], stop: &CancellationToken) -> Record {
    let mut record = Record::default();
    let mut flock = flock.iter();
    while let (false, Some(canary)) = (stop.is_cancelled(), flock.next()) {
        record.0.push(door.ask(canary).await);
        tokio::time::sleep(STRANGER_EVERY).await;
    }
    stop.cancelled().await;
    record
}

async fn breaker(node: &Node, stop: &CancellationToken) -> Vec<(Boot, Option<String>)> {
    let mut seen = Vec::new();
    while !stop.is_cancelled() {
        let at = SystemClock.boot();
        if let Ok(status) = node.status().await {
            seen.push((at, status.redis));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    seen
}

/// Waits until no breaker is open, at most until then. A breaker closes only when somebody asks: so each node gets sessions to read.
async fn wait_until_used(stage: &Stage<'_>, until: Boot) -> Result<(), CannotDrill> {
    while SystemClock.boot() < until {
        let asked = stage.fleet.nodes.iter().map(Node::status);
        let closed = try_join_all(asked).await?;
        if closed.iter().all(|status| {
            status
                .redis
                .as_deref()
                .is_none_or(|state| state == "closed")
        }) {
            // Seen by those who watch, too.
            tokio::time::sleep(LOOK_EVERY * 2).await;
            return Ok(());
        }
        for door in &stage.doors {
            door.ask(&stage.canaries.make().await?).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
