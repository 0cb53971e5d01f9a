//! Logins of the old system.

use std::time::Duration;

use tokio_postgres::Row;

use super::pool::Pool;
use super::row::{self, Stamp, column, columns, mass_revoked, micros};
use crate::keys::legacy::{LegacyKey, LegacyRow, WRAPPED_LEN};
use crate::sid::SessionKey;
use crate::store::{
    Recalled, RecalledRow, SchemaError, Seen, StoreError, StoreResult, TALLY_KEPT, TALLY_MAX, Tally,
};

/// Most empty cutoff rows that are removed at once: two for each of more adoptions than there are in a minute.
const PLACES_MAX: i64 = 40_000;

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
    // Rows that adoptions made only to lock them. They cut nothing off.
    const PLACES: &str = "\
        DELETE FROM sidgate_legacy_cutoff WHERE (kind, subject) IN ( \
            SELECT kind, subject FROM sidgate_legacy_cutoff WHERE at = 'epoch' LIMIT $1 FOR UPDATE SKIP LOCKED)";
    const CUTOFFS: &str = "\
        DELETE FROM sidgate_legacy_cutoff WHERE (kind, subject) IN ( \
            SELECT kind, subject FROM sidgate_legacy_cutoff \
            WHERE at > 'epoch' AND at < statement_timestamp() - $1::bigint * interval '1 microsecond' \
            ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    const TALLY: &str = "\
        DELETE FROM sidgate_migration_tally \
        WHERE hour < statement_timestamp() - $1::bigint * interval '1 microsecond'";
    let limit = i64::try_from(batch.max(1)).unwrap_or(i64::MAX);
    let forgotten = pool.execute(LEGACY, &[&micros(tombstone), &limit]).await?;
    pool.execute(PLACES, &[&PLACES_MAX]).await?;
    let cutoffs = pool.execute(CUTOFFS, &[&micros(tombstone), &limit]).await?;
    pool.execute(TALLY, &[&micros(TALLY_KEPT)]).await?;
    Ok(forgotten.max(cutoffs))
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
    let rows = pool.read_long(SQL, &[&limit]).await?;
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
