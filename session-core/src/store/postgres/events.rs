//! The log of events, read on the heartbeat's connection.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::link::Link;
use super::nodes::REPORT;
use super::pool::Params;
use super::row::{self, Stamp, column, incarnation, micros};
use crate::session::Seq;
use crate::store::{
    Event, History, LISTED_FOR, PULSE_LIMIT, Pulse, SchemaError, StoreError, StoreResult,
};

/// One row for each event from `applied` on, the anchor included, or one row without an event; each with the node's own place on
/// the list.
///
/// The first two parameters are values that the planner cannot look into. Otherwise it would plan every heartbeat anew where the log
/// holds more than a few hundred events, which takes longer than to read them.
const PULSE: &str = concat!(
    "SELECT c.seq, ",
    incarnation!(),
    ", pg_is_in_recovery() AS in_recovery, clock_timestamp() AS now, \
           (SELECT n.seen_at FROM sidgate_node n WHERE n.node_id = $3) AS listed_until, e.at, \
           e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id \
    FROM sidgate_clock c LEFT JOIN LATERAL \
         (SELECT * FROM sidgate_event WHERE seq >= (SELECT $1::bigint) ORDER BY seq LIMIT (SELECT $2::bigint)) e ON true \
    ORDER BY e.seq"
);
/// One event more than a heartbeat carries: the anchor.
fn pulse_rows() -> i64 {
    i64::try_from(PULSE_LIMIT).map_or(i64::MAX, |limit| limit.saturating_add(1))
}

/// The statements of a heartbeat. A new connection prepares them at once, because a heartbeat has no time for it.
pub(super) const OF_A_BEAT: [&str; 2] = [REPORT, PULSE];

pub(super) async fn pulse(link: &Link, node: Uuid, applied: Seq) -> StoreResult<Pulse> {
    let rows = link
        .read(PULSE, &[&applied, &pulse_rows(), &node.to_string()])
        .await?;
    read_pulse(&rows, applied)
}

/// Sends both at once, which saves a round trip. The server runs them in order, each in its own transaction.
pub(super) async fn report_and_pulse(
    link: &Link,
    node: Uuid,
    applied: Seq,
    eid: Option<Uuid>,
) -> StoreResult<Pulse> {
    let node = node.to_string();
    let report: Params<'_> = &[&node, &applied, &eid, &micros(LISTED_FOR)];
    let pulse: Params<'_> = &[&applied, &pulse_rows(), &node];
    let mut rows = link.read_all(&[(REPORT, report), (PULSE, pulse)]).await?;
    read_pulse(&rows.pop().unwrap_or_default(), applied)
}

fn read_pulse(rows: &[Row], applied: Seq) -> StoreResult<Pulse> {
    let first = rows.first().ok_or(SchemaError::Missing)?;
    let mut events = events(rows)?;
    let at = |row: &Row| Ok::<_, StoreError>(column::<Option<Stamp>>(row, "at")?.map(|at| at.0));
    let anchor = events.first().filter(|event| event.seq == applied);
    let anchor = anchor.map(|event| event.eid);
    if anchor.is_some() {
        events.remove(0);
    }
    events.truncate(PULSE_LIMIT);
    let oldest = rows.get(usize::from(anchor.is_some()));
    let oldest_at = oldest.map(at).transpose()?.flatten();
    Ok(Pulse {
        head: column(first, "seq")?,
        incarnation: column(first, "incarnation")?,
        in_recovery: column(first, "in_recovery")?,
        now: column::<Stamp>(first, "now")?.0,
        anchor,
        events,
        oldest_at,
        listed_until: column::<Option<Stamp>>(first, "listed_until")?.map(|until| until.0),
    })
}

pub(super) async fn history(link: &Link, limit: usize, within: Duration) -> StoreResult<History> {
    const SQL: &str = concat!(
        "SELECT c.seq, ",
        incarnation!(),
        ", pg_is_in_recovery() AS in_recovery, \
               e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id \
        FROM sidgate_clock c LEFT JOIN LATERAL \
             (SELECT * FROM sidgate_event ORDER BY seq DESC LIMIT $1) e ON true \
        ORDER BY e.seq"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = link.read_within(within, SQL, &[&limit]).await?;
    let first = rows.first().ok_or(SchemaError::Missing)?;
    Ok(History {
        head: column(first, "seq")?,
        incarnation: column(first, "incarnation")?,
        in_recovery: column(first, "in_recovery")?,
        events: events(&rows)?,
    })
}

fn events(rows: &[Row]) -> StoreResult<Vec<Event>> {
    rows.iter()
        .filter_map(|row| row::event(row).transpose())
        .collect()
}
