//! How many sessions a user may have. The caller holds the write lock, so nobody else logs in meanwhile.

use tokio_rusqlite::rusqlite::{Connection, named_params};

use super::row::{column, current_key, in_use, mass_revoked, unended};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::session::{NewSession, OverLimit, SessionLimit};
use crate::store::{StoreError, StoreResult};

/// Ends the sessions of the group above the limit, or fails with [`StoreError::SessionLimit`].
///
/// Sessions that seem idle go first; a node may still know of a use that is not written yet, so they do count otherwise.
pub(super) fn make_room(
    connection: &Connection,
    now: Timestamp,
    new: &NewSession,
    limit: SessionLimit,
) -> StoreResult<()> {
    const LIVE: &str = concat!(
        "SELECT s.session_key, ",
        in_use!(),
        " AS used FROM sidgate_session s \
         WHERE s.user_id = :user AND s.session_group = :group AND s.session_key IS NOT ",
        current_key!(":replaced"),
        " AND ",
        unended!(),
        " ORDER BY used DESC, s.created_at DESC, s.id DESC"
    );
    const EVICT: &str = "\
        UPDATE sidgate_session SET revoked_at = :now, revoke_reason = 'evicted' WHERE session_key = :key";
    let now = now.as_micros();
    let replaced = new.origin.replaces().map(|key| key.as_bytes().as_slice());
    let params = named_params! {
        ":user": new.identity.user_id(),
        ":group": new.group.name(),
        ":replaced": replaced,
        ":now": now,
    };
    let live: Vec<(Vec<u8>, bool)> = rows(connection, LIVE, params, |row| {
        Ok((column(row, "session_key")?, column(row, "used")?))
    })?;
    let max = usize::try_from(limit.max.get()).unwrap_or(usize::MAX);
    let used = live.iter().filter(|(_, used)| *used).count();
    let evicts = limit.over == OverLimit::EvictOldest;
    if !evicts && used >= max {
        let sessions = u64::try_from(used).unwrap_or(u64::MAX);
        return Err(StoreError::SessionLimit { sessions });
    }
    for (key, _) in live.iter().skip(max - 1) {
        execute(connection, EVICT, named_params! {":now": now, ":key": key})?;
    }
    Ok(())
}
