//! Update and touch: one statement each, which is its own transaction.

use super::pool::Pool;
use super::row::{column, mass_revoked, micros, unended};
use crate::sid::SessionKey;
use crate::store::{Change, StoreResult, Touch, Updated};

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
