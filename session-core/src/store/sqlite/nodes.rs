//! The nodes that follow the log, and how far each has come.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{Connection, named_params};
use uuid::Uuid;

use super::row::{column, micros};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::session::Seq;
use crate::store::{LISTED_FOR, NodeReport, StoreError, StoreResult};

pub(super) fn report(
    connection: &Connection,
    now: Timestamp,
    node: Uuid,
    applied: Seq,
    eid: Option<Uuid>,
) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_node (node_id, applied, seen_at) \
        VALUES (:node, coalesce((SELECT seq FROM sidgate_event WHERE seq = :applied AND eid = :eid), 0), :until) \
        ON CONFLICT (node_id) DO UPDATE SET applied = excluded.applied, seen_at = excluded.seen_at";
    let params = named_params! {
        ":node": node.to_string(),
        ":applied": applied,
        ":eid": eid.map(Uuid::into_bytes),
        ":until": now.plus(LISTED_FOR).as_micros(),
    };
    execute(connection, SQL, params).map(drop)
}

pub(super) fn retire(connection: &Connection, node: Uuid) -> StoreResult<()> {
    const SQL: &str = "DELETE FROM sidgate_node WHERE node_id = :node";
    execute(connection, SQL, named_params! {":node": node.to_string()}).map(drop)
}

pub(super) fn nodes(
    connection: &Connection,
    now: Timestamp,
    within: Duration,
) -> StoreResult<Vec<NodeReport>> {
    const SQL: &str = "\
        SELECT node_id, applied, seen_at FROM sidgate_node WHERE seen_at > :since ORDER BY node_id";
    let since = now.as_micros().saturating_sub(micros(within));
    rows(connection, SQL, named_params! {":since": since}, |row| {
        let node: String = column(row, "node_id")?;
        Ok(NodeReport {
            node: Uuid::parse_str(&node).map_err(|_error| StoreError::Corrupt("node_id"))?,
            applied: column(row, "applied")?,
            // Ahead as long as the report lasts.
            age: now.since(Timestamp::from_micros(column(row, "seen_at")?)),
        })
    })
}
