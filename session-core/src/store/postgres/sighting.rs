//! Where sessions are used.

use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use super::pool::{Params, Pool};
use super::row::{Stamp, column, micros};
use crate::store::sighting::{self, Cursor, Flag, Sighting, Sightings};
use crate::store::{StoreError, StoreResult};

macro_rules! columns {
    () => {
        "id, session_id, user_id, tenant_id, at, left_at, network, family, country, asn, lat, lon, signals"
    };
}
pub(super) use columns;

pub(super) async fn sight(pool: &Pool, seen: &Sighting) -> StoreResult<()> {
    // Losing one in a crash does no harm, but the connection is shared with what would: so nothing is set on it.
    const SQL: &str = "\
        INSERT INTO sidgate_activity \
            (session_id, user_id, tenant_id, at, left_at, network, family, country, asn, lat, lon, signals) \
        VALUES ($1, $2, $3, to_timestamp(0) + $4::bigint * interval '1 microsecond', \
            to_timestamp(0) + $5::bigint * interval '1 microsecond', $6, $7, $8, $9, $10, $11, $12)";
    let (at, left_at) = (
        seen.at.as_micros(),
        seen.left_at.map(|left_at| left_at.as_micros()),
    );
    let (lat, lon) = seen.location.unzip();
    let signals = sighting::written(&seen.signals);
    let params: Params<'_> = &[
        &seen.session,
        &&*seen.user_id,
        &seen.tenant_id.as_deref(),
        &at,
        &left_at,
        &seen.network,
        &&*seen.family,
        &seen.country.as_deref(),
        &seen.asn.map(i64::from),
        &lat,
        &lon,
        &signals,
    ];
    pool.execute(SQL, params).await.map(drop)
}

pub(super) async fn of(pool: &Pool, session: Uuid, limit: usize) -> StoreResult<Vec<Sighting>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_activity WHERE session_id = $1 ORDER BY id DESC LIMIT $2"
    );
    let rows = pool.read(SQL, &[&session, &bigint(limit)]).await?;
    let newest_first = rows.iter().rev();
    newest_first
        .map(|row| sighting(row).map(|(_, seen)| seen))
        .collect()
}

pub(super) async fn flags(pool: &Pool, sessions: &[Uuid], limit: usize) -> StoreResult<Vec<Flag>> {
    const SQL: &str = "\
        SELECT session_id, at, signals FROM sidgate_activity \
        WHERE session_id = ANY ($1::uuid[]) AND signals <> '' ORDER BY id DESC LIMIT $2";
    let rows = pool.read(SQL, &[&sessions, &bigint(limit)]).await?;
    let mut found = Vec::new();
    for row in &rows {
        let at = column::<Stamp>(row, "at")?.0;
        let (session, signals) = (column(row, "session_id")?, column(row, "signals")?);
        found.extend(sighting::flags(session, at, signals));
    }
    Ok(found)
}

pub(super) async fn from(pool: &Pool, from: Cursor, limit: usize) -> StoreResult<Sightings> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_activity \
         WHERE (at, id) > (to_timestamp(0) + $1::bigint * interval '1 microsecond', $2) ORDER BY at, id LIMIT $3"
    );
    let at = from.at.as_micros();
    let params: Params<'_> = &[&at, &from.id, &bigint(limit)];
    let rows = pool.read_long(SQL, params).await?;
    let rows: StoreResult<Vec<_>> = rows.iter().map(sighting).collect();
    Ok(sighting::page(rows?, limit))
}

pub(super) async fn forget(pool: &Pool, kept: Duration, batch: usize) -> StoreResult<u64> {
    const SQL: &str = "\
        DELETE FROM sidgate_activity WHERE id IN ( \
            SELECT id FROM sidgate_activity \
            WHERE at < statement_timestamp() - $1::bigint * interval '1 microsecond' \
            ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    pool.execute(SQL, &[&micros(kept), &bigint(batch.max(1))])
        .await
}

pub(super) fn sighting(row: &Row) -> StoreResult<(i64, Sighting)> {
    let asn: Option<i64> = column(row, "asn")?;
    let seen = Sighting {
        session: column(row, "session_id")?,
        user_id: column(row, "user_id")?,
        tenant_id: column(row, "tenant_id")?,
        at: column::<Stamp>(row, "at")?.0,
        left_at: column::<Option<Stamp>>(row, "left_at")?.map(|stamp| stamp.0),
        network: column::<IpAddr>(row, "network")?,
        family: column(row, "family")?,
        country: column(row, "country")?,
        asn: asn
            .map(u32::try_from)
            .transpose()
            .map_err(|_error| StoreError::Corrupt("asn"))?,
        location: column::<Option<f64>>(row, "lat")?.zip(column(row, "lon")?),
        signals: sighting::rules(column(row, "signals")?),
    };
    Ok((column(row, "id")?, seen))
}

pub(super) fn bigint(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
