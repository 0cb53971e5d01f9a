//! Ending sessions.
//!
//! `SET CONSTRAINTS ALL IMMEDIATE` runs the deferred triggers at once, so that the number can be read, and the commit is
//! in the same flight: the clock row stays locked for as long as the server takes for two statements, whatever the
//! network does.

use deadpool_postgres::ClientWrapper;
use futures_util::future::try_join_all;
use tokio_postgres::{Error as PgError, Row};

use super::adopt::CUT_OFF;
use super::pool::{Params, Pool};
use super::row::{column, in_use, mass_revoked, unended};
use crate::session::RevokeReason;
use crate::store::{Revoked, Scope, StoreError, StoreResult};

/// Ends the rows that a condition selects.
///
/// A condition selects by handle: the key may change while this statement waits for the row. Idle sessions end as well,
/// because a node may know of a use that is not written yet. Only sessions in use are counted.
macro_rules! end {
    ($which:literal) => {
        concat!(
            "WITH ended AS (UPDATE sidgate_session s SET revoked_at = clock_timestamp(), revoke_reason = $2 WHERE ",
            $which,
            " AND ",
            unended!(),
            " RETURNING ",
            in_use!(),
            " AS lived) SELECT count(*) FILTER (WHERE lived) AS sessions FROM ended"
        )
    };
}

/// Counts the live sessions that a condition selects.
macro_rules! count {
    ($which:literal) => {
        concat!(
            "SELECT count(*) AS sessions FROM sidgate_session s WHERE ",
            $which,
            " AND ",
            unended!(),
            " AND ",
            in_use!()
        )
    };
}

const HEAD: &str = "SELECT seq FROM sidgate_clock";

pub(super) async fn revoke(
    pool: &Pool,
    scope: &Scope,
    reason: RevokeReason,
) -> StoreResult<Revoked> {
    const KEY: &str = end!(
        "s.id = (SELECT k.id FROM sidgate_session k WHERE k.session_key = sidgate_current_key($1))"
    );
    const HANDLE: &str = end!("s.id = $1 AND ($3::text IS NULL OR s.user_id = $3)");
    // Locked in one order, so that two of these cannot deadlock.
    const OTHERS: &str = end!(
        "s.session_key IN (SELECT o.session_key FROM sidgate_session o \
         WHERE o.user_id = $1 AND o.id IS DISTINCT FROM \
             (SELECT k.id FROM sidgate_session k WHERE k.session_key = sidgate_current_key($3)) \
         ORDER BY o.session_key FOR NO KEY UPDATE)"
    );
    const USER: &str = count!("s.user_id = $1");
    const TENANT: &str = count!("s.tenant_id = $1");
    const ALL: &str = count!("$1 = ''");
    let reason = reason.as_str();
    match scope {
        Scope::Key(key) => rows(pool, KEY, &[&key.as_bytes().as_slice(), &reason]).await,
        Scope::Handle { id, user_id } => {
            rows(pool, HANDLE, &[id, &reason, &user_id.as_deref()]).await
        }
        Scope::Others { user_id, keep } => {
            let keep = keep.as_bytes().as_slice();
            // Old logins first: one that is becoming a session at this moment is waited for, and then found.
            let old_logins: Params<'_> = &[&&**user_id];
            let params: Params<'_> = &[&&**user_id, &reason, &keep];
            let changes = [(CUT_OFF, old_logins), (OTHERS, params)];
            counted_rows(transaction(pool, &changes, (HEAD, &[])).await?)
        }
        Scope::User(user_id) => mass(pool, "user", user_id, USER).await,
        Scope::Tenant(tenant_id) => mass(pool, "tenant", tenant_id, TENANT).await,
        Scope::All => mass(pool, "all", "", ALL).await,
    }
}

/// Ends rows one by one: one event for each.
async fn rows(pool: &Pool, sql: &str, params: Params<'_>) -> StoreResult<Revoked> {
    counted_rows(transaction(pool, &[(sql, params)], (HEAD, &[])).await?)
}

fn counted_rows((ended, head): (Option<Row>, Row)) -> StoreResult<Revoked> {
    let ended = ended.ok_or(StoreError::Corrupt("count"))?;
    Ok(Revoked {
        sessions: sessions(&ended)?,
        seq: column(&head, "seq")?,
    })
}

/// Ends all sessions of a subject with one row and one event. The trigger gives the row its number.
async fn mass(pool: &Pool, kind: &str, subject: &str, counting: &str) -> StoreResult<Revoked> {
    const UPSERT: &str = "\
        INSERT INTO sidgate_revocation (kind, subject) VALUES ($1, $2) \
        ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
    const NUMBER: &str = "SELECT seq FROM sidgate_revocation WHERE kind = $1 AND subject = $2";
    let sessions = counted(pool, counting, subject).await?;
    let params: Params<'_> = &[&kind, &subject];
    let (_, number) = transaction(pool, &[(UPSERT, params)], (NUMBER, params)).await?;
    Ok(Revoked {
        sessions,
        seq: column(&number, "seq")?,
    })
}

/// The number of live sessions that are about to end. Counting millions may take too long and must not stop the
/// revocation: on a timeout the answer is 0, with a warning in the log.
async fn counted(pool: &Pool, counting: &str, subject: &str) -> StoreResult<u64> {
    let limit = pool.write_timeout() / 2;
    match pool.read_within(limit, counting, &[&subject]).await {
        Ok(rows) => rows.first().map_or(Ok(0), sessions),
        Err(StoreError::Timeout(_)) => {
            tracing::warn!("too many sessions to count in time; they are revoked all the same");
            Ok(0)
        }
        Err(error) => Err(error),
    }
}

fn sessions(row: &Row) -> StoreResult<u64> {
    u64::try_from(column::<i64>(row, "sessions")?).map_err(|_error| StoreError::Corrupt("count"))
}

type Statement<'a> = (&'a str, Params<'a>);

/// Runs the changes, numbers their events, reads `number` and commits, in one flight. Answers with the last change's row.
async fn transaction(
    pool: &Pool,
    changes: &[Statement<'_>],
    number: Statement<'_>,
) -> StoreResult<(Option<Row>, Row)> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let done = pool.written(async {
        let done = Box::pin(flight(client, changes, number)).await;
        done.map_err(|error| pool.write_error(error))
    });
    let done = done.await?;
    lease.give_back();
    Ok(done)
}

async fn flight(
    client: &ClientWrapper,
    changes: &[Statement<'_>],
    number: Statement<'_>,
) -> Result<(Option<Row>, Row), PgError> {
    let mut changing = Vec::with_capacity(changes.len());
    for (sql, params) in changes {
        changing.push((client.prepare_cached(sql).await?, *params));
    }
    let numbering = client.prepare_cached(number.0).await?;
    let changes = changing
        .iter()
        .map(|(statement, params)| client.query_opt(statement, params));
    let ((), changed, (), number, ()) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        try_join_all(changes),
        client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE"),
        client.query_one(&numbering, number.1),
        client.batch_execute("COMMIT"),
    )?;
    Ok((changed.into_iter().last().flatten(), number))
}
