//! How many sessions a user may have: logins of one user queue up, and each makes room for itself or is turned away.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::new_session::{STORE, Stored, Values, allowed, ended, inserted, replaced};
use super::pool::Params;
use super::row::{columns, current_key, in_use, mass_revoked, unended};
use crate::session::{NewSession, OverLimit, SessionLimit};

/// Transactions that make sessions of one user wait here for each other, until they end. Must come before the statement
/// that counts, because a statement sees what was committed when it began. Must come before any row lock, so that a
/// waiting transaction holds nothing that one ahead of it needs.
const QUEUE: &str = "\
    SELECT FROM sidgate_turn WHERE slot = (1 + (hashtextextended($1::text, 0) & 1023))::smallint FOR UPDATE";

/// As [`STORE`], and ends the sessions of the group above the limit `$18`, or stores nothing if `$19` says that none is to be
/// ended. One row with what was found out, and the session if it was stored.
///
/// Sessions that seem idle go first; a node may still know of a use that is not written yet, so they do count otherwise.
const STORE_WITHIN: &str = concat!(
    "WITH ",
    allowed!(),
    ", ",
    replaced!(),
    ", live AS MATERIALIZED ( \
        SELECT s.session_key, ",
    in_use!(),
    " AS used, row_number() OVER (ORDER BY ",
    in_use!(),
    " DESC, s.created_at DESC, s.id DESC) AS place \
        FROM sidgate_session s \
        WHERE s.user_id = $3 AND s.session_group = $15 AND s.id IS DISTINCT FROM (SELECT id FROM replaced) AND ",
    unended!(),
    "), room AS MATERIALIZED ( \
        SELECT count(*) FILTER (WHERE used) AS used, $19 OR count(*) FILTER (WHERE used) < $18 AS yes FROM live \
    ), ",
    inserted!("(SELECT yes FROM allowed) AND (SELECT yes FROM room)"),
    ", surplus AS MATERIALIZED ( \
        SELECT v.session_key FROM sidgate_session v JOIN live ON live.session_key = v.session_key \
        WHERE live.place >= $18 AND EXISTS (SELECT FROM inserted) ORDER BY v.session_key FOR NO KEY UPDATE OF v \
    ), evicted AS ( \
        UPDATE sidgate_session s SET revoked_at = clock_timestamp(), revoke_reason = 'evicted' \
        FROM surplus WHERE s.session_key = surplus.session_key AND s.revoked_at IS NULL \
    ), ",
    ended!(),
    " SELECT allowed.yes AS allowed, room.used, inserted.* \
      FROM allowed CROSS JOIN room LEFT JOIN inserted ON true"
);

/// Whether the queue matters to `new`: a rotation changes no number, but must not happen while others count.
pub(super) fn queues(new: &NewSession) -> bool {
    new.limit.is_some() || new.origin.predecessor().is_some()
}

/// Stores `new` when its turn comes. All of it goes out in one flight, so that nobody waits for the network.
pub(super) async fn stored(client: &ClientWrapper, new: &NewSession) -> Result<Stored, PgError> {
    let queue = client.prepare_cached(QUEUE).await?;
    let values = Values::of(new);
    let user: Params<'_> = &[&new.identity.user_id()];
    let replaces = new.origin.replaces().map(|key| key.as_bytes().as_slice());
    let (max, evicts) = new.limit.map(bounds).unzip();
    let (sql, params) = match new.limit {
        Some(_) => (STORE_WITHIN, values.and(&[&replaces, &max, &evicts])),
        None => (STORE, values.and(&[&replaces])),
    };
    let store = client.prepare_cached(sql).await?;
    let ((), _turn, row, ()) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.execute(&queue, user),
        client.query_opt(&store, &params),
        client.batch_execute("COMMIT"),
    )?;
    match row {
        Some(row) if new.limit.is_some() => within(row),
        row => Ok(row.map_or(Stored::Revoked, Stored::Row)),
    }
}

fn bounds(limit: SessionLimit) -> (i64, bool) {
    let evicts = limit.over == OverLimit::EvictOldest;
    (i64::from(limit.max.get()), evicts)
}

/// What the row of [`STORE_WITHIN`] says.
fn within(row: Row) -> Result<Stored, PgError> {
    let key: Option<&[u8]> = row.try_get("session_key")?;
    if key.is_some() {
        return Ok(Stored::Row(row));
    }
    if !row.try_get::<_, bool>("allowed")? {
        return Ok(Stored::Revoked);
    }
    let used: i64 = row.try_get("used")?;
    Ok(Stored::Full(u64::try_from(used).unwrap_or(0)))
}
