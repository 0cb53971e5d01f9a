//! Reads: one statement each, so that what belongs together comes from one snapshot.

use uuid::Uuid;

use super::pool::{Params, Pool};
use super::row::{
    self, Stamp, column, columns, current_key, in_use, incarnation, mass_revoked, unended,
};
use crate::session::{Group, Seq, Session, SiteName};
use crate::sid::SessionKey;
use crate::store::{
    Device, DevicePlace, SchemaError, Search, Snapshot, StoreError, StoreResult, StoredSession,
};

/// The key is a value that the planner cannot look into, so that it looks the row up by its index, whatever it believes
/// about the table.
pub(super) async fn load(pool: &Pool, key: &SessionKey) -> StoreResult<Snapshot> {
    const SQL: &str = concat!(
        "SELECT c.seq, ",
        incarnation!(),
        ", pg_is_in_recovery() AS in_recovery, clock_timestamp() AS now, ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked, EXISTS (SELECT FROM sidgate_former_key f WHERE f.session_key = $1) AS is_former \
         FROM sidgate_clock c LEFT JOIN sidgate_session s ON s.session_key = ",
        current_key!("$1")
    );
    let rows = pool.read(SQL, &[&key.as_bytes().as_slice()]).await?;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    if column(row, "in_recovery")? {
        return Err(StoreError::InRecovery);
    }
    let found: Option<&[u8]> = column(row, "session_key")?;
    Ok(Snapshot {
        as_of: column(row, "seq")?,
        incarnation: column(row, "incarnation")?,
        now: column::<Stamp>(row, "now")?.0,
        row: found.map(|_key| row::stored_session(row)).transpose()?,
        is_former: column(row, "is_former")?,
    })
}

pub(super) async fn head(pool: &Pool) -> StoreResult<Seq> {
    const SQL: &str = "SELECT seq, pg_is_in_recovery() AS in_recovery FROM sidgate_clock";
    let rows = pool.read(SQL, &[]).await?;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    if column(row, "in_recovery")? {
        return Err(StoreError::InRecovery);
    }
    column(row, "seq")
}

pub(super) async fn list_by_user(
    pool: &Pool,
    user_id: &str,
    group: &Group,
    after: Option<DevicePlace>,
    limit: usize,
) -> StoreResult<Vec<Device>> {
    const SQL: &str = concat!(
        "SELECT s.id, s.site, s.ip, s.user_agent, s.created_at, s.last_activity, s.expires_at \
         FROM sidgate_session s WHERE s.user_id = $1 AND s.session_group = $5 AND ($3::uuid IS NULL OR (s.last_activity, s.id) < \
             (to_timestamp(0) + $2::bigint * interval '1 microsecond', $3)) AND ",
        unended!(),
        " AND ",
        in_use!(),
        " ORDER BY s.last_activity DESC, s.id DESC LIMIT $4"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let (at, id) = after
        .map(|place| (place.last_activity.as_micros(), place.id))
        .unzip();
    let params: Params<'_> = &[&user_id, &at, &id, &limit, &group.name()];
    let rows = pool.read_long(SQL, params).await?;
    rows.iter().map(row::device).collect()
}

/// Finds what a search asks for among the sessions that a condition selects.
macro_rules! search {
    ($which:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM sidgate_session s WHERE ",
            $which,
            " AND ($3::inet IS NULL OR s.ip = $3) AND s.id < coalesce($4::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff') \
              AND ($6::text IS NULL OR s.session_group = $6) AND ($7::text IS NULL OR s.site = $7) AND ",
            unended!(),
            " AND ",
            in_use!(),
            " ORDER BY s.id DESC LIMIT $5"
        )
    };
}

/// Handles grow with the time of the login, and have an index: their order costs nothing. There is a statement for each index,
/// so that the right one is taken whichever plan the server keeps. Addresses have none: they are looked for until the time is up.
pub(super) async fn search(pool: &Pool, search: &Search) -> StoreResult<Vec<Session>> {
    const OF_USER: &str = search!("s.user_id = $1 AND ($2::text IS NULL OR s.tenant_id = $2)");
    const OF_TENANT: &str = search!("$1::text IS NULL AND s.tenant_id = $2");
    const OF_ALL: &str = search!("$1::text IS NULL AND $2::text IS NULL");
    let Search {
        user_id,
        tenant_id,
        group,
        site,
        ip,
        after,
        limit,
    } = search;
    let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
    let (user_id, tenant_id) = (user_id.as_deref(), tenant_id.as_deref());
    let group = group.as_ref().map(Group::name);
    let site = site.as_ref().map(SiteName::as_str);
    let params: Params<'_> = &[&user_id, &tenant_id, ip, after, &limit, &group, &site];
    let sql = match (user_id, tenant_id) {
        (Some(_), _) => OF_USER,
        (None, Some(_)) => OF_TENANT,
        (None, None) => OF_ALL,
    };
    let rows = pool.read_long(sql, params).await?;
    rows.iter().map(row::session).collect()
}

/// As `unended!` says it, in words that let the planner join all sessions with the few mass revocations once. Asking for each
/// session which of them name it takes ten times as long.
pub(super) async fn count_live(pool: &Pool) -> StoreResult<u64> {
    const SQL: &str = concat!(
        "SELECT count(*) AS sessions FROM sidgate_session s \
         WHERE s.revoked_at IS NULL AND s.expires_at > clock_timestamp() \
           AND NOT EXISTS (SELECT FROM sidgate_revocation r WHERE r.kind = 'user' AND r.subject = s.user_id \
               AND (r.seq IS NULL OR r.seq > s.created_seq)) \
           AND NOT EXISTS (SELECT FROM sidgate_revocation r WHERE r.kind = 'member' \
               AND r.subject = s.session_group || ':' || s.user_id AND (r.seq IS NULL OR r.seq > s.created_seq)) \
           AND NOT EXISTS (SELECT FROM sidgate_revocation r WHERE r.kind = 'tenant' AND r.subject = s.tenant_id \
               AND (r.seq IS NULL OR r.seq > s.created_seq)) \
           AND s.created_seq >= coalesce((SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r \
               WHERE r.kind = 'all' AND r.subject = ''), 0) AND ",
        in_use!()
    );
    let rows = pool.read_long(SQL, &[]).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("count"))?;
    let count: i64 = column(row, "sessions")?;
    u64::try_from(count).map_err(|_error| StoreError::Corrupt("count"))
}

pub(super) async fn find(pool: &Pool, id: Uuid) -> StoreResult<Option<StoredSession>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked FROM sidgate_session s WHERE s.id = $1"
    );
    let rows = pool.read(SQL, &[&id]).await?;
    rows.first().map(row::stored_session).transpose()
}
