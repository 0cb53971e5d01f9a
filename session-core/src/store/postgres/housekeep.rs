//! Housekeeping: removes expired rows in small batches.
//!
//! - One node at a time: a node that does not get the turn does nothing.
//! - Locked rows are skipped, so nothing waits for a lock. No cache believes these rows, so the triggers write no event
//!   for them and the clock row is never touched.
//! - Events are removed from the oldest on, so that the log stays dense. The newest stays as the anchor of the next
//!   heartbeat.
//! - A mass revocation is *settled* when its event is gone: every login that was under way at its time is over. The
//!   sessions that it ended are then marked, row by row. When none is left, the revocation is removed; the trigger that
//!   guards it checks this again.
//! - A crash may undo the last batch, which does no harm. So commits do not wait for the disk.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error as PgError;

use super::pool::Pool;
use super::row::of_member;
use crate::store::{Housekept, StoreResult};

/// The statements look for a few rows among very many, and sometimes there are none. A plan that scans the table until
/// it finds some would then read all of it. So only indexes are used.
const BEGIN: &str = "\
    BEGIN; SET LOCAL synchronous_commit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; \
    SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off; \
    SET LOCAL plan_cache_mode = force_custom_plan";

/// Mass revocations that end no row any more.
const REVOCATIONS: &str = concat!(
    "DELETE FROM sidgate_revocation r USING ( \
        SELECT q.kind, q.subject FROM sidgate_revocation q \
        WHERE q.seq < (SELECT min(seq) FROM sidgate_event) AND coalesce(CASE q.kind \
            WHEN 'user' THEN (SELECT min(s.created_seq) FROM sidgate_session s \
                WHERE s.user_id = q.subject AND s.revoked_at IS NULL) \
            WHEN 'member' THEN (SELECT min(s.created_seq) FROM sidgate_session s \
                WHERE ",
    of_member!("q.subject"),
    " AND s.revoked_at IS NULL) \
            WHEN 'tenant' THEN (SELECT min(s.created_seq) FROM sidgate_session s \
                WHERE s.tenant_id = q.subject AND s.revoked_at IS NULL) \
            ELSE (SELECT min(s.created_seq) FROM sidgate_session s \
                WHERE coalesce(s.revoked_at, 'infinity') = 'infinity') \
            END, q.seq) >= q.seq \
        ORDER BY q.seq LIMIT $1 FOR UPDATE SKIP LOCKED \
    ) pointless \
    WHERE r.kind = pointless.kind AND r.subject = pointless.subject"
);

/// Rows that a settled mass revocation has ended.
const MARK: &str = concat!(
    "WITH settled AS MATERIALIZED ( \
        SELECT kind, subject, seq FROM sidgate_revocation \
        WHERE seq < (SELECT min(seq) FROM sidgate_event) ORDER BY seq LIMIT $1 \
    ), ended AS MATERIALIZED ( \
        SELECT e.session_key FROM settled r CROSS JOIN LATERAL ( \
            SELECT s.session_key FROM sidgate_session s WHERE r.kind = 'user' \
                AND s.user_id = r.subject AND s.revoked_at IS NULL AND s.created_seq < r.seq \
            UNION ALL SELECT s.session_key FROM sidgate_session s WHERE r.kind = 'member' \
                AND ",
    of_member!("r.subject"),
    " AND s.revoked_at IS NULL AND s.created_seq < r.seq \
            UNION ALL SELECT s.session_key FROM sidgate_session s WHERE r.kind = 'tenant' \
                AND s.tenant_id = r.subject AND s.revoked_at IS NULL AND s.created_seq < r.seq \
            UNION ALL SELECT s.session_key FROM sidgate_session s WHERE r.kind = 'all' \
                AND coalesce(s.revoked_at, 'infinity') = 'infinity' AND s.created_seq < r.seq \
        ) e LIMIT $1 \
    ), free AS MATERIALIZED ( \
        SELECT s.session_key FROM sidgate_session s WHERE s.session_key IN (SELECT session_key FROM ended) \
            AND s.revoked_at IS NULL FOR NO KEY UPDATE SKIP LOCKED \
    ) \
    UPDATE sidgate_session s SET revoked_at = clock_timestamp(), revoke_reason = 'mass' \
    FROM free WHERE s.session_key = free.session_key"
);

/// Sessions whose absolute end is a day ago.
const EXPIRED: &str = "\
    WITH ended AS MATERIALIZED ( \
        SELECT session_key FROM sidgate_session WHERE expires_at < statement_timestamp() - interval '24 hours' \
        ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED \
    ) DELETE FROM sidgate_session s USING ended WHERE s.session_key = ended.session_key";

/// Sessions that were ended a day ago.
const REVOKED: &str = "\
    WITH ended AS MATERIALIZED ( \
        SELECT session_key FROM sidgate_session WHERE revoked_at < statement_timestamp() - interval '24 hours' \
        ORDER BY revoked_at LIMIT $1 FOR UPDATE SKIP LOCKED \
    ) DELETE FROM sidgate_session s USING ended WHERE s.session_key = ended.session_key";

/// Events that are, like all before them, older than anything in the shared cache may be. They are removed by number: a
/// clock that was set back then leaves no gap in the log.
const EVENTS: &str = "\
    DELETE FROM sidgate_event WHERE seq <= ( \
        SELECT max(e.seq) FROM ( \
            SELECT o.seq, max(o.at) OVER (ORDER BY o.seq) AS latest \
            FROM (SELECT seq, at FROM sidgate_event ORDER BY seq LIMIT $1) o \
        ) e WHERE e.latest < statement_timestamp() - interval '40 minutes' \
              AND e.seq < (SELECT max(seq) FROM sidgate_event))";

/// Former keys that ceased to be accepted a day ago.
const FORMER_KEYS: &str = "\
    DELETE FROM sidgate_former_key WHERE session_key IN ( \
        SELECT session_key FROM sidgate_former_key WHERE until < statement_timestamp() - interval '24 hours' \
        ORDER BY until LIMIT $1 FOR UPDATE SKIP LOCKED)";

/// Nodes that have not reported for an hour.
const NODES: &str = "\
    DELETE FROM sidgate_node WHERE node_id IN ( \
        SELECT node_id FROM sidgate_node WHERE seen_at < statement_timestamp() - interval '1 hour' \
        LIMIT $1 FOR UPDATE SKIP LOCKED)";

/// Codes of handovers that were used an hour ago.
const CODES: &str = "\
    DELETE FROM sidgate_handover WHERE code IN ( \
        SELECT code FROM sidgate_handover WHERE at < statement_timestamp() - interval '1 hour' \
        ORDER BY at LIMIT $1)";

/// How long the oldest of what is left is due.
const OVERDUE: &str = "\
    SELECT (extract(epoch FROM GREATEST(interval '0', \
        statement_timestamp() - interval '24 hours' - (SELECT min(expires_at) FROM sidgate_session), \
        statement_timestamp() - interval '24 hours' - (SELECT min(revoked_at) FROM sidgate_session), \
        statement_timestamp() - interval '40 minutes' - (SELECT o.at FROM sidgate_event o \
            WHERE o.seq < (SELECT c.seq FROM sidgate_clock c) ORDER BY o.seq LIMIT 1))) * 1000000)::bigint";

pub(super) async fn housekeep(pool: &Pool, batch: usize) -> StoreResult<Housekept> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let limit = i64::try_from(batch.max(1)).unwrap_or(i64::MAX);
    let done = pool.written(async {
        let done = Box::pin(transaction(client, limit)).await;
        done.map_err(|error| pool.write_error(error))
    });
    let done = done.await?;
    lease.give_back();
    Ok(done)
}

async fn transaction(client: &ClientWrapper, limit: i64) -> Result<Housekept, PgError> {
    const TURN: &str = "SELECT FROM sidgate_turn WHERE slot = 0 FOR UPDATE SKIP LOCKED";
    client.batch_execute(BEGIN).await?;
    if client.query_opt(TURN, &[]).await?.is_none() {
        client.batch_execute("ROLLBACK").await?;
        return Ok(Housekept {
            taken: true,
            ..Housekept::default()
        });
    }
    let all = u64::try_from(limit).unwrap_or(u64::MAX);
    // Revocations first: when the triggers run for the rows that are marked next, the revocation that ended them must
    // still be there.
    let revocations = remove(client, REVOCATIONS, limit).await?;
    let marked = remove(client, MARK, limit).await?;
    let expired = remove(client, EXPIRED, limit).await?;
    let left = limit.saturating_sub(i64::try_from(expired).unwrap_or(i64::MAX));
    let sessions = expired + remove(client, REVOKED, left).await?;
    let events = remove(client, EVENTS, limit).await?;
    let nodes = remove(client, NODES, limit).await?;
    let former_keys = remove(client, FORMER_KEYS, limit).await?;
    let codes = remove(client, CODES, limit).await?;
    let overdue = client.prepare_cached(OVERDUE).await?;
    let overdue: i64 = client.query_one(&overdue, &[]).await?.try_get(0)?;
    client.batch_execute("COMMIT").await?;
    Ok(Housekept {
        overdue: Duration::from_micros(u64::try_from(overdue).unwrap_or(0)),
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

/// Runs a statement, and answers with the number of rows that it changed.
async fn remove(client: &ClientWrapper, sql: &str, limit: i64) -> Result<u64, PgError> {
    let statement = client.prepare_cached(sql).await?;
    client.execute(&statement, &[&limit]).await
}
