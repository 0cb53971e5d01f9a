//! Where sessions are used.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{Connection, Row, named_params};
use uuid::Uuid;

use super::row::{column, micros};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::store::sighting::{self, Cursor, Flag, Sighting, Sightings};
use crate::store::{StoreError, StoreResult};

macro_rules! columns {
    () => {
        "id, session_id, user_id, tenant_id, at, left_at, network, family, country, asn, lat, lon, signals"
    };
}
pub(super) use columns;

pub(super) fn sight(connection: &Connection, seen: &Sighting) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_activity \
            (session_id, user_id, tenant_id, at, left_at, network, family, country, asn, lat, lon, signals) \
        VALUES (:session, :user, :tenant, :at, :left_at, :network, :family, :country, :asn, :lat, :lon, :signals)";
    let (lat, lon) = seen.location.unzip();
    let params = named_params! {
        ":session": seen.session.to_string(),
        ":user": &*seen.user_id,
        ":tenant": seen.tenant_id.as_deref(),
        ":at": seen.at.as_micros(),
        ":left_at": seen.left_at.map(Timestamp::as_micros),
        ":network": seen.network.to_string(),
        ":family": &*seen.family,
        ":country": seen.country.as_deref(),
        ":asn": seen.asn,
        ":lat": lat,
        ":lon": lon,
        ":signals": sighting::written(&seen.signals),
    };
    execute(connection, SQL, params).map(drop)
}

pub(super) fn of(
    connection: &Connection,
    session: Uuid,
    limit: usize,
) -> StoreResult<Vec<Sighting>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_activity WHERE session_id = :session ORDER BY id DESC LIMIT :limit"
    );
    let params = named_params! {":session": session.to_string(), ":limit": bigint(limit)};
    let mut seen = rows(connection, SQL, params, |row| {
        sighting(row).map(|(_, seen)| seen)
    })?;
    seen.reverse();
    Ok(seen)
}

pub(super) fn flags(
    connection: &Connection,
    sessions: &[Uuid],
    limit: usize,
) -> StoreResult<Vec<Flag>> {
    const SQL: &str = "\
        SELECT session_id, at, signals FROM sidgate_activity \
        WHERE session_id IN (SELECT value FROM json_each(:sessions)) AND signals <> '' ORDER BY id DESC LIMIT :limit";
    let sessions = serde_json::to_string(sessions).map_err(StoreError::unavailable)?;
    let params = named_params! {":sessions": sessions, ":limit": bigint(limit)};
    let found = rows(connection, SQL, params, |row| {
        let at = column(row, "at").map(Timestamp::from_micros)?;
        let signals: String = column(row, "signals")?;
        Ok(sighting::flags(session_id(row)?, at, &signals))
    })?;
    Ok(found.into_iter().flatten().collect())
}

pub(super) fn from(connection: &Connection, from: Cursor, limit: usize) -> StoreResult<Sightings> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_activity WHERE (at, id) > (:at, :id) ORDER BY at, id LIMIT :limit"
    );
    let params =
        named_params! {":at": from.at.as_micros(), ":id": from.id, ":limit": bigint(limit)};
    Ok(sighting::page(
        rows(connection, SQL, params, sighting)?,
        limit,
    ))
}

pub(super) fn forget(
    connection: &Connection,
    now: Timestamp,
    kept: Duration,
    batch: usize,
) -> StoreResult<u64> {
    const SQL: &str = "\
        DELETE FROM sidgate_activity WHERE id IN ( \
            SELECT id FROM sidgate_activity WHERE at < :before ORDER BY at LIMIT :limit)";
    let before = now.as_micros().saturating_sub(micros(kept));
    let params = named_params! {":before": before, ":limit": bigint(batch.max(1))};
    execute(connection, SQL, params)
}

pub(super) fn sighting(row: &Row<'_>) -> StoreResult<(i64, Sighting)> {
    let text = |name| column::<String>(row, name);
    let maybe = |name| column::<Option<String>>(row, name);
    let network = text("network")?.parse();
    let seen = Sighting {
        session: session_id(row)?,
        user_id: text("user_id")?.into_boxed_str(),
        tenant_id: maybe("tenant_id")?.map(String::into_boxed_str),
        at: column(row, "at").map(Timestamp::from_micros)?,
        left_at: column::<Option<i64>>(row, "left_at")?.map(Timestamp::from_micros),
        network: network.map_err(|_error| StoreError::Corrupt("network"))?,
        family: text("family")?.into_boxed_str(),
        country: maybe("country")?.map(String::into_boxed_str),
        asn: column(row, "asn")?,
        location: column::<Option<f64>>(row, "lat")?.zip(column(row, "lon")?),
        signals: sighting::rules(&text("signals")?),
    };
    Ok((column(row, "id")?, seen))
}

fn session_id(row: &Row<'_>) -> StoreResult<Uuid> {
    let id: String = column(row, "session_id")?;
    Uuid::parse_str(&id).map_err(|_error| StoreError::Corrupt("session_id"))
}

pub(super) fn bigint(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
