//! Between rows and values. A value that cannot be read is named by its column and never shown.

use std::net::IpAddr;
use std::time::Duration;

use tokio_rusqlite::rusqlite::Row;
use tokio_rusqlite::rusqlite::types::FromSql;
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::session::{Group, Identity, References, RevokeReason, Seq, Session, SiteName};
use crate::sid::SessionKey;
use crate::store::{Device, Event, StoreError, StoreResult, StoredSession, Subject};

/// The columns of a session `s`, as [`session`] reads them.
macro_rules! columns {
    () => {
        "s.session_key, s.id, s.identity, s.ip, s.user_agent, s.created_at, s.auth_time, s.last_activity, s.expires_at, \
         s.idle_seconds, s.revoked_at, s.revoke_reason, s.ref, s.created_seq, s.version, s.renewed_at, \
         s.session_group, s.site"
    };
}

/// The key at `:now` of the session that a parameter asks for: it may be a former one.
macro_rules! current_key {
    ($asked:literal) => {
        concat!(
            "coalesce((SELECT f.successor FROM sidgate_former_key f WHERE f.session_key = ",
            $asked,
            " AND f.until > :now), ",
            $asked,
            ")"
        )
    };
}

/// Number of the newest mass revocation that names a session `s`. One without a number, which only a missing trigger can
/// leave behind, counts as newer than everything.
macro_rules! mass_revoked {
    () => {
        "(SELECT max(coalesce(r.seq, 9223372036854775807)) FROM sidgate_revocation r \
          WHERE r.kind = 'user' AND r.subject = s.user_id OR r.kind = 'tenant' AND r.subject = s.tenant_id \
             OR r.kind = 'member' AND r.subject = s.session_group || ':' || s.user_id OR r.kind = 'all' AND r.subject = '')"
    };
}

/// Whether a revocation of a user within a group, with this subject, names a session `s`. By the user, who has an index.
macro_rules! of_member {
    ($subject:literal) => {
        concat!(
            "s.user_id = substr(",
            $subject,
            ", instr(",
            $subject,
            ", ':') + 1) AND s.session_group = substr(",
            $subject,
            ", 1, instr(",
            $subject,
            ", ':') - 1)"
        )
    };
}

/// Whether a session `s` is before its absolute end at `:now` and was not revoked, alone or with others.
macro_rules! unended {
    () => {
        concat!(
            "s.revoked_at IS NULL AND s.expires_at > :now AND s.created_seq >= coalesce(",
            mass_revoked!(),
            ", 0)"
        )
    };
}

/// Whether a session `s` was used recently enough at `:now`.
macro_rules! in_use {
    () => {
        "(s.idle_seconds = 0 OR s.last_activity + s.idle_seconds * 1000000 > :now)"
    };
}

pub(super) use {columns, current_key, in_use, mass_revoked, of_member, unended};

/// The value of a column.
pub(super) fn column<T: FromSql>(row: &Row<'_>, name: &'static str) -> StoreResult<T> {
    row.get(name).map_err(|_error| StoreError::Corrupt(name))
}

/// A session; the statement selects `columns!()`.
pub(super) fn session(row: &Row<'_>) -> StoreResult<Session> {
    let stamp = |name| column(row, name).map(Timestamp::from_micros);
    let identity: String = column(row, "identity")?;
    let identity =
        Identity::from_stored(&identity).map_err(|_error| StoreError::Corrupt("identity"))?;
    let revoked_at: Option<i64> = column(row, "revoked_at")?;
    let reason: Option<String> = column(row, "revoke_reason")?;
    let reason = reason.map_or(RevokeReason::External, |text| {
        RevokeReason::from_stored(&text)
    });
    let idle: i64 = column(row, "idle_seconds")?;
    Ok(Session {
        key: key(row)?,
        id: handle(row)?,
        group: Group::named(&column::<String>(row, "session_group")?)
            .map_err(|_error| StoreError::Corrupt("session_group"))?,
        site: site(row)?,
        identity,
        ip: address(row)?,
        user_agent: column::<String>(row, "user_agent")?.into(),
        created_at: stamp("created_at")?,
        auth_time: stamp("auth_time")?,
        last_activity: stamp("last_activity")?,
        expires_at: stamp("expires_at")?,
        idle: Duration::from_secs(
            u64::try_from(idle).map_err(|_error| StoreError::Corrupt("idle_seconds"))?,
        ),
        revoked: revoked_at.map(|at| (Timestamp::from_micros(at), reason)),
        references: References::from_stored(
            column::<Option<String>>(row, "ref")?.map(String::into_boxed_str),
        ),
        created_seq: column(row, "created_seq")?,
        version: column(row, "version")?,
        renewed_at: column::<Option<i64>>(row, "renewed_at")?.map(Timestamp::from_micros),
    })
}

fn site(row: &Row<'_>) -> StoreResult<SiteName> {
    SiteName::named(&column::<String>(row, "site")?).map_err(|_error| StoreError::Corrupt("site"))
}

/// A session as a list shows it.
pub(super) fn device(row: &Row<'_>) -> StoreResult<Device> {
    let stamp = |name| column(row, name).map(Timestamp::from_micros);
    Ok(Device {
        id: handle(row)?,
        site: site(row)?,
        ip: address(row)?,
        user_agent: column::<String>(row, "user_agent")?.into_boxed_str(),
        created_at: stamp("created_at")?,
        last_activity: stamp("last_activity")?,
        expires_at: stamp("expires_at")?,
    })
}

/// A session with its mass revocation; the statement also selects `mass_revoked`.
pub(super) fn stored_session(row: &Row<'_>) -> StoreResult<StoredSession> {
    Ok(StoredSession {
        session: session(row)?,
        mass_revoked: column(row, "mass_revoked")?,
    })
}

/// An event, or `None` when the outer join found none.
pub(super) fn event(row: &Row<'_>) -> StoreResult<Option<Event>> {
    let Some(seq) = column::<Option<Seq>>(row, "event_seq")? else {
        return Ok(None);
    };
    let text = |name| column::<String>(row, name).map(String::into_boxed_str);
    let subject = match &*text("kind")? {
        "session" => Subject::Session(key(row)?),
        "user" => Subject::User(text("user_id")?),
        "tenant" => Subject::Tenant(text("tenant_id")?),
        "flush" => Subject::Flush,
        _ => return Err(StoreError::Corrupt("kind")),
    };
    Ok(Some(Event {
        seq,
        eid: uuid(row, "eid")?,
        subject,
    }))
}

/// A UUID of 16 bytes.
pub(super) fn uuid(row: &Row<'_>, name: &'static str) -> StoreResult<Uuid> {
    column(row, name).map(Uuid::from_bytes)
}

fn handle(row: &Row<'_>) -> StoreResult<Uuid> {
    let id: String = column(row, "id")?;
    Uuid::parse_str(&id).map_err(|_error| StoreError::Corrupt("id"))
}

fn address(row: &Row<'_>) -> StoreResult<Option<IpAddr>> {
    let ip: Option<String> = column(row, "ip")?;
    ip.map(|ip| ip.parse())
        .transpose()
        .map_err(|_error| StoreError::Corrupt("ip"))
}

fn key(row: &Row<'_>) -> StoreResult<SessionKey> {
    column(row, "session_key").map(SessionKey::from_bytes)
}

/// Microseconds of a duration.
pub(super) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
