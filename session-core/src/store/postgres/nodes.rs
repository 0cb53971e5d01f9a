//! The nodes that follow the log, and how far each has come.
//!
//! A report does not wait for the disk (`synchronous_commit` is off for it): the next report restores what a crash
//! loses. Commits hang while a synchronous standby is away, and a report that hung with them would cost the heartbeat
//! its connection, and in the end the lease of a node that could read the log all the time.
//!
//! `seen_at` lies ahead: a report declares its node to be there for [`LISTED_FOR`]. Programs of version 0.1.0 write the time of
//! the report, and report every second; both are found by the same question.

use std::time::Duration;

use uuid::Uuid;

use super::link::Link;
use super::pool::{Params, Pool};
use super::row::{column, micros};
use crate::session::Seq;
use crate::store::{LISTED_FOR, NodeReport, SchemaError, StoreError, StoreResult};

pub(super) const REPORT: &str = "\
        INSERT INTO sidgate_node (node_id, applied, seen_at) \
        SELECT $1, coalesce((SELECT seq FROM sidgate_event WHERE seq = $2 AND eid = $3), 0), \
            clock_timestamp() + $4::bigint * interval '1 microsecond' \
        FROM set_config('synchronous_commit', 'off', true) \
        ON CONFLICT (node_id) DO UPDATE SET applied = EXCLUDED.applied, seen_at = EXCLUDED.seen_at";

pub(super) async fn report(
    link: &Link,
    node: Uuid,
    applied: Seq,
    eid: Option<Uuid>,
) -> StoreResult<()> {
    let params: Params<'_> = &[&node.to_string(), &applied, &eid, &micros(LISTED_FOR)];
    link.read(REPORT, params).await?;
    Ok(())
}

/// On the connection of the reports, so that none of them comes later.
pub(super) async fn retire(link: &Link, node: Uuid) -> StoreResult<()> {
    const SQL: &str = "\
        DELETE FROM sidgate_node USING set_config('synchronous_commit', 'off', true) WHERE node_id = $1";
    link.read(SQL, &[&node.to_string()]).await?;
    Ok(())
}

/// One row for each node, or a single row without a node. A standby may lack the newest nodes, so it is refused.
pub(super) async fn nodes(pool: &Pool, within: Duration) -> StoreResult<Vec<NodeReport>> {
    const SQL: &str = "\
        SELECT pg_is_in_recovery() AS in_recovery, n.node_id, n.applied, \
            (extract(epoch FROM clock_timestamp() - n.seen_at) * 1000000)::bigint AS age \
        FROM sidgate_clock c LEFT JOIN sidgate_node n \
            ON n.seen_at > clock_timestamp() - $1::bigint * interval '1 microsecond' \
        ORDER BY n.node_id";
    let rows = pool.read(SQL, &[&micros(within)]).await?;
    if column(rows.first().ok_or(SchemaError::Missing)?, "in_recovery")? {
        return Err(StoreError::InRecovery);
    }
    let mut nodes = Vec::new();
    for row in &rows {
        if let Some(node) = column::<Option<&str>>(row, "node_id")? {
            // Ahead as long as the report lasts.
            let age = u64::try_from(column::<i64>(row, "age")?).unwrap_or(0);
            nodes.push(NodeReport {
                node: Uuid::parse_str(node).map_err(|_error| StoreError::Corrupt("node_id"))?,
                applied: column(row, "applied")?,
                age: Duration::from_micros(age),
            });
        }
    }
    Ok(nodes)
}
