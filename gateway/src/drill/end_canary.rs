//! The exercise `canary`: a session is ended while every node is asked for it.

use std::time::Duration;

use futures_util::future::join_all;
use session_core::clock::{Clock as _, SystemClock, millis};
use session_core::freshness::LEASE;
use session_core::freshness::tail::BEAT;
use session_core::service::heard_by_all;
use tokio_util::sync::CancellationToken;

use super::cannot::CannotDrill;
use super::exercise::Exercise;
use super::judge::canary::judge;
use super::report::{Done, Table};
use super::stage::Stage;
use crate::config::StoreUrl;

/// How long every node is asked before the session is ended.
const BEFORE: Duration = Duration::from_millis(300);
/// How long it is asked afterwards, at least: longer than any lease, to see that it stays ended.
const AFTER: Duration = LEASE.saturating_add(Duration::from_secs(1));
/// How long it normally takes with PostgreSQL, which tells every node at once.
const TOLD: Duration = Duration::from_millis(100);

/// How long it normally takes until every node refuses. A SQLite file tells nobody: its node sees the change of another process
/// with its next heartbeat.
pub(super) fn normal(store: &StoreUrl) -> Duration {
    match store {
        StoreUrl::Postgres(_) => TOLD,
        StoreUrl::Sqlite(_) => BEAT.saturating_add(TOLD),
    }
}

/// Does it.
///
/// # Errors
/// When it cannot be done.
pub(super) async fn run(stage: &Stage<'_>, normal: Duration) -> Result<Done, CannotDrill> {
    let canary = stage.known_canary().await?;
    let stop = CancellationToken::new();
    let asking = join_all(
        stage
            .doors
            .iter()
            .map(|door| door.ask_until(&canary, &stop)),
    );
    let ending = async {
        let _stops = stop.drop_guard_ref();
        tokio::time::sleep(BEFORE).await;
        let began = SystemClock.boot();
        let revoked = stage.canaries.end(&canary).await?;
        let committed = SystemClock.boot();
        let store = stage.canaries.store.as_ref();
        let receipt = heard_by_all(store, &SystemClock, &revoked, committed).await;
        tokio::time::sleep(AFTER.saturating_sub(SystemClock.boot().since(committed))).await;
        Ok::<_, CannotDrill>((began, committed, receipt))
    };
    let (records, ended) = tokio::join!(asking, ending);
    let (began, committed, receipt) = ended?;
    let nodes = stage.fleet.nodes.iter().zip(&records);
    Ok(Done {
        exercise: Exercise::Canary,
        done: vec![
            format!(
                "a session of the user {} was ended in the store; the commit took {} ms",
                super::canaries::USER,
                millis(committed.since(began))
            ),
            format!(
                "{} of {} nodes had reported {} ms after it that they have heard of it",
                receipt.acked,
                receipt.nodes,
                millis(receipt.worst)
            ),
        ],
        undone: "nothing to undo: the session has ended".to_owned(),
        tables: vec![Table {
            about: "every node",
            rows: nodes
                .map(|(node, record)| (node.address.to_string(), judge(record, committed, normal)))
                .collect(),
        }],
    })
}
