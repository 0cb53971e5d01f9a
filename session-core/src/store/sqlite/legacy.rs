//! Logins of the old system.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{Connection, Row, ToSql, named_params};

use super::adopt::stamp_cutoffs;
use super::lane::{begin, store_error};
use super::row::{self, column, columns, mass_revoked, micros};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::keys::legacy::{LegacyKey, LegacyRow, WRAPPED_LEN};
use crate::sid::SessionKey;
use crate::store::{
    Recalled, RecalledRow, Seen, StoreError, StoreResult, TALLY_KEPT, TALLY_MAX, Tally,
};

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

pub(super) fn recall(
    connection: &mut Connection,
    now: Timestamp,
    keys: &[LegacyKey],
) -> StoreResult<Recalled> {
    const SQL: &str = concat!(
        "SELECT l.legacy_key, l.wrapped_sid, l.session_key AS became, l.ended_at IS NOT NULL AS ended, ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked FROM sidgate_legacy l \
         LEFT JOIN sidgate_session s ON s.session_key = l.session_key \
         WHERE l.legacy_key = :key"
    );
    let snapshot = connection.transaction().map_err(store_error)?;
    let mut known = Vec::new();
    for key in keys {
        let params = named_params! {":key": key.as_bytes().as_slice()};
        known.extend(rows(&snapshot, SQL, params, recalled)?);
    }
    Ok(Recalled { now, rows: known })
}

fn recalled(row: &Row<'_>) -> StoreResult<RecalledRow> {
    let wrapped: Option<[u8; WRAPPED_LEN]> = column(row, "wrapped_sid")?;
    let session: Option<Vec<u8>> = column(row, "session_key")?;
    Ok(RecalledRow {
        row: LegacyRow {
            key: column(row, "legacy_key").map(LegacyKey::from_bytes)?,
            wrapped_sid: wrapped.unwrap_or([0; WRAPPED_LEN]),
        },
        session_key: column(row, "became").map(SessionKey::from_bytes)?,
        session: session.map(|_key| row::stored_session(row)).transpose()?,
        ended: column(row, "ended")?,
    })
}

pub(super) fn kept(connection: &Connection, key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
    const SQL: &str = "\
        SELECT kept FROM sidgate_legacy \
        WHERE session_key = :key AND ended_at IS NULL AND kept IS NOT NULL LIMIT 1";
    let params = named_params! {":key": key.as_bytes().as_slice()};
    Ok(rows(connection, SQL, params, |row| column(row, "kept"))?.pop())
}

pub(super) fn forget(
    connection: &mut Connection,
    now: Timestamp,
    tombstone: Duration,
    batch: usize,
) -> StoreResult<u64> {
    // What a trigger has marked gets its time from the gateway's clock.
    const STAMP: &str = "\
        UPDATE sidgate_legacy SET ended_at = :now WHERE legacy_key IN ( \
            SELECT legacy_key FROM sidgate_legacy WHERE ended_at = 0)";
    const LEGACY: &str = "\
        DELETE FROM sidgate_legacy WHERE legacy_key IN ( \
            SELECT legacy_key FROM sidgate_legacy WHERE ended_at < :before ORDER BY ended_at LIMIT :limit)";
    const CUTOFFS: &str = "\
        DELETE FROM sidgate_legacy_cutoff WHERE (kind, subject) IN ( \
            SELECT kind, subject FROM sidgate_legacy_cutoff WHERE at < :before ORDER BY at LIMIT :limit)";
    const TALLY: &str = "DELETE FROM sidgate_migration_tally WHERE hour < :hour";
    let now = now.as_micros();
    let before = |age| now.saturating_sub(micros(age));
    let limit = i64::try_from(batch.max(1)).unwrap_or(i64::MAX);
    let transaction = begin(connection)?;
    execute(&transaction, STAMP, &[(":now", &now)])?;
    stamp_cutoffs(&transaction, now)?;
    let params: &[(&str, &dyn ToSql)] = &[(":before", &before(tombstone)), (":limit", &limit)];
    let forgotten = execute(&transaction, LEGACY, params)?;
    let forgotten = forgotten.max(execute(&transaction, CUTOFFS, params)?);
    let hour = before(TALLY_KEPT).div_euclid(HOUR);
    execute(&transaction, TALLY, &[(":hour", &hour)])?;
    transaction.commit().map_err(store_error)?;
    Ok(forgotten)
}

pub(super) fn tally(connection: &mut Connection, now: Timestamp, seen: &[Seen]) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_migration_tally (hour, what, times) VALUES (:hour, :what, :times) \
        ON CONFLICT DO UPDATE SET times = times + excluded.times";
    let hour = now.as_micros().div_euclid(HOUR);
    let transaction = begin(connection)?;
    for Seen { what, times } in seen {
        let times = i64::try_from(*times).unwrap_or(i64::MAX);
        let params: &[(&str, &dyn ToSql)] =
            &[(":hour", &hour), (":what", &&**what), (":times", &times)];
        execute(&transaction, SQL, params)?;
    }
    transaction.commit().map_err(store_error)
}

pub(super) fn tallied(connection: &Connection, now: Timestamp) -> StoreResult<Tally> {
    const SQL: &str = "\
        SELECT hour, what, times FROM sidgate_migration_tally ORDER BY hour DESC LIMIT :limit";
    let limit = i64::try_from(TALLY_MAX).unwrap_or(i64::MAX);
    let seen = rows(connection, SQL, named_params! {":limit": limit}, |row| {
        let times: i64 = column(row, "times")?;
        let what: String = column(row, "what")?;
        let seen = Seen {
            what: what.into_boxed_str(),
            times: u64::try_from(times).map_err(|_error| StoreError::Corrupt("times"))?,
        };
        Ok((column(row, "hour")?, seen))
    });
    Ok(Tally {
        hour: now.as_micros().div_euclid(HOUR),
        seen: seen?,
    })
}
