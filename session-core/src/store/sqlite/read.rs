//! Reads: one statement each, so that what belongs together comes from one snapshot.

use tokio_rusqlite::rusqlite::{Connection, named_params};
use uuid::Uuid;

use super::row::{self, column, columns, current_key, in_use, mass_revoked, unended};
use super::statement::rows;
use crate::clock::Timestamp;
use crate::session::{Group, Seq, Session, SiteName};
use crate::sid::SessionKey;
use crate::store::{
    Device, DevicePlace, SchemaError, Search, Snapshot, StoreError, StoreResult, StoredSession,
};

pub(super) fn load(
    connection: &Connection,
    now: Timestamp,
    key: &SessionKey,
) -> StoreResult<Snapshot> {
    const SQL: &str = concat!(
        "SELECT c.seq, c.incarnation, ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked, EXISTS (SELECT 1 FROM sidgate_former_key WHERE session_key = :key) AS is_former \
         FROM sidgate_clock c LEFT JOIN sidgate_session s ON s.session_key = ",
        current_key!(":key")
    );
    let params = named_params! {":key": key.as_bytes().as_slice(), ":now": now.as_micros()};
    let found = rows(connection, SQL, params, |row| {
        let found: Option<Vec<u8>> = column(row, "session_key")?;
        Ok(Snapshot {
            as_of: column(row, "seq")?,
            incarnation: row::uuid(row, "incarnation")?,
            now,
            row: found.map(|_key| row::stored_session(row)).transpose()?,
            is_former: column(row, "is_former")?,
        })
    });
    Ok(found?.pop().ok_or(SchemaError::Missing)?)
}

pub(super) fn head(connection: &Connection) -> StoreResult<Seq> {
    let found = rows(connection, "SELECT seq FROM sidgate_clock", (), |row| {
        column(row, "seq")
    });
    Ok(found?.pop().ok_or(SchemaError::Missing)?)
}

pub(super) fn list_by_user(
    connection: &Connection,
    now: Timestamp,
    (user_id, group): (&str, &Group),
    after: Option<DevicePlace>,
    limit: usize,
) -> StoreResult<Vec<Device>> {
    const SQL: &str = concat!(
        "SELECT s.id, s.site, s.ip, s.user_agent, s.created_at, s.last_activity, s.expires_at \
         FROM sidgate_session s WHERE s.user_id = :user AND s.session_group = :group AND (:id IS NULL OR (s.last_activity, s.id) < (:at, :id)) AND ",
        unended!(),
        " AND ",
        in_use!(),
        " ORDER BY s.last_activity DESC, s.id DESC LIMIT :limit"
    );
    let params = named_params! {
        ":user": user_id,
        ":group": group.name(),
        ":at": after.map(|place| place.last_activity.as_micros()),
        ":id": after.map(|place| place.id.to_string()),
        ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        ":now": now.as_micros(),
    };
    rows(connection, SQL, params, row::device)
}

/// Handles grow with the time of the login, and have an index: their order costs nothing.
pub(super) fn search(
    connection: &Connection,
    now: Timestamp,
    search: &Search,
) -> StoreResult<Vec<Session>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        " FROM sidgate_session s WHERE (:user IS NULL OR s.user_id = :user) AND (:tenant IS NULL OR s.tenant_id = :tenant) \
         AND (:group IS NULL OR s.session_group = :group) AND (:site IS NULL OR s.site = :site) \
         AND (:ip IS NULL OR s.ip = :ip) AND (:after IS NULL OR s.id < :after) AND ",
        unended!(),
        " AND ",
        in_use!(),
        " ORDER BY s.id DESC LIMIT :limit"
    );
    let params = named_params! {
        ":user": search.user_id.as_deref(),
        ":tenant": search.tenant_id.as_deref(),
        ":group": search.group.as_ref().map(Group::name),
        ":site": search.site.as_ref().map(SiteName::as_str),
        ":ip": search.ip.map(|ip| ip.to_string()),
        ":after": search.after.map(|id| id.to_string()),
        ":limit": i64::try_from(search.limit).unwrap_or(i64::MAX),
        ":now": now.as_micros(),
    };
    rows(connection, SQL, params, row::session)
}

pub(super) fn count_live(connection: &Connection, now: Timestamp) -> StoreResult<u64> {
    const SQL: &str = concat!(
        "SELECT count(*) AS sessions FROM sidgate_session s WHERE ",
        unended!(),
        " AND ",
        in_use!()
    );
    let params = named_params! {":now": now.as_micros()};
    let count = rows(connection, SQL, params, |row| {
        column::<i64>(row, "sessions")
    })?
    .pop();
    let count = count.and_then(|count| u64::try_from(count).ok());
    count.ok_or(StoreError::Corrupt("count"))
}

pub(super) fn find(connection: &Connection, id: Uuid) -> StoreResult<Option<StoredSession>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked FROM sidgate_session s WHERE s.id = :id"
    );
    let params = named_params! {":id": id.to_string()};
    Ok(rows(connection, SQL, params, row::stored_session)?.pop())
}
