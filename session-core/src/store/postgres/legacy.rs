//! Logins of the old system.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::fault;
use super::pool::{Params, Pool};
use super::row::{self, Stamp, column, columns, mass_revoked, micros};
use super::write::{revoked_meanwhile, store};
use crate::keys::legacy::{LegacyKey, LegacyRow, WRAPPED_LEN};
use crate::session::Session;
use crate::sid::SessionKey;
use crate::store::{
    Adoption, Recalled, RecalledRow, SchemaError, Seen, StoreError, StoreResult, TALLY_KEPT,
    TALLY_MAX, Tally,
};

pub(super) async fn recall(pool: &Pool, keys: &[LegacyKey]) -> StoreResult<Recalled> {
    const SQL: &str = concat!(
        "SELECT pg_is_in_recovery() AS in_recovery, clock_timestamp() AS now, \
             l.legacy_key, l.wrapped_sid, l.session_key AS became, l.ended_at IS NOT NULL AS ended, ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked FROM sidgate_clock c LEFT JOIN sidgate_legacy l ON l.legacy_key = ANY ($1::bytea[]) \
         LEFT JOIN sidgate_session s ON s.session_key = l.session_key"
    );
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes().as_slice()).collect();
    let rows = pool.read(SQL, &[&keys]).await?;
    let first = rows.first().ok_or(SchemaError::Missing)?;
    if column(first, "in_recovery")? {
        return Err(StoreError::InRecovery);
    }
    let mut known = Vec::new();
    for row in &rows {
        if let Some(legacy_key) = column::<Option<&[u8]>>(row, "legacy_key")? {
            known.push(recalled(row, legacy_key)?);
        }
    }
    Ok(Recalled {
        now: column::<Stamp>(first, "now")?.0,
        rows: known,
    })
}

fn recalled(row: &Row, legacy_key: &[u8]) -> StoreResult<RecalledRow> {
    let key = legacy_key.try_into().map(LegacyKey::from_bytes);
    let wrapped: Option<&[u8]> = column(row, "wrapped_sid")?;
    let wrapped_sid = wrapped.map_or(Ok([0; WRAPPED_LEN]), TryInto::try_into);
    let session: Option<&[u8]> = column(row, "session_key")?;
    Ok(RecalledRow {
        row: LegacyRow {
            key: key.map_err(|_error| StoreError::Corrupt("legacy_key"))?,
            wrapped_sid: wrapped_sid.map_err(|_error| StoreError::Corrupt("wrapped_sid"))?,
        },
        session_key: row::key(column(row, "became")?)?,
        session: session.map(|_key| row::stored_session(row)).transpose()?,
        ended: column(row, "ended")?,
    })
}

pub(super) async fn adopt(pool: &Pool, adoption: &Adoption) -> StoreResult<Option<Session>> {
    let new = &adoption.session;
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let adopted = pool
        .written(async {
            let meanwhile = revoked_meanwhile(client, new).await;
            let refused = if meanwhile.map_err(|error| pool.write_error(error))? {
                Some(Err(StoreError::RevokedMeanwhile))
            } else {
                let claimed = claim(client, adoption).await;
                let claimed = claimed.map_err(|error| pool.write_error(error))?;
                (!claimed).then_some(Ok(None))
            };
            if let Some(refused) = refused {
                let undone = client.batch_execute("ROLLBACK").await;
                undone.map_err(|error| pool.write_error(error))?;
                return refused;
            }
            let row = Box::pin(store(client, new)).await.map_err(|error| {
                if fault::is_duplicate(&error) {
                    StoreError::Duplicate
                } else {
                    pool.write_error(error)
                }
            })?;
            row::session(&row).map(Some)
        })
        .await;
    // A refusal has rolled back and leaves the connection as good as new.
    if matches!(adopted, Ok(_) | Err(StoreError::RevokedMeanwhile)) {
        lease.give_back();
    }
    adopted
}

/// Whether every credential was free. One that somebody is storing at this moment is waited for; the rows come in one order
/// for everybody, so nobody waits in a circle.
async fn claim(client: &ClientWrapper, adoption: &Adoption) -> Result<bool, PgError> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy (legacy_key, wrapped_sid, session_key, kept) \
        SELECT t.key, t.wrapped, $3::bytea, CASE t.number WHEN 1 THEN $4::bytea END \
        FROM unnest($1::bytea[], $2::bytea[]) WITH ORDINALITY AS t (key, wrapped, number) ORDER BY t.number \
        ON CONFLICT DO NOTHING";
    let rows = &adoption.rows;
    let keys: Vec<&[u8]> = rows
        .iter()
        .map(|row| row.key.as_bytes().as_slice())
        .collect();
    let wrapped: Vec<&[u8]> = rows.iter().map(|row| row.wrapped_sid.as_slice()).collect();
    let statement = client.prepare_cached(SQL).await?;
    let session_key = adoption.session.key.as_bytes().as_slice();
    let params: Params<'_> = &[&keys, &wrapped, &session_key, &adoption.kept];
    let claimed = client.execute(&statement, params).await?;
    Ok(usize::try_from(claimed).is_ok_and(|claimed| claimed == rows.len()))
}

pub(super) async fn kept(pool: &Pool, key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
    const SQL: &str = "\
        SELECT kept FROM sidgate_legacy WHERE session_key = $1 AND ended_at IS NULL AND kept IS NOT NULL LIMIT 1";
    let rows = pool.read(SQL, &[&key.as_bytes().as_slice()]).await?;
    rows.first().map(|row| column(row, "kept")).transpose()
}

pub(super) async fn forget(pool: &Pool, tombstone: Duration, batch: usize) -> StoreResult<u64> {
    const LEGACY: &str = "\
        DELETE FROM sidgate_legacy WHERE legacy_key IN ( \
            SELECT legacy_key FROM sidgate_legacy \
            WHERE ended_at < statement_timestamp() - $1::bigint * interval '1 microsecond' \
            ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const TALLY: &str = "\
        DELETE FROM sidgate_migration_tally \
        WHERE hour < statement_timestamp() - $1::bigint * interval '1 microsecond'";
    let limit = i64::try_from(batch.max(1)).unwrap_or(i64::MAX);
    let forgotten = pool.execute(LEGACY, &[&micros(tombstone), &limit]).await?;
    pool.execute(TALLY, &[&micros(TALLY_KEPT)]).await?;
    Ok(forgotten)
}

pub(super) async fn tally(pool: &Pool, seen: &[Seen]) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_migration_tally AS t (hour, what, times) \
        SELECT date_trunc('hour', statement_timestamp(), 'UTC'), u.what, u.times \
        FROM unnest($1::text[], $2::bigint[]) AS u (what, times) ORDER BY u.what \
        ON CONFLICT (hour, what) DO UPDATE SET times = t.times + EXCLUDED.times";
    if seen.is_empty() {
        return Ok(());
    }
    let what: Vec<&str> = seen.iter().map(|seen| &*seen.what).collect();
    let times: Vec<i64> = seen
        .iter()
        .map(|seen| i64::try_from(seen.times).unwrap_or(i64::MAX))
        .collect();
    pool.execute(SQL, &[&what, &times]).await.map(drop)
}

pub(super) async fn tallied(pool: &Pool) -> StoreResult<Tally> {
    const SQL: &str = "\
        SELECT floor(extract(epoch FROM statement_timestamp()) / 3600)::bigint AS present, \
            (extract(epoch FROM t.hour) / 3600)::bigint AS hour, t.what, t.times \
        FROM sidgate_clock c LEFT JOIN sidgate_migration_tally t ON true ORDER BY t.hour DESC LIMIT $1";
    let limit = i64::try_from(TALLY_MAX).unwrap_or(i64::MAX);
    let rows = pool
        .read_within(pool.write_timeout(), SQL, &[&limit])
        .await?;
    let first = rows.first().ok_or(SchemaError::Missing)?;
    let mut seen = Vec::new();
    for row in &rows {
        if let Some(hour) = column(row, "hour")? {
            let times: i64 = column(row, "times")?;
            let times = u64::try_from(times).map_err(|_error| StoreError::Corrupt("times"))?;
            seen.push((
                hour,
                Seen {
                    what: column(row, "what")?,
                    times,
                },
            ));
        }
    }
    Ok(Tally {
        hour: column(first, "present")?,
        seen,
    })
}
