//! Housekeeping: removes expired rows in small batches.
//!
//! The write lock keeps other writers away, and is held for one batch at most. No cache believes these rows, so the
//! triggers write no event for them. The clock row tells the triggers up to when sessions have expired; other ends they
//! see in the row. Retention and order are those of PostgreSQL.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{Connection, ToSql};

use super::lane::{begin, store_error};
use super::row::{column, micros, of_member};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::store::{EVENTS_KEPT, Housekept, StoreResult};

/// How long ended sessions are kept.
const ENDED_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// How long silent nodes are kept.
const NODES_KEPT: Duration = Duration::from_secs(3_600);

/// Mass revocations whose event is gone and that end no row any more.
const REVOCATIONS: &str = concat!(
    "DELETE FROM sidgate_revocation WHERE (kind, subject) IN ( \
        SELECT q.kind, q.subject FROM sidgate_revocation q \
        WHERE q.seq < (SELECT min(seq) FROM sidgate_event) \
          AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'user' \
                          AND s.user_id = q.subject AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
          AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'member' \
                          AND ",
    of_member!("q.subject"),
    " AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
          AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'tenant' \
                          AND s.tenant_id = q.subject AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
          AND NOT EXISTS (SELECT 1 FROM sidgate_session s WHERE q.kind = 'all' \
                          AND s.revoked_at IS NULL AND s.created_seq < q.seq) \
        ORDER BY q.seq LIMIT :limit)"
);

/// Rows that such a revocation has ended.
const MARK: &str = concat!(
    "WITH settled AS MATERIALIZED ( \
        SELECT kind, subject, seq FROM sidgate_revocation \
        WHERE seq < (SELECT min(seq) FROM sidgate_event) ORDER BY seq LIMIT :limit \
    ) \
    UPDATE sidgate_session SET revoked_at = :time, revoke_reason = 'mass' WHERE session_key IN ( \
        SELECT s.session_key FROM settled r CROSS JOIN sidgate_session s WHERE r.kind = 'user' \
            AND s.user_id = r.subject AND s.revoked_at IS NULL AND s.created_seq < r.seq \
        UNION ALL SELECT s.session_key FROM settled r CROSS JOIN sidgate_session s WHERE r.kind = 'member' \
            AND ",
    of_member!("r.subject"),
    " AND s.revoked_at IS NULL AND s.created_seq < r.seq \
        UNION ALL SELECT s.session_key FROM settled r CROSS JOIN sidgate_session s WHERE r.kind = 'tenant' \
            AND s.tenant_id = r.subject AND s.revoked_at IS NULL AND s.created_seq < r.seq \
        UNION ALL SELECT s.session_key FROM settled r CROSS JOIN sidgate_session s WHERE r.kind = 'all' \
            AND s.revoked_at IS NULL AND s.created_seq < r.seq \
        LIMIT :limit)"
);

/// Tells the triggers up to when sessions have expired. The time may also go back, so that a wrong clock does no
/// lasting harm.
const EXPIRED_BEFORE: &str = "\
    UPDATE sidgate_clock SET expired_before = :time WHERE EXISTS (SELECT 1 FROM sidgate_session WHERE expires_at < :time)";

const EXPIRED: &str = "\
    DELETE FROM sidgate_session WHERE session_key IN ( \
        SELECT session_key FROM sidgate_session WHERE expires_at < :time ORDER BY expires_at LIMIT :limit)";

const REVOKED: &str = "\
    DELETE FROM sidgate_session WHERE session_key IN ( \
        SELECT session_key FROM sidgate_session WHERE revoked_at < :time ORDER BY revoked_at LIMIT :limit)";

/// Events that are, like all before them, old enough. The newest always stays.
const EVENTS: &str = "\
    DELETE FROM sidgate_event WHERE seq <= ( \
        SELECT max(e.seq) FROM ( \
            SELECT o.seq, max(o.at) OVER (ORDER BY o.seq) AS latest \
            FROM (SELECT seq, at FROM sidgate_event ORDER BY seq LIMIT :limit) o \
        ) e WHERE e.latest < :time AND e.seq < (SELECT max(seq) FROM sidgate_event))";

const NODES: &str = "\
    DELETE FROM sidgate_node WHERE node_id IN (SELECT node_id FROM sidgate_node WHERE seen_at < :time LIMIT :limit)";

const FORMER_KEYS: &str = "\
    DELETE FROM sidgate_former_key WHERE session_key IN ( \
        SELECT session_key FROM sidgate_former_key WHERE until < :time ORDER BY until LIMIT :limit)";

const CODES: &str = "\
    DELETE FROM sidgate_handover WHERE code IN ( \
        SELECT code FROM sidgate_handover WHERE at < :time ORDER BY at LIMIT :limit)";

/// Since when the oldest of what is left is due.
const DUE_SINCE: &str = "\
    SELECT max(:time - (SELECT coalesce(min(expires_at), :time) FROM sidgate_session), \
        :time - (SELECT coalesce(min(revoked_at), :time) FROM sidgate_session WHERE revoked_at IS NOT NULL), \
        :heard - coalesce((SELECT at FROM sidgate_event WHERE seq < (SELECT seq FROM sidgate_clock) ORDER BY seq LIMIT 1), :heard)) \
        AS overdue";

/// Parameters of a statement.
type Params<'a> = &'a [(&'a str, &'a dyn ToSql)];

pub(super) fn housekeep(
    connection: &mut Connection,
    now: Timestamp,
    batch: usize,
) -> StoreResult<Housekept> {
    let batch = batch.max(1);
    let limit = i64::try_from(batch).unwrap_or(i64::MAX);
    let before = |kept| now.as_micros().saturating_sub(micros(kept));
    let (ended, heard, seen) = (before(ENDED_KEPT), before(EVENTS_KEPT), before(NODES_KEPT));
    let transaction = begin(connection)?;
    let run = |sql: &str, params: Params<'_>| execute(&transaction, sql, params);
    // Revocations first: the revocation that ended the rows that are marked next must still be there.
    let revocations = run(REVOCATIONS, &[(":limit", &limit)])?;
    let marked = run(MARK, &[(":time", &now.as_micros()), (":limit", &limit)])?;
    run(EXPIRED_BEFORE, &[(":time", &ended)])?;
    let expired = run(EXPIRED, &[(":time", &ended), (":limit", &limit)])?;
    let left = limit.saturating_sub(i64::try_from(expired).unwrap_or(i64::MAX));
    let sessions = expired + run(REVOKED, &[(":time", &ended), (":limit", &left)])?;
    let events = run(EVENTS, &[(":time", &heard), (":limit", &limit)])?;
    let nodes = run(NODES, &[(":time", &seen), (":limit", &limit)])?;
    let former_keys = run(FORMER_KEYS, &[(":time", &ended), (":limit", &limit)])?;
    let codes = run(CODES, &[(":time", &seen), (":limit", &limit)])?;
    let due: Params<'_> = &[(":time", &ended), (":heard", &heard)];
    let overdue: Vec<i64> = rows(&transaction, DUE_SINCE, due, |row| column(row, "overdue"))?;
    let overdue = overdue
        .first()
        .map_or(0, |overdue| u64::try_from(*overdue).unwrap_or(0));
    transaction.commit().map_err(store_error)?;
    let all = u64::try_from(batch).unwrap_or(u64::MAX);
    Ok(Housekept {
        overdue: Duration::from_micros(overdue),
        sessions,
        marked,
        revocations,
        events,
        nodes,
        former_keys,
        codes,
        ..Housekept::default()
    }
    .of_batch(all))
}
