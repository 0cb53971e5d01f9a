//! Logins of the old system become sessions.
//!
//! Every transaction takes its locks in this order: mass revocations, the cutoff of the user, credentials, sessions.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::fault;
use super::pool::{Params, Pool};
use super::row::{self, mass_revoked, unended};
use super::write::{begin_unless_revoked, store};
use crate::sid::SessionKey;
use crate::store::{Adopted, Adoption, Attached, Attachment, ProvenRow, StoreError, StoreResult};

pub(super) async fn adopt(pool: &Pool, adoption: &Adoption) -> StoreResult<Adopted> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let adopted = pool.written(async {
        let adopted = Box::pin(adoption_flight(client, adoption)).await;
        match adopted.map_err(|error| duplicate_or(pool, error))? {
            Step::Refused(refused) => {
                let undone = client.batch_execute("ROLLBACK").await;
                undone.map_err(|error| pool.write_error(error))?;
                refused
            }
            Step::CutOff => Ok(Adopted::CutOff),
            Step::Stored(row) => row::session(&row).map(Box::new).map(Adopted::Made),
        }
    });
    let adopted = adopted.await;
    // A refusal has rolled back, so the connection can be used again.
    if matches!(adopted, Ok(_) | Err(StoreError::RevokedMeanwhile)) {
        lease.give_back();
    }
    adopted
}

/// How far a transaction has come.
enum Step<T> {
    /// Nothing is to be stored; the transaction is still open.
    Refused(StoreResult<T>),
    /// Only the ends of credentials were stored.
    CutOff,
    /// The session and its credentials were stored.
    Stored(Row),
}

async fn adoption_flight(
    client: &ClientWrapper,
    adoption: &Adoption,
) -> Result<Step<Adopted>, PgError> {
    let new = &adoption.session;
    if !begin_unless_revoked(client, new).await? {
        return Ok(Step::Refused(Err(StoreError::RevokedMeanwhile)));
    }
    let (user, tenant) = (new.identity.user_id(), new.identity.tenant_id());
    let late = cut_off_rows(client, user, tenant, &adoption.rows).await?;
    if !late.is_empty() {
        bury(client, &late, &new.key).await?;
        client.batch_execute("COMMIT").await?;
        return Ok(Step::CutOff);
    }
    if !claim(client, &adoption.rows, &new.key, adoption.kept.as_deref()).await? {
        return Ok(Step::Refused(Ok(Adopted::Known)));
    }
    Box::pin(store(client, new)).await.map(Step::Stored)
}

pub(super) async fn attach(pool: &Pool, attachment: &Attachment) -> StoreResult<Attached> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let attached = pool.written(async {
        let attached = Box::pin(attachment_flight(client, attachment)).await;
        attached.map_err(|error| pool.write_error(error))
    });
    let attached = attached.await?;
    lease.give_back();
    Ok(attached)
}

async fn attachment_flight(
    client: &ClientWrapper,
    attachment: &Attachment,
) -> Result<Attached, PgError> {
    // Locked, so that it cannot end before its credentials are stored.
    const LIVES: &str = concat!(
        "SELECT FROM sidgate_session s WHERE s.session_key = $1 AND ",
        unended!(),
        " FOR SHARE"
    );
    let Attachment {
        session_key,
        user_id,
        tenant_id,
        rows,
    } = attachment;
    client.batch_execute("BEGIN").await?;
    let late = cut_off_rows(client, user_id, tenant_id.as_deref(), rows).await?;
    let (outcome, end) = if late.is_empty() {
        let lives = client.prepare_cached(LIVES).await?;
        let key = session_key.as_bytes().as_slice();
        let lives = client.query_opt(&lives, &[&key]).await?.is_some();
        if lives && claim(client, rows, session_key, None).await? {
            (Attached::Done, "COMMIT")
        } else {
            (Attached::Changed, "ROLLBACK")
        }
    } else {
        bury(client, &late, session_key).await?;
        (Attached::CutOff, "COMMIT")
    };
    client.batch_execute(end).await?;
    Ok(outcome)
}

/// The credentials that were proved before a revocation of their user, tenant or everybody.
///
/// The cutoff row of the user is made if it is missing, and locked to the end of the transaction: there an adoption and
/// a concurrent revocation wait for each other. Revocations of tenants and of everybody have a number. If one of them
/// commits meanwhile, the session is dead by its number (R8).
async fn cut_off_rows<'a>(
    client: &ClientWrapper,
    user: &str,
    tenant: Option<&str>,
    rows: &'a [ProvenRow],
) -> Result<Vec<&'a ProvenRow>, PgError> {
    const SQL: &str = "\
        WITH own AS ( \
            INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES ('user', $1, 'epoch') \
            ON CONFLICT (kind, subject) DO UPDATE SET at = c.at RETURNING at \
        ), latest AS ( \
            SELECT at FROM own UNION ALL SELECT at FROM sidgate_legacy_cutoff \
            WHERE kind = 'tenant' AND subject = $2 OR kind = 'all' AND subject = '' \
        ) \
        SELECT p.number FROM unnest($3::bigint[]) WITH ORDINALITY AS p (proved, number) \
        WHERE 'epoch'::timestamptz + p.proved * interval '1 microsecond' < (SELECT max(at) FROM latest)";
    let statement = client.prepare_cached(SQL).await?;
    let proved: Vec<i64> = rows.iter().map(|row| row.proved.as_micros()).collect();
    let params: Params<'_> = &[&user, &tenant, &proved];
    let mut late = Vec::new();
    for row in client.query(&statement, params).await? {
        let number: i64 = row.try_get(0)?;
        let at = usize::try_from(number - 1).ok();
        late.extend(at.and_then(|at| rows.get(at)));
    }
    Ok(late)
}

/// Stores credentials as ended. Those that are known already stay as they are.
async fn bury(
    client: &ClientWrapper,
    late: &[&ProvenRow],
    session_key: &SessionKey,
) -> Result<(), PgError> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy (legacy_key, session_key, ended_at) \
        SELECT t.key, $2::bytea, clock_timestamp() FROM unnest($1::bytea[]) WITH ORDINALITY AS t (key, number) \
        ORDER BY t.number ON CONFLICT DO NOTHING";
    let statement = client.prepare_cached(SQL).await?;
    let keys: Vec<&[u8]> = late
        .iter()
        .map(|row| row.row.key.as_bytes().as_slice())
        .collect();
    let params: Params<'_> = &[&keys, &session_key.as_bytes().as_slice()];
    client.execute(&statement, params).await.map(drop)
}

/// Stores the credentials; `true` when all of them were new. Waits for a transaction that is storing one of them. All
/// transactions store them in the order of their keys, so they cannot deadlock.
async fn claim(
    client: &ClientWrapper,
    rows: &[ProvenRow],
    session_key: &SessionKey,
    kept: Option<&[u8]>,
) -> Result<bool, PgError> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy (legacy_key, wrapped_sid, session_key, kept) \
        SELECT t.key, t.wrapped, $3::bytea, CASE t.number WHEN 1 THEN $4::bytea END \
        FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS t (key, wrapped, number) ORDER BY t.number \
        ON CONFLICT DO NOTHING";
    let keys: Vec<&[u8]> = rows
        .iter()
        .map(|row| row.row.key.as_bytes().as_slice())
        .collect();
    let wrapped: Vec<&[u8]> = rows
        .iter()
        .map(|row| row.row.wrapped_sid.as_slice())
        .collect();
    let statement = client.prepare_cached(SQL).await?;
    let params: Params<'_> = &[&keys, &wrapped, &session_key.as_bytes().as_slice(), &kept];
    let claimed = client.execute(&statement, params).await?;
    Ok(usize::try_from(claimed).is_ok_and(|claimed| claimed == rows.len()))
}

/// Ends old logins of a user that have not become sessions yet.
pub(super) const CUT_OFF: &str = "\
    INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES ('user', $1, clock_timestamp()) \
    ON CONFLICT (kind, subject) DO UPDATE SET at = GREATEST(c.at, EXCLUDED.at)";

pub(super) async fn cut_off(pool: &Pool, user_id: &str) -> StoreResult<()> {
    pool.execute(CUT_OFF, &[&user_id]).await.map(drop)
}

fn duplicate_or(pool: &Pool, error: PgError) -> StoreError {
    if fault::is_duplicate(&error) {
        StoreError::Duplicate
    } else {
        pool.write_error(error)
    }
}
