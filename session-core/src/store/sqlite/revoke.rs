//! Ending sessions. The triggers number the events at once, inside the transaction.

use tokio_rusqlite::rusqlite::{Connection, ToSql, named_params};

use super::adopt::{end_old_logins, stamp_cutoffs};
use super::row::{column, current_key, in_use, mass_revoked, of_member, unended};
use super::statement::{execute, rows};
use super::writer::Done;
use crate::clock::SharedClock;
use crate::session::{Group, RevokeReason};
use crate::store::write::member;
use crate::store::{Revoked, SchemaError, Scope, StoreError, StoreResult};

/// Ends the rows that a condition selects. Idle sessions end as well, because a node may know of a use that is not written
/// yet. Only sessions in use are counted.
macro_rules! end {
    ($($which:expr),+) => {
        concat!(
            "UPDATE sidgate_session AS s SET revoked_at = :now, revoke_reason = :reason WHERE ",
            $($which,)+
            " AND ",
            unended!(),
            " RETURNING (idle_seconds = 0 OR last_activity + idle_seconds * 1000000 > :now) AS lived"
        )
    };
}

/// Counts the live sessions that a condition selects.
macro_rules! count {
    ($which:expr) => {
        concat!(
            "SELECT count(*) AS sessions FROM sidgate_session s WHERE ",
            $which,
            " AND ",
            unended!(),
            " AND ",
            in_use!()
        )
    };
}

/// A condition's parameters beside `:now` and `:reason`.
type Params<'a> = &'a [(&'a str, &'a dyn ToSql)];

pub(super) fn revoke(
    connection: &Connection,
    clock: &SharedClock,
    scope: &Scope,
    reason: RevokeReason,
) -> StoreResult<Done<Revoked>> {
    const KEY: &str = end!("s.session_key = ", current_key!(":key"));
    const HANDLE: &str = end!(
        "s.id = :id AND (:user IS NULL OR s.user_id = :user) AND (:group IS NULL OR s.session_group = :group)"
    );
    const OTHERS: &str = end!(
        "s.user_id = :user AND (:group IS NULL OR s.session_group = :group) AND s.session_key <> ",
        current_key!(":keep")
    );
    const USER: &str = count!("s.user_id = :subject");
    const MEMBER: &str = count!(of_member!(":subject"));
    const TENANT: &str = count!("s.tenant_id = :subject");
    const ALL: &str = count!(":subject = ''");
    let now = clock.wall().as_micros();
    let end = |sql: &str, which: Params<'_>| {
        let reason = reason.as_str();
        let mut params: Vec<(&str, &dyn ToSql)> = vec![(":now", &now), (":reason", &reason)];
        params.extend_from_slice(which);
        let ended = rows(connection, sql, &*params, |row| column(row, "lived"))?;
        let lived = ended.into_iter().filter(|lived: &bool| *lived).count();
        revoked(connection, u64::try_from(lived).unwrap_or(u64::MAX))
    };
    let done = match scope {
        Scope::Key(key) => end(KEY, &[(":key", &key.as_bytes().as_slice())])?,
        Scope::Handle { id, user_id, group } => {
            let (id, user) = (id.to_string(), user_id.as_deref());
            let group = group.as_ref().map(Group::name);
            let which: Params<'_> = &[(":id", &id), (":user", &user), (":group", &group)];
            end(HANDLE, which)?
        }
        Scope::Others {
            user_id,
            keep,
            group,
        } => {
            let (user, keep) = (&**user_id, keep.as_bytes().as_slice());
            end_old_logins(connection, user, group.as_ref(), now)?;
            let group = group.as_ref().map(Group::name);
            let which: Params<'_> = &[(":user", &user), (":keep", &keep), (":group", &group)];
            end(OTHERS, which)?
        }
        Scope::Member { user_id, group } => {
            let subject = member(group, user_id);
            mass(connection, now, ("member", &subject), MEMBER)?
        }
        Scope::User(user_id) => mass(connection, now, ("user", user_id), USER)?,
        Scope::Tenant(tenant_id) => mass(connection, now, ("tenant", tenant_id), TENANT)?,
        Scope::All => mass(connection, now, ("all", ""), ALL)?,
    };
    Ok(Done::Keep(done))
}

/// Ends all sessions of a subject with one row and one event.
fn mass(
    connection: &Connection,
    now: i64,
    (kind, subject): (&str, &str),
    counting: &str,
) -> StoreResult<Revoked> {
    const UPSERT: &str = "\
        INSERT INTO sidgate_revocation (kind, subject) VALUES (:kind, :subject) \
        ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
    let params = named_params! {":subject": subject, ":now": now};
    let counted = rows(connection, counting, params, |row| {
        column::<i64>(row, "sessions")
    });
    let sessions = counted?.pop().and_then(|count| u64::try_from(count).ok());
    let written = named_params! {":kind": kind, ":subject": subject};
    execute(connection, UPSERT, written)?;
    stamp_cutoffs(connection, now)?;
    revoked(connection, sessions.ok_or(StoreError::Corrupt("count"))?)
}

/// With the write lock held, the head is the number of our own last event, if we wrote any.
fn revoked(connection: &Connection, sessions: u64) -> StoreResult<Revoked> {
    let head = rows(connection, "SELECT seq FROM sidgate_clock", (), |row| {
        column(row, "seq")
    });
    Ok(Revoked {
        sessions,
        seq: head?.pop().ok_or(SchemaError::Missing)?,
    })
}
