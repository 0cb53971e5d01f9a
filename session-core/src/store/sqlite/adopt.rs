//! Logins of the old system become sessions. The write lock is held before the first read (`writer`), so nothing comes between.

use tokio_rusqlite::rusqlite::{Connection, ToSql, named_params};

use super::lane::{is_duplicate, store_error};
use super::row::{column, mass_revoked, unended};
use super::statement::{execute, rows};
use super::write::{read_back, refuse_revoked, store};
use super::writer::Done;
use crate::clock::SharedClock;
use crate::session::{Group, Text};
use crate::sid::SessionKey;
use crate::store::write::member;
use crate::store::{Adopted, Adoption, Attached, Attachment, ProvenRow, StoreError, StoreResult};

pub(super) fn adopt(
    connection: &Connection,
    clock: &SharedClock,
    adoption: &Adoption,
) -> StoreResult<Done<Adopted>> {
    let new = &adoption.session;
    refuse_revoked(connection, new)?;
    let now = clock.wall();
    let of = Of {
        user: new.identity.user_id(),
        group: &new.group,
        tenant: new.identity.tenant_id(),
        erased: &adoption.erased,
    };
    let late = cut_off_rows(connection, &of, &adoption.rows)?;
    if !late.is_empty() {
        bury(connection, &late, &new.key, now.as_micros())?;
        return Ok(Done::Keep(Adopted::CutOff));
    }
    if !claim(
        connection,
        &adoption.rows,
        &new.key,
        adoption.kept.as_deref(),
    )? {
        return Ok(Done::Undo(Adopted::Known));
    }
    store(connection, now, new).map_err(|error| {
        if is_duplicate(&error) {
            StoreError::Duplicate
        } else {
            store_error(error)
        }
    })?;
    let session = read_back(connection, &new.key)?;
    Ok(Done::Keep(Adopted::Made(Box::new(session))))
}

pub(super) fn attach(
    connection: &Connection,
    clock: &SharedClock,
    attachment: &Attachment,
) -> StoreResult<Done<Attached>> {
    const LIVES: &str = concat!(
        "SELECT 1 AS lives FROM sidgate_session s WHERE s.session_key = :key AND ",
        unended!()
    );
    let Attachment {
        session_key,
        group,
        user_id,
        tenant_id,
        rows: proven,
        erased,
    } = attachment;
    let now = clock.wall().as_micros();
    let of = Of {
        user: user_id,
        group,
        tenant: tenant_id.as_deref(),
        erased,
    };
    let late = cut_off_rows(connection, &of, proven)?;
    let outcome = if late.is_empty() {
        let params = named_params! {":key": session_key.as_bytes().as_slice(), ":now": now};
        let lives: Vec<i64> = rows(connection, LIVES, params, |row| column(row, "lives"))?;
        if lives.is_empty() || !claim(connection, proven, session_key, None)? {
            return Ok(Done::Undo(Attached::Changed));
        }
        Attached::Done
    } else {
        bury(connection, &late, session_key, now)?;
        Attached::CutOff
    };
    Ok(Done::Keep(outcome))
}

pub(super) fn cut_off(
    connection: &Connection,
    clock: &SharedClock,
    user_id: &str,
    group: &Group,
) -> StoreResult<Done<()>> {
    let now = clock.wall().as_micros();
    end_old_logins(connection, user_id, Some(group), now).map(Done::Keep)
}

/// Ends old logins of a user, within a group or in all, that have not become sessions yet.
pub(super) fn end_old_logins(
    connection: &Connection,
    user_id: &str,
    group: Option<&Group>,
    now: i64,
) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy_cutoff (kind, subject, at) VALUES (:kind, :subject, :now) \
        ON CONFLICT DO UPDATE SET at = max(at, excluded.at)";
    let (kind, subject) = match group {
        Some(group) => ("member", member(group, user_id)),
        None => ("user", user_id.to_owned()),
    };
    let params = named_params! {":kind": kind, ":subject": subject, ":now": now};
    execute(connection, SQL, params).map(drop)
}

/// Sets the time of cutoffs that triggers have written, by the gateway's clock.
pub(super) fn stamp_cutoffs(connection: &Connection, now: i64) -> StoreResult<()> {
    const SQL: &str = "UPDATE sidgate_legacy_cutoff SET at = :now WHERE at IS NULL";
    execute(connection, SQL, &[(":now", &now)]).map(drop)
}

/// Whose credentials they are.
struct Of<'a> {
    user: &'a str,
    group: &'a Group,
    tenant: Option<&'a str>,
    erased: &'a [Text],
}

/// The credentials that were proved before a revocation of their user, tenant or everybody.
fn cut_off_rows<'a>(
    connection: &Connection,
    of: &Of<'_>,
    proven: &'a [ProvenRow],
) -> StoreResult<Vec<&'a ProvenRow>> {
    const SQL: &str = "\
        SELECT coalesce(at, 9223372036854775807) AS at FROM sidgate_legacy_cutoff \
        WHERE kind = 'user' AND subject = :user OR kind = 'member' AND subject = :member \
           OR kind = 'tenant' AND subject = :tenant OR kind = 'all' AND subject = '' \
           OR kind = 'user' AND subject IN (SELECT value FROM json_each(:erased))";
    let erased = serde_json::to_string(of.erased).map_err(StoreError::unavailable)?;
    let params = named_params! {
        ":user": of.user,
        ":member": member(of.group, of.user),
        ":tenant": of.tenant,
        ":erased": erased,
    };
    let ends: Vec<i64> = rows(connection, SQL, params, |row| column(row, "at"))?;
    let end = ends.into_iter().max();
    let is_late = |row: &&ProvenRow| end.is_some_and(|end| row.proved.as_micros() < end);
    Ok(proven.iter().filter(is_late).collect())
}

/// Stores credentials as ended. Those that are known already stay as they are.
fn bury(
    connection: &Connection,
    late: &[&ProvenRow],
    session_key: &SessionKey,
    now: i64,
) -> StoreResult<()> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy (legacy_key, session_key, ended_at) VALUES (:key, :session, :now) \
        ON CONFLICT DO NOTHING";
    let session = session_key.as_bytes().as_slice();
    for row in late {
        let params: &[(&str, &dyn ToSql)] = &[
            (":key", &row.row.key.as_bytes().as_slice()),
            (":session", &session),
            (":now", &now),
        ];
        execute(connection, SQL, params)?;
    }
    Ok(())
}

/// Stores the credentials; `true` when all of them were new.
fn claim(
    connection: &Connection,
    rows: &[ProvenRow],
    session_key: &SessionKey,
    mut kept: Option<&[u8]>,
) -> StoreResult<bool> {
    const SQL: &str = "\
        INSERT INTO sidgate_legacy (legacy_key, wrapped_sid, session_key, kept) \
        VALUES (:key, :wrapped, :session, :kept) ON CONFLICT DO NOTHING";
    let session = session_key.as_bytes().as_slice();
    for row in rows {
        let params: &[(&str, &dyn ToSql)] = &[
            (":key", &row.row.key.as_bytes().as_slice()),
            (":wrapped", &row.row.wrapped_sid.as_slice()),
            (":session", &session),
            (":kept", &kept.take()),
        ];
        if execute(connection, SQL, params)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
