//! Another key for a session.

use tokio_rusqlite::rusqlite::{Connection, named_params};

use super::lane::{is_duplicate, store_error};
use super::row::{in_use, mass_revoked, micros, unended};
use super::statement::execute;
use super::write::read_back;
use super::writer::Done;
use crate::clock::SharedClock;
use crate::session::Session;
use crate::store::{Renewal, StoreError, StoreResult};

pub(super) fn renew(
    connection: &Connection,
    clock: &SharedClock,
    renewal: &Renewal,
) -> StoreResult<Done<Option<Session>>> {
    const RENEW: &str = concat!(
        "UPDATE sidgate_session AS s SET session_key = :new, renewed_at = :now, last_activity = :now \
         WHERE s.session_key = :old AND s.session_group = :group AND ",
        unended!(),
        " AND ",
        in_use!()
    );
    const FORMER: &str = "\
        INSERT INTO sidgate_former_key (session_key, successor, until) VALUES (:old, :new, :until)";
    const EARLIER: &str = "UPDATE sidgate_former_key SET successor = :new WHERE successor = :old";
    const LEGACY: &str = "\
        UPDATE sidgate_legacy SET session_key = :new WHERE session_key = :old AND ended_at IS NULL";
    let now = clock.wall().as_micros();
    let (old, new) = (
        renewal.of.as_bytes().as_slice(),
        renewal.to.as_bytes().as_slice(),
    );
    let group = renewal.group.name();
    let params = named_params! {":old": old, ":new": new, ":now": now, ":group": group};
    let moved = connection
        .prepare_cached(RENEW)
        .and_then(|mut statement| statement.execute(params))
        .map_err(|error| {
            if is_duplicate(&error) {
                StoreError::Duplicate
            } else {
                store_error(error)
            }
        })?;
    if moved == 0 {
        return Ok(Done::Undo(None));
    }
    let until = now.saturating_add(micros(renewal.grace));
    let former = named_params! {":old": old, ":new": new, ":until": until};
    for sql in [EARLIER, LEGACY] {
        let pair = named_params! {":old": old, ":new": new};
        execute(connection, sql, pair)?;
    }
    execute(connection, FORMER, former)?;
    let session = read_back(connection, &renewal.to)?;
    Ok(Done::Keep(Some(session)))
}
