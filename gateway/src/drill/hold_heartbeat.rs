//! The exercise `heartbeat`: one node sends no heartbeat for a while.

use std::time::Duration;

use futures_util::future::join_all;
use session_core::clock::{Boot, Clock as _, SystemClock, millis};
use session_core::freshness::LEASE;
use tokio_util::sync::CancellationToken;

use super::cannot::CannotDrill;
use super::exercise::Exercise;
use super::judge::heartbeat::Held;
use super::node::{Node, Step};
use super::report::{Done, Table};
use super::stage::Stage;

/// How long no heartbeat is sent: the lease, and as long again.
const HELD: Duration = LEASE.saturating_mul(2);
/// When the node ends it by itself.
const LIMIT: Duration = Duration::from_secs(6);
/// How long the node is watched when it may send them again.
const AFTER: Duration = Duration::from_secs(2);
/// Between two questions whether it is ready.
const READY_EVERY: Duration = Duration::from_millis(20);

/// Does it.
///
/// # Errors
/// When it cannot be done.
pub(super) async fn run(stage: &Stage<'_>) -> Result<Done, CannotDrill> {
    let canary = stage.known_canary().await?;
    let (node, door) = stage.chosen().ok_or(CannotDrill::NoNode)?;
    let stop = CancellationToken::new();
    let others = join_all(
        stage
            .others()
            .map(|(_, door)| door.ask_until(&canary, &stop)),
    );
    let script = async {
        let _stops = stop.drop_guard_ref();
        stage.fleet.take(node, Step::HoldHeartbeat(LIMIT)).await?;
        let held = SystemClock.boot();
        tokio::time::sleep(HELD).await;
        let released = SystemClock.boot();
        stage.fleet.take(node, Step::Undo).await?;
        tokio::time::sleep(AFTER).await;
        Ok::<_, CannotDrill>((held, released))
    };
    let (record, others, ready, times) = tokio::join!(
        door.ask_until(&canary, &stop),
        others,
        readiness(node, &stop),
        script
    );
    let (held, released) = times?;
    let shown = Held {
        record: &record,
        ready: &ready,
        held,
        released,
    }
    .judge();
    let name = node.address.to_string();
    Ok(Done {
        exercise: Exercise::Heartbeat,
        done: vec![format!(
            "{name} sent no heartbeat for {} ms, while every node was asked for a session that it knew",
            millis(released.since(held))
        )],
        undone: format!(
            "{name} was told to send heartbeats again; by itself it would have {} s after the beginning",
            LIMIT.as_secs()
        ),
        tables: vec![
            Table {
                about: "the node without heartbeats",
                rows: vec![(name, shown)],
            },
            stage.others_judged(&others),
        ],
    })
}

async fn readiness(node: &Node, stop: &CancellationToken) -> Vec<(Boot, Option<bool>)> {
    let mut said = Vec::new();
    while !stop.is_cancelled() {
        let at = SystemClock.boot();
        said.push((at, node.is_ready().await));
        tokio::time::sleep(READY_EVERY).await;
    }
    said
}
