//! The log of events, read on the heartbeat's connection.

use tokio_rusqlite::rusqlite::{Connection, Row, named_params};
use uuid::Uuid;

use super::row::{self, column};
use super::statement::rows;
use crate::clock::Timestamp;
use crate::session::Seq;
use crate::store::{Event, History, PULSE_LIMIT, Pulse, SchemaError, StoreResult};

/// One row for each event from `applied` on, the anchor included, or one row without an event.
pub(super) fn pulse(
    connection: &Connection,
    now: Timestamp,
    node: Uuid,
    applied: Seq,
) -> StoreResult<Pulse> {
    const SQL: &str = "\
        SELECT c.seq, c.incarnation, (SELECT n.seen_at FROM sidgate_node n WHERE n.node_id = :node) AS listed_until, \
               e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id \
        FROM sidgate_clock c LEFT JOIN \
             (SELECT * FROM sidgate_event WHERE seq >= :applied ORDER BY seq LIMIT :limit) e \
        ORDER BY e.seq";
    let limit = i64::try_from(PULSE_LIMIT).unwrap_or(i64::MAX);
    let params = named_params! {
        ":applied": applied,
        ":limit": limit.saturating_add(1),
        ":node": node.to_string(),
    };
    let found = rows(connection, SQL, params, |row| {
        Ok((column::<Option<i64>>(row, "listed_until")?, line(row)?))
    })?;
    let listed_until = found.first().and_then(|(until, _)| *until);
    let log = Log::of(found.into_iter().map(|(_, line)| line).collect())?;
    let mut events = log.events;
    let anchor = events.first().filter(|event| event.seq == applied);
    let anchor = anchor.map(|event| event.eid);
    if anchor.is_some() {
        events.remove(0);
    }
    events.truncate(PULSE_LIMIT);
    Ok(Pulse {
        head: log.head,
        incarnation: log.incarnation,
        in_recovery: false,
        now,
        anchor,
        events,
        // The log's times are those of the host's clock, not of the clock that is handed in.
        oldest_at: None,
        listed_until: listed_until.map(Timestamp::from_micros),
    })
}

pub(super) fn history(connection: &Connection, limit: usize) -> StoreResult<History> {
    const SQL: &str = "\
        SELECT c.seq, c.incarnation, e.seq AS event_seq, e.eid, e.kind, e.session_key, e.user_id, e.tenant_id \
        FROM sidgate_clock c LEFT JOIN (SELECT * FROM sidgate_event ORDER BY seq DESC LIMIT :limit) e \
        ORDER BY e.seq";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let log = Log::of(rows(
        connection,
        SQL,
        named_params! {":limit": limit},
        line,
    )?)?;
    Ok(History {
        head: log.head,
        incarnation: log.incarnation,
        in_recovery: false,
        events: log.events,
    })
}

/// The clock, and the events that were joined to it.
struct Log {
    head: Seq,
    incarnation: Uuid,
    events: Vec<Event>,
}

impl Log {
    fn of(lines: Vec<(Seq, Uuid, Option<Event>)>) -> Result<Self, SchemaError> {
        let &(head, incarnation, _) = lines.first().ok_or(SchemaError::Missing)?;
        let events = lines.into_iter().filter_map(|(_, _, event)| event);
        Ok(Self {
            head,
            incarnation,
            events: events.collect(),
        })
    }
}

fn line(row: &Row<'_>) -> StoreResult<(Seq, Uuid, Option<Event>)> {
    Ok((
        column(row, "seq")?,
        row::uuid(row, "incarnation")?,
        row::event(row)?,
    ))
}
