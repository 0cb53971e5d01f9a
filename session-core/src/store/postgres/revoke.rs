//! Ending sessions.
//!
//! The deferred triggers number the events at the commit. One statement is its own transaction, and the number is read by
//! the one after it, in the same flight: the clock row is locked for the length of the commit. Where a change takes several
//! statements, `SET CONSTRAINTS ALL IMMEDIATE` runs the triggers before the commit, and the number is read in between.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::adopt::{CUT_OFF, owner};
use super::pool::{Params, Pool};
use super::row::{column, current_key, in_use, mass_revoked, of_member, unended};
use crate::session::{Group, RevokeReason, Seq};
use crate::store::{Revoked, Scope, StoreError, StoreResult};

/// Ends the rows that a condition selects.
///
/// A condition selects by handle: the key may change while this statement waits for the row. Idle sessions end as well,
/// because a node may know of a use that is not written yet. Only sessions in use are counted.
macro_rules! end {
    ($($which:expr),+) => {
        concat!(
            "WITH ended AS (UPDATE sidgate_session s SET revoked_at = clock_timestamp(), revoke_reason = $2 WHERE ",
            $($which,)+
            " AND ",
            unended!(),
            " RETURNING ",
            in_use!(),
            " AS lived) SELECT count(*) AS ended, count(*) FILTER (WHERE lived) AS sessions FROM ended"
        )
    };
}

/// Counts the live sessions that a condition selects.
macro_rules! count {
    ($which:expr) => {
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

/// The head, and the newest event of a session. Only events that others have committed since can stand above it: a thousand
/// of them do not fit between two statements of a flight. If they did, the head would do as well: it is above both.
macro_rules! number {
    ($key:expr) => {
        concat!(
            "SELECT c.seq, (SELECT e.seq FROM \
                 (SELECT seq, session_key FROM sidgate_event ORDER BY seq DESC LIMIT 1000) e \
                 WHERE e.session_key = (SELECT ",
            $key,
            ") ORDER BY e.seq DESC LIMIT 1) AS own FROM sidgate_clock c"
        )
    };
}

pub(super) async fn revoke(
    pool: &Pool,
    scope: &Scope,
    reason: RevokeReason,
) -> StoreResult<Revoked> {
    const KEY: &str = end!(
        "s.id = (SELECT k.id FROM sidgate_session k WHERE k.session_key = ",
        current_key!("$1"),
        ")"
    );
    const NUMBER_OF_KEY: &str = number!(current_key!("$1"));
    const HANDLE: &str = end!(
        "s.id = $1 AND ($3::text IS NULL OR s.user_id = $3) AND ($4::text IS NULL OR s.session_group = $4)"
    );
    const NUMBER_OF_HANDLE: &str = number!("k.session_key FROM sidgate_session k WHERE k.id = $1");
    // Locked in one order, so that two of these cannot deadlock.
    const OTHERS: &str = end!(
        "s.session_key IN (SELECT o.session_key FROM sidgate_session o \
         WHERE o.user_id = $1 AND ($4::text IS NULL OR o.session_group = $4) AND o.id IS DISTINCT FROM \
             (SELECT k.id FROM sidgate_session k WHERE k.session_key = sidgate_current_key($3)) \
         ORDER BY o.session_key FOR NO KEY UPDATE)"
    );
    const USER: &str = count!("s.user_id = $1");
    const MEMBER: &str = count!(of_member!("$1::text"));
    const TENANT: &str = count!("s.tenant_id = $1");
    const ALL: &str = count!("$1 = ''");
    let reason = reason.as_str();
    match scope {
        Scope::Key(key) => {
            let key = key.as_bytes().as_slice();
            one(pool, (KEY, &[&key, &reason]), (NUMBER_OF_KEY, &[&key])).await
        }
        Scope::Handle { id, user_id, group } => {
            let group = group.as_ref().map(Group::name);
            let change: Params<'_> = &[id, &reason, &user_id.as_deref(), &group];
            one(pool, (HANDLE, change), (NUMBER_OF_HANDLE, &[id])).await
        }
        Scope::Others {
            user_id,
            keep,
            group,
        } => {
            let keep = keep.as_bytes().as_slice();
            // Old logins first: one that is becoming a session at this moment is waited for, and then found.
            let (kind, subject) = owner(user_id, group.as_ref());
            let old_logins: Params<'_> = &[&kind, &subject];
            let group = group.as_ref().map(Group::name);
            let params: Params<'_> = &[&&**user_id, &reason, &keep, &group];
            others(pool, (CUT_OFF, old_logins), (OTHERS, params)).await
        }
        Scope::Member { user_id, group } => {
            let (kind, subject) = owner(user_id, Some(group));
            mass(pool, kind, &subject, MEMBER).await
        }
        Scope::User(user_id) => mass(pool, "user", user_id, USER).await,
        Scope::Tenant(tenant_id) => mass(pool, "tenant", tenant_id, TENANT).await,
        Scope::All => mass(pool, "all", "", ALL).await,
    }
}

/// Ends one session: one event. `number` is that of a [`number`] statement.
async fn one(
    pool: &Pool,
    (change, params): Statement<'_>,
    (number, of): Statement<'_>,
) -> StoreResult<Revoked> {
    let (ended, number) = write(pool, async |client| {
        let change = client.prepare_cached(change).await?;
        let number = client.prepare_cached(number).await?;
        tokio::try_join!(
            biased;
            client.query_one(&change, params),
            client.query_one(&number, of),
        )
    })
    .await?;
    let head: Seq = column(&number, "seq")?;
    let own: Option<Seq> = column(&number, "own")?;
    let has_ended = column::<i64>(&ended, "ended")? > 0;
    Ok(Revoked {
        sessions: sessions(&ended)?,
        seq: own.filter(|_own| has_ended).unwrap_or(head),
    })
}

/// Ends sessions one by one, and old logins in the same transaction.
async fn others(
    pool: &Pool,
    (cut_off, user): Statement<'_>,
    (change, params): Statement<'_>,
) -> StoreResult<Revoked> {
    let (ended, head) = write(pool, async |client| {
        let cut_off = client.prepare_cached(cut_off).await?;
        let change = client.prepare_cached(change).await?;
        let head = client.prepare_cached(HEAD).await?;
        let ((), _, ended, (), head, ()) = tokio::try_join!(
            biased;
            client.batch_execute("BEGIN"),
            client.execute(&cut_off, user),
            client.query_one(&change, params),
            client.batch_execute("SET CONSTRAINTS ALL IMMEDIATE"),
            client.query_one(&head, &[]),
            client.batch_execute("COMMIT"),
        )?;
        Ok((ended, head))
    })
    .await?;
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
    let number = write(pool, async |client| {
        let upsert = client.prepare_cached(UPSERT).await?;
        let number = client.prepare_cached(NUMBER).await?;
        let (_, number) = tokio::try_join!(
            biased;
            client.execute(&upsert, params),
            client.query_one(&number, params),
        )?;
        Ok(number)
    })
    .await?;
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

/// Runs `flight` on a connection, which is used again if it ends well.
async fn write<T>(
    pool: &Pool,
    flight: impl AsyncFnOnce(&ClientWrapper) -> Result<T, PgError>,
) -> StoreResult<T> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let done = pool.written(async {
        let done = Box::pin(flight(client)).await;
        done.map_err(|error| pool.write_error(error))
    });
    let done = done.await?;
    lease.give_back();
    Ok(done)
}
