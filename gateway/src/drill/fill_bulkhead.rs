//! The exercise `bulkhead`: one node has no place left for a read.

use std::time::Duration;

use futures_util::future::join_all;
use session_core::clock::{Clock as _, SystemClock, millis};
use tokio_util::sync::CancellationToken;

use super::cannot::CannotDrill;
use super::exercise::Exercise;
use super::judge::bulkhead::Filled;
use super::node::Step;
use super::record::Record;
use super::report::{Done, Table};
use super::stage::Stage;

/// How long it is full.
const FULL: Duration = Duration::from_secs(3);
/// When the node ends it by itself.
const LIMIT: Duration = Duration::from_secs(5);
/// Reads that were under way before have ended by then.
const SETTLED: Duration = Duration::from_millis(300);
/// How long the node is watched afterwards.
const AFTER: Duration = Duration::from_secs(1);

/// Does it.
///
/// # Errors
/// When it cannot be done.
pub(super) async fn run(stage: &Stage<'_>) -> Result<Done, CannotDrill> {
    let known = stage.known_canary().await?;
    let unknown = stage.canaries.make().await?;
    let (node, door) = stage.chosen().ok_or(CannotDrill::NoNode)?;
    let (begun, stop) = (CancellationToken::new(), CancellationToken::new());
    let others = join_all(stage.others().map(async |(_, door)| {
        begun.cancelled().await;
        door.ask_until(&unknown, &stop).await
    }));
    let asked_there = async {
        begun.cancelled().await;
        door.ask_until(&unknown, &stop).await
    };
    let script = async {
        // Whatever happens, nobody waits for a beginning that does not come.
        let _begins = begun.drop_guard_ref();
        let _stops = stop.drop_guard_ref();
        stage.fleet.take(node, Step::FillBulkhead(LIMIT)).await?;
        tokio::time::sleep(SETTLED).await;
        let full = SystemClock.boot();
        begun.cancel();
        let in_use = node.status().await?.bulkhead_in_use;
        tokio::time::sleep(FULL).await;
        let freed = SystemClock.boot();
        stage.fleet.take(node, Step::Undo).await?;
        tokio::time::sleep(AFTER).await;
        Ok::<_, CannotDrill>((full, freed, in_use))
    };
    let (known, unknown, others, times): (Record, Record, Vec<Record>, _) =
        tokio::join!(door.ask_until(&known, &stop), asked_there, others, script);
    let (full, freed, in_use) = times?;
    let shown = Filled {
        known: &known,
        unknown: &unknown,
        full,
        freed,
        in_use,
    }
    .judge();
    let name = node.address.to_string();
    Ok(Done {
        exercise: Exercise::Bulkhead,
        done: vec![format!(
            "every place for a read at {name} was taken for {} ms, while every node was asked for a session that it did not know",
            millis(freed.since(full))
        )],
        undone: format!(
            "{name} was told to free its places; by itself it would have {} s after the beginning",
            LIMIT.as_secs()
        ),
        tables: vec![
            Table {
                about: "the node without places",
                rows: vec![(name, shown)],
            },
            stage.others_judged(&others),
        ],
    })
}
