//! Insert, update and touch. They run in a transaction that takes the write lock before it reads (`writer`), so nothing can
//! come between their decision and their change.

use tokio_rusqlite::rusqlite::{self, Connection, named_params};

use super::lane::{is_duplicate, store_error};
use super::room::make_room;
use super::row::{self, column, columns, current_key, mass_revoked, micros, unended};
use super::statement::{execute, rows};
use super::writer::Done;
use crate::clock::{SharedClock, Timestamp};
use crate::session::{NewSession, Session};
use crate::sid::SessionKey;
use crate::store::write::member;
use crate::store::{Change, StoreError, StoreResult, Touch, Updated};

pub(super) fn insert(
    connection: &Connection,
    clock: &SharedClock,
    new: &NewSession,
) -> StoreResult<Done<Session>> {
    const REPLACE: &str = concat!(
        "UPDATE sidgate_session SET revoked_at = :now, revoke_reason = 'replaced' \
         WHERE revoked_at IS NULL AND session_key = ",
        current_key!(":key")
    );
    refuse_revoked(connection, new)?;
    let now = clock.wall();
    if let Some(limit) = new.limit {
        make_room(connection, now, new, limit)?;
    }
    store(connection, now, new).map_err(|error| {
        if is_duplicate(&error) {
            StoreError::Duplicate
        } else {
            store_error(error)
        }
    })?;
    if let Some(replaced) = new.origin.replaces() {
        let params =
            named_params! {":now": now.as_micros(), ":key": replaced.as_bytes().as_slice()};
        execute(connection, REPLACE, params)?;
    }
    read_back(connection, &new.key).map(Done::Keep)
}

/// Fails with [`StoreError::RevokedMeanwhile`] when a session must not be stored (R8): a mass revocation is newer than its
/// sample, the sample comes from a history that is lost, or the session that is being rotated has ended or changed.
pub(super) fn refuse_revoked(connection: &Connection, new: &NewSession) -> StoreResult<()> {
    const SQL: &str = "\
        SELECT EXISTS (SELECT 1 FROM sidgate_revocation \
            WHERE (kind = 'user' AND subject = :user OR kind = 'member' AND subject = :member \
                OR kind = 'tenant' AND subject = :tenant OR kind = 'all' AND subject = '') \
              AND (seq IS NULL OR seq > :sampled)) \
          OR :sampled > (SELECT seq FROM sidgate_clock) \
          OR (:predecessor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM sidgate_session \
            WHERE session_key = :predecessor AND version = :version AND revoked_at IS NULL)) AS revoked";
    let predecessor = new.origin.predecessor();
    let params = named_params! {
        ":user": new.identity.user_id(),
        ":member": member(&new.group, new.identity.user_id()),
        ":tenant": new.identity.tenant_id(),
        ":sampled": new.sampled,
        ":predecessor": predecessor.map(|(key, _)| key.as_bytes().as_slice()),
        ":version": predecessor.map(|(_, version)| version),
    };
    let found = rows(connection, SQL, params, |row| column(row, "revoked"))?;
    if found.contains(&true) {
        return Err(StoreError::RevokedMeanwhile);
    }
    Ok(())
}

pub(super) fn store(
    connection: &Connection,
    now: Timestamp,
    new: &NewSession,
) -> rusqlite::Result<usize> {
    const SQL: &str = "\
        INSERT INTO sidgate_session (session_key, id, user_id, tenant_id, identity, ip, user_agent, \
            created_at, auth_time, last_activity, expires_at, idle_seconds, ref, created_seq, session_group, site) \
        VALUES (:key, :id, :user, :tenant, :identity, :ip, :user_agent, \
            :now, coalesce(:auth_time, :now), :now, :expires_at, :idle, :ref, :sampled, :group, :site)";
    let idle = new.idle.as_secs() + u64::from(new.idle.subsec_nanos() > 0);
    connection.prepare_cached(SQL)?.execute(named_params! {
        ":key": new.key.as_bytes().as_slice(),
        ":id": new.id.to_string(),
        ":user": new.identity.user_id(),
        ":tenant": new.identity.tenant_id(),
        ":identity": new.identity.as_json(),
        ":ip": new.ip.map(|ip| ip.to_string()),
        ":user_agent": &*new.user_agent,
        ":now": now.as_micros(),
        ":auth_time": new.origin.auth_time().map(Timestamp::as_micros),
        ":expires_at": now.plus(new.ttl).as_micros(),
        ":idle": i32::try_from(idle).unwrap_or(i32::MAX),
        ":ref": new.references.as_stored(),
        ":sampled": new.sampled,
        ":group": new.group.name(),
        ":site": new.site.as_str(),
    })
}

pub(super) fn read_back(connection: &Connection, key: &SessionKey) -> StoreResult<Session> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_session s WHERE s.session_key = :key"
    );
    let params = named_params! {":key": key.as_bytes().as_slice()};
    let found = rows(connection, SQL, params, row::session)?.pop();
    found.ok_or(StoreError::Corrupt("session_key"))
}

pub(super) fn update(
    connection: &Connection,
    clock: &SharedClock,
    key: &SessionKey,
    version: i64,
    change: &Change,
) -> StoreResult<Done<Updated>> {
    const FIND: &str = concat!(
        "SELECT s.version FROM sidgate_session s WHERE s.session_key = ",
        current_key!(":key"),
        " AND ",
        unended!()
    );
    const UPDATE: &str = concat!(
        "UPDATE sidgate_session SET identity = :identity, tenant_id = :tenant, ref = :ref, version = version + 1 \
         WHERE session_key = ",
        current_key!(":key")
    );
    let key = key.as_bytes().as_slice();
    let now = clock.wall().as_micros();
    let params = named_params! {":key": key, ":now": now};
    let found: Vec<i64> = rows(connection, FIND, params, |row| column(row, "version"))?;
    match found.first() {
        None => return Ok(Done::Undo(Updated::Gone)),
        Some(found) if *found != version => return Ok(Done::Undo(Updated::Conflict)),
        Some(_) => {}
    }
    let params = named_params! {
        ":key": key,
        ":now": now,
        ":identity": change.identity.as_json(),
        ":tenant": change.identity.tenant_id(),
        ":ref": change.references.as_stored(),
    };
    execute(connection, UPDATE, params)?;
    Ok(Done::Keep(Updated::Done))
}

/// A use that came after the session's idle end does not count (R7).
pub(super) fn touch(
    connection: &Connection,
    clock: &SharedClock,
    batch: &[Touch],
) -> StoreResult<Done<u64>> {
    const SQL: &str = "\
        UPDATE sidgate_session SET last_activity = :used \
        WHERE session_key = :key AND revoked_at IS NULL AND expires_at > :now AND last_activity < :used \
          AND (idle_seconds = 0 OR :used < last_activity + idle_seconds * 1000000)";
    let now = clock.wall().as_micros();
    let mut moved = 0;
    let mut statement = connection.prepare_cached(SQL).map_err(store_error)?;
    // The oldest use first, as it happened: each may be what keeps the session from being idle at the next.
    let mut batch: Vec<&Touch> = batch.iter().collect();
    batch.sort_by_key(|touch| std::cmp::Reverse(touch.age));
    for touch in batch {
        let used = now.saturating_sub(micros(touch.age));
        let key = touch.key.as_bytes().as_slice();
        let params = named_params! {":key": key, ":used": used, ":now": now};
        moved += statement.execute(params).map_err(store_error)?;
    }
    let moved = u64::try_from(moved).map_err(|_error| StoreError::Corrupt("count"))?;
    Ok(Done::Keep(moved))
}
