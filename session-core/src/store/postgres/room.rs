//! How many sessions a user may have: logins of one user queue up, and each makes room for itself or is turned away.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error as PgError;

use super::pool::Params;
use super::row::{in_use, mass_revoked, unended};
use crate::session::{NewSession, OverLimit, SessionLimit};

/// Transactions that make sessions of one user wait here for each other, until they end. Must come before any statement
/// that counts, because a statement sees what was committed when it began. Must come before any row lock, so that a
/// waiting transaction holds nothing that one ahead of it needs.
pub(super) const QUEUE: &str = "\
    SELECT FROM sidgate_turn WHERE slot = (1 + (hashtextextended($1::text, 0) & 1023))::smallint FOR UPDATE";

/// Whether the queue matters to `new`: a rotation changes no number, but must not happen while others count.
pub(super) fn queues(new: &NewSession) -> bool {
    new.limit.is_some() || new.origin.predecessor().is_some()
}

/// Ends the sessions above the limit. `Some` when the login is to be refused, with the number of sessions that the user
/// has.
///
/// Sessions that seem idle go first; a node may still know of a use that is not written yet, so they do count otherwise.
pub(super) async fn make_room(
    client: &ClientWrapper,
    new: &NewSession,
    limit: SessionLimit,
) -> Result<Option<u64>, PgError> {
    const SQL: &str = concat!(
        "WITH live AS MATERIALIZED ( \
            SELECT s.session_key, ",
        in_use!(),
        " AS used, row_number() OVER (ORDER BY ",
        in_use!(),
        " DESC, s.created_at DESC, s.id DESC) AS place \
            FROM sidgate_session s WHERE s.user_id = $1 AND s.id IS DISTINCT FROM \
                (SELECT k.id FROM sidgate_session k WHERE k.session_key = sidgate_current_key($2)) AND ",
        unended!(),
        "), surplus AS MATERIALIZED ( \
            SELECT v.session_key FROM sidgate_session v JOIN live ON live.session_key = v.session_key \
            WHERE live.place >= $3 AND (NOT live.used OR $4) \
            ORDER BY v.session_key FOR NO KEY UPDATE OF v \
        ), evicted AS ( \
            UPDATE sidgate_session s SET revoked_at = clock_timestamp(), revoke_reason = 'evicted' \
            FROM surplus WHERE s.session_key = surplus.session_key AND s.revoked_at IS NULL \
        ) SELECT count(*) FILTER (WHERE used) FROM live"
    );
    let statement = client.prepare_cached(SQL).await?;
    let replaced = new.origin.replaces().map(|key| key.as_bytes().as_slice());
    let (max, evicts) = (
        i64::from(limit.max.get()),
        limit.over == OverLimit::EvictOldest,
    );
    let params: Params<'_> = &[&new.identity.user_id(), &replaced, &max, &evicts];
    let used: i64 = client.query_one(&statement, params).await?.try_get(0)?;
    let refused = !evicts && used >= max;
    Ok(refused.then(|| u64::try_from(used).unwrap_or(0)))
}
