//! The log of events, read on the heartbeat's connection.

use std::time::Duration;

use tokio_postgres::Row;

use super::link::Link;
use super::row::{self, Stamp, column, incarnation};
use crate::session::Seq;
use crate::store::{Event, History, PULSE_LIMIT, Pulse, SchemaError, StoreResult};

/// One row for each event from `applied` on, the anchor included, or one row without an event.
pub(super) async fn pulse(link: &Link, applied: Seq) -> StoreResult<Pulse> {
    const SQL: &str = concat!(
        "SELECT c.seq, ",
        incarnation!(),
        ", pg_is_in_recovery() AS in_recovery, clock_timestamp() AS now, \
               e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id \
        FROM sidgate_clock c LEFT JOIN LATERAL \
             (SELECT * FROM sidgate_event WHERE seq >= $1 ORDER BY seq LIMIT $2) e ON true \
        ORDER BY e.seq"
    );
    let limit = i64::try_from(PULSE_LIMIT).unwrap_or(i64::MAX);
    let rows = link
        .read(SQL, &[&applied, &limit.saturating_add(1)])
        .await?;
    let first = rows.first().ok_or(SchemaError::Missing)?;
    let mut events = events(&rows)?;
    let anchor = events.first().filter(|event| event.seq == applied);
    let anchor = anchor.map(|event| event.eid);
    if anchor.is_some() {
        events.remove(0);
    }
    events.truncate(PULSE_LIMIT);
    Ok(Pulse {
        head: column(first, "seq")?,
        incarnation: column(first, "incarnation")?,
        in_recovery: column(first, "in_recovery")?,
        now: column::<Stamp>(first, "now")?.0,
        anchor,
        events,
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
