//! Between rows and values. A value that cannot be read is named by its column and never shown.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type, accepts};
use uuid::Uuid;

use crate::clock::Timestamp;
use crate::session::{Group, Identity, References, RevokeReason, Seq, Session, SiteName};
use crate::sid::SessionKey;
use crate::store::{Device, Event, StoreError, StoreResult, StoredSession, Subject};

/// The columns of a session `s`, as [`session`] reads them.
macro_rules! columns {
    () => {
        "s.session_key, s.id, s.identity::text AS identity, s.ip, s.user_agent, s.created_at, s.auth_time, \
         s.last_activity, s.expires_at, s.idle_seconds, s.revoked_at, s.revoke_reason, s.ref, s.created_seq, s.version, \
         s.renewed_at, s.session_group, s.site"
    };
}

/// Number of the newest mass revocation that names a session `s`. One without a number, which only a disabled trigger
/// can leave behind, counts as newer than everything.
macro_rules! mass_revoked {
    () => {
        "GREATEST((SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'user' AND r.subject = s.user_id), \
         (SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r \
             WHERE r.kind = 'member' AND r.subject = s.session_group || ':' || s.user_id), \
         (SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'tenant' AND r.subject = s.tenant_id), \
         (SELECT coalesce(r.seq, 9223372036854775807) FROM sidgate_revocation r WHERE r.kind = 'all' AND r.subject = ''))"
    };
}

/// Whether a revocation of a user within a group, with this subject, names a session `s`. By the user, who has an index.
macro_rules! of_member {
    ($subject:literal) => {
        concat!(
            "s.user_id = substr(",
            $subject,
            ", strpos(",
            $subject,
            ", ':') + 1) AND s.session_group = split_part(",
            $subject,
            ", ':', 1)"
        )
    };
}

/// What `sidgate_current_key` answers. A call of it costs more than all else in a look-up, because it sets its own search path: so
/// the statements that run most often have its text instead.
macro_rules! current_key {
    ($asked:literal) => {
        concat!(
            "coalesce((SELECT f.successor FROM sidgate_former_key f WHERE f.session_key = ",
            $asked,
            " AND f.until > clock_timestamp()), ",
            $asked,
            ")"
        )
    };
}

/// Whether a session `s` is before its absolute end and was not revoked, alone or with others.
macro_rules! unended {
    () => {
        concat!(
            "s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND s.created_seq >= coalesce(",
            mass_revoked!(),
            ", 0)"
        )
    };
}

/// Whether a session `s` was used recently enough.
macro_rules! in_use {
    () => {
        "(s.idle_seconds = 0 OR s.last_activity + s.idle_seconds * interval '1 second' > clock_timestamp())"
    };
}

/// The incarnation of a clock row `c` on this server's timeline. A standby that is promoted without the last events of the
/// old primary gives their numbers away a second time: what was read before the promotion must not be compared with what
/// is numbered after it. Each promotion begins a new timeline, whose number is part of the name of the WAL file.
macro_rules! incarnation {
    () => {
        "CASE WHEN pg_is_in_recovery() THEN c.incarnation \
         ELSE md5(c.incarnation::text || left(pg_walfile_name(pg_current_wal_lsn()), 8))::uuid END AS incarnation"
    };
}

pub(super) use {columns, current_key, in_use, incarnation, mass_revoked, of_member, unended};

/// The value of a column.
pub(super) fn column<'a, T: FromSql<'a>>(row: &'a Row, name: &'static str) -> StoreResult<T> {
    row.try_get(name)
        .map_err(|_error| StoreError::Corrupt(name))
}

/// A session; the statement selects `columns!()`.
pub(super) fn session(row: &Row) -> StoreResult<Session> {
    let identity = Identity::from_stored(column(row, "identity")?)
        .map_err(|_error| StoreError::Corrupt("identity"))?;
    let idle: i32 = column(row, "idle_seconds")?;
    let revoked_at: Option<Stamp> = column(row, "revoked_at")?;
    let reason: Option<&str> = column(row, "revoke_reason")?;
    let reason = reason.map_or(RevokeReason::External, RevokeReason::from_stored);
    Ok(Session {
        key: key(column(row, "session_key")?)?,
        id: column(row, "id")?,
        group: Group::named(column(row, "session_group")?)
            .map_err(|_error| StoreError::Corrupt("session_group"))?,
        site: site(row)?,
        identity,
        ip: column::<Option<IpAddr>>(row, "ip")?,
        user_agent: column::<&str>(row, "user_agent")?.into(),
        created_at: column::<Stamp>(row, "created_at")?.0,
        auth_time: column::<Stamp>(row, "auth_time")?.0,
        last_activity: column::<Stamp>(row, "last_activity")?.0,
        expires_at: column::<Stamp>(row, "expires_at")?.0,
        idle: Duration::from_secs(
            u64::try_from(idle).map_err(|_error| StoreError::Corrupt("idle_seconds"))?,
        ),
        revoked: revoked_at.map(|at| (at.0, reason)),
        references: References::from_stored(column(row, "ref")?),
        created_seq: column(row, "created_seq")?,
        version: column(row, "version")?,
        renewed_at: column::<Option<Stamp>>(row, "renewed_at")?.map(|at| at.0),
    })
}

fn site(row: &Row) -> StoreResult<SiteName> {
    SiteName::named(column(row, "site")?).map_err(|_error| StoreError::Corrupt("site"))
}

/// A session as a list shows it.
pub(super) fn device(row: &Row) -> StoreResult<Device> {
    Ok(Device {
        id: column(row, "id")?,
        site: site(row)?,
        ip: column::<Option<IpAddr>>(row, "ip")?,
        user_agent: column(row, "user_agent")?,
        created_at: column::<Stamp>(row, "created_at")?.0,
        last_activity: column::<Stamp>(row, "last_activity")?.0,
        expires_at: column::<Stamp>(row, "expires_at")?.0,
    })
}

/// A session with its mass revocation; the statement also selects `mass_revoked`.
pub(super) fn stored_session(row: &Row) -> StoreResult<StoredSession> {
    Ok(StoredSession {
        session: session(row)?,
        mass_revoked: column(row, "mass_revoked")?,
    })
}

/// An event, or `None` when the outer join found none.
pub(super) fn event(row: &Row) -> StoreResult<Option<Event>> {
    let Some(seq) = column::<Option<Seq>>(row, "event_seq")? else {
        return Ok(None);
    };
    let eid: Uuid = column(row, "eid")?;
    let subject = match column(row, "kind")? {
        "session" => Subject::Session(key(column(row, "session_key")?)?),
        "user" => Subject::User(column(row, "user_id")?),
        "tenant" => Subject::Tenant(column(row, "tenant_id")?),
        "flush" => Subject::Flush,
        _ => return Err(StoreError::Corrupt("kind")),
    };
    Ok(Some(Event { seq, eid, subject }))
}

/// The key of a session.
pub(super) fn key(bytes: &[u8]) -> StoreResult<SessionKey> {
    bytes
        .try_into()
        .map_err(|_error| StoreError::Corrupt("session_key"))
}

/// A `timestamptz`; `infinity` is the end of time.
pub(super) struct Stamp(pub(super) Timestamp);

/// Where PostgreSQL begins to count, 2000-01-01, in microseconds of the Unix epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl<'a> FromSql<'a> for Stamp {
    fn from_sql(_ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let micros = i64::from_be_bytes(raw.try_into()?);
        Ok(Self(Timestamp::from_micros(
            micros.saturating_add(POSTGRES_EPOCH),
        )))
    }

    accepts!(TIMESTAMPTZ);
}

/// Microseconds of a duration, no more than a thousand years: what lies further on than PostgreSQL can count is an error there.
pub(super) fn micros(duration: Duration) -> i64 {
    const LONGEST: i64 = 1_000 * 365 * 86_400 * 1_000_000;
    i64::try_from(duration.as_micros()).map_or(LONGEST, |micros| micros.min(LONGEST))
}
