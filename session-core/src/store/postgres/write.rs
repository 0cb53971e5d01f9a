//! Insert, update and touch. Each transaction goes out in as few flights as its decisions allow, so that its locks are
//! held for no longer than the server needs.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::fault;
use super::pool::{Params, Pool};
use super::room::{QUEUE, make_room, queues};
use super::row::{self, column, columns, mass_revoked, micros, unended};
use crate::clock::Timestamp;
use crate::session::{NewSession, Session};
use crate::sid::SessionKey;
use crate::store::{Change, StoreError, StoreResult, Touch, Updated};

pub(super) async fn insert(pool: &Pool, new: &NewSession) -> StoreResult<Session> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let inserted = pool
        .written(async {
            let begun = begin_unless_revoked(client, new).await;
            if !begun.map_err(|error| pool.write_error(error))? {
                return undone(pool, client, StoreError::RevokedMeanwhile).await;
            }
            if let Some(limit) = new.limit {
                let refused = Box::pin(make_room(client, new, limit)).await;
                if let Some(sessions) = refused.map_err(|error| pool.write_error(error))? {
                    return undone(pool, client, StoreError::SessionLimit { sessions }).await;
                }
            }
            let row = Box::pin(store(client, new)).await.map_err(|error| {
                if fault::is_duplicate(&error) {
                    StoreError::Duplicate
                } else {
                    pool.write_error(error)
                }
            })?;
            row::session(&row)
        })
        .await;
    // A refusal has rolled back, so the connection can be used again.
    let undone = StoreError::is_refusal;
    if inserted.as_ref().err().is_none_or(undone) {
        lease.give_back();
    }
    inserted
}

/// Rolls back, and answers with the reason.
async fn undone<T>(pool: &Pool, client: &ClientWrapper, why: StoreError) -> StoreResult<T> {
    let undone = client.batch_execute("ROLLBACK").await;
    undone.map_err(|error| pool.write_error(error))?;
    Err(why)
}

/// Begins the transaction of a new session and checks that the session may be stored (R8). `false`: it may not, and the
/// caller rolls back.
///
/// - No mass revocation of its user, tenant or everybody may be newer than its sample. FOR SHARE waits for one that is being
///   committed. One that begins later gets a number above the sample, so the session is dead when it appears.
/// - A sample above the head comes from a history that is lost. Its number cannot be compared with those of this history.
/// - The session that is being rotated must be alive and unchanged. It is locked, so that it cannot end before its
///   successor is stored.
pub(super) async fn begin_unless_revoked(
    client: &ClientWrapper,
    new: &NewSession,
) -> Result<bool, PgError> {
    const SQL: &str = "\
        WITH newer AS MATERIALIZED ( \
            SELECT seq IS NULL OR seq > $3 AS newer FROM sidgate_revocation \
            WHERE kind = 'user' AND subject = $1 OR kind = 'tenant' AND subject = $2 OR kind = 'all' AND subject = '' \
            FOR SHARE \
        ), predecessor AS MATERIALIZED ( \
            SELECT FROM sidgate_session WHERE session_key = $4 AND version = $5 AND revoked_at IS NULL \
            FOR NO KEY UPDATE \
        ) \
        SELECT NOT EXISTS (SELECT FROM newer WHERE newer) AND $3 <= (SELECT seq FROM sidgate_clock) \
            AND ($4::bytea IS NULL OR EXISTS (SELECT FROM predecessor))";
    let statement = client.prepare_cached(SQL).await?;
    let (user, tenant) = (new.identity.user_id(), new.identity.tenant_id());
    let predecessor = new.origin.predecessor();
    let version = predecessor.map(|(_, version)| version);
    let predecessor = predecessor.map(|(key, _)| key.as_bytes().as_slice());
    let params: Params<'_> = &[&user, &tenant, &new.sampled, &predecessor, &version];
    // Prepared beforehand: what is sent in one flight is sent in this order.
    let queue = match queues(new) {
        true => Some(client.prepare_cached(QUEUE).await?),
        false => None,
    };
    let queue = async {
        match &queue {
            Some(queue) => client.execute(queue, &[&user]).await,
            None => Ok(0),
        }
    };
    let ((), _queued, row) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        queue,
        client.query_one(&statement, params),
    )?;
    row.try_get(0)
}

/// Writes the row, ends the one it replaces, and commits. Should one fail, the server makes the commit a rollback.
pub(super) async fn store(client: &ClientWrapper, new: &NewSession) -> Result<Row, PgError> {
    const INSERT: &str = concat!(
        "INSERT INTO sidgate_session AS s (session_key, id, user_id, tenant_id, identity, ip, user_agent, \
             created_at, auth_time, last_activity, expires_at, idle_seconds, ref, created_seq) \
         SELECT $1::bytea, $2::uuid, $3::text, $4::text, $5::text::jsonb, $6::inet, $7::text, \
             t.now, coalesce('epoch'::timestamptz + $8::bigint * interval '1 microsecond', t.now), t.now, \
             t.now + $9::bigint * interval '1 microsecond', $10::integer, $11::text, $12::bigint \
         FROM (SELECT clock_timestamp() AS now) t RETURNING ",
        columns!()
    );
    const REPLACE: &str = "\
        UPDATE sidgate_session SET revoked_at = clock_timestamp(), revoke_reason = 'replaced' \
        WHERE id = (SELECT id FROM sidgate_session WHERE session_key = sidgate_current_key($1)) AND revoked_at IS NULL";
    let insert = client.prepare_cached(INSERT).await?;
    let replace = client.prepare_cached(REPLACE).await?;
    let idle = new.idle.as_secs() + u64::from(new.idle.subsec_nanos() > 0);
    let row = async {
        let params: Params<'_> = &[
            &new.key.as_bytes().as_slice(),
            &new.id,
            &new.identity.user_id(),
            &new.identity.tenant_id(),
            &new.identity.as_json(),
            &new.ip,
            &&*new.user_agent,
            &new.origin.auth_time().map(Timestamp::as_micros),
            &micros(new.ttl),
            &i32::try_from(idle).unwrap_or(i32::MAX),
            &new.references.as_stored(),
            &new.sampled,
        ];
        client.query_one(&insert, params).await
    };
    let replaced = new.origin.replaces().map(|key| key.as_bytes().as_slice());
    let replaced: Params<'_> = &[&replaced];
    let (row, _ended, ()) = tokio::try_join!(
        biased;
        row,
        client.execute(&replace, replaced),
        client.batch_execute("COMMIT"),
    )?;
    Ok(row)
}

/// One statement, which is its own transaction. A session that ended after its snapshot was taken is a conflict, and the
/// caller who reads again finds it gone.
pub(super) async fn update(
    pool: &Pool,
    key: &SessionKey,
    version: i64,
    change: &Change,
) -> StoreResult<Updated> {
    const SQL: &str = concat!(
        "WITH meant AS (SELECT id FROM sidgate_session WHERE session_key = sidgate_current_key($1)), \
         found AS (SELECT FROM sidgate_session s WHERE s.id = (SELECT id FROM meant) AND ",
        unended!(),
        "), written AS (UPDATE sidgate_session s \
             SET identity = $3::text::jsonb, tenant_id = $4, ref = $5, version = s.version + 1 \
             WHERE s.id = (SELECT id FROM meant) AND s.version = $2 AND ",
        unended!(),
        " RETURNING 1) \
         SELECT EXISTS (SELECT FROM written) AS written, EXISTS (SELECT FROM found) AS found"
    );
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let key = key.as_bytes().as_slice();
    let tenant = change.identity.tenant_id();
    let row = pool.written(async {
        let answer = async {
            let statement = client.prepare_cached(SQL).await?;
            let references = change.references.as_stored();
            let identity = change.identity.as_json();
            client
                .query_one(
                    &statement,
                    &[&key, &version, &identity, &tenant, &references],
                )
                .await
        };
        answer.await.map_err(|error| pool.write_error(error))
    });
    let row = row.await?;
    lease.give_back();
    Ok(match (column(&row, "written")?, column(&row, "found")?) {
        (true, _) => Updated::Done,
        (false, true) => Updated::Conflict,
        (false, false) => Updated::Gone,
    })
}

/// A row that somebody else holds is skipped: it is being written anyway, and a touch that waited could deadlock with the
/// touches of another node. A use after the session's idle end does not count (R7). A use before it counts when it is written
/// within nine minutes after that end, because the schema refuses it from ten minutes on.
pub(super) async fn touch(pool: &Pool, batch: &[Touch]) -> StoreResult<u64> {
    const SQL: &str = "\
        WITH used AS ( \
            SELECT u.key, clock_timestamp() - min(u.age) * interval '1 microsecond' AS at \
            FROM unnest($1::bytea[], $2::bigint[]) AS u (key, age) GROUP BY u.key \
        ), free AS MATERIALIZED ( \
            SELECT s.session_key FROM sidgate_session s WHERE s.session_key = ANY ($1::bytea[]) \
            FOR NO KEY UPDATE SKIP LOCKED \
        ) \
        UPDATE sidgate_session s SET last_activity = used.at \
        FROM used JOIN free ON free.session_key = used.key \
        WHERE s.session_key = used.key AND s.revoked_at IS NULL AND s.expires_at > clock_timestamp() \
          AND s.last_activity < used.at \
          AND (s.idle_seconds = 0 OR GREATEST(used.at, clock_timestamp() - interval '9 minutes') \
              < s.last_activity + s.idle_seconds * interval '1 second')";
    if batch.is_empty() {
        return Ok(0);
    }
    let keys: Vec<&[u8]> = batch
        .iter()
        .map(|touch| touch.key.as_bytes().as_slice())
        .collect();
    let ages: Vec<i64> = batch.iter().map(|touch| micros(touch.age)).collect();
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let moved = pool.written(async {
        let answer = async {
            let statement = client.prepare_cached(SQL).await?;
            client.execute(&statement, &[&keys, &ages]).await
        };
        answer.await.map_err(|error| pool.write_error(error))
    });
    let moved = moved.await?;
    lease.give_back();
    Ok(moved)
}
