//! How large the database is, and how many connections the server takes: for people who plan its size.

use super::pool::Pool;
use super::row::column;
use crate::store::{StoreError, StoreResult};

/// What the server says about its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of the database, whatever is in it.
    pub bytes: u64,
    /// Rows of sessions, as the last `ANALYZE` or `VACUUM` has counted them. `None`: neither has run yet.
    pub sessions: Option<u64>,
    /// Connections that the server takes from roles that are no superusers.
    pub connections_max: u64,
    /// Connections that are open, whoever has them.
    pub connections_open: u64,
}

/// `pg_stat_activity` would show the role only connections of its own. Nothing here reads a table of sessions.
const SQL: &str = "\
    SELECT pg_database_size(current_database()) AS bytes, \
        (SELECT nullif(reltuples, -1)::bigint FROM pg_class WHERE oid = to_regclass('sidgate_session')) AS sessions, \
        current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint \
            - coalesce(current_setting('reserved_connections', true)::bigint, 0) AS connections_max, \
        (SELECT coalesce(sum(numbackends), 0)::bigint FROM pg_stat_database) AS connections_open";

pub(super) async fn figures(pool: &Pool) -> StoreResult<Figures> {
    let rows = pool.read_long(SQL, &[]).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("figures"))?;
    let count = |name| Ok::<_, StoreError>(at_least_0(column(row, name)?));
    Ok(Figures {
        bytes: count("bytes")?,
        sessions: column::<Option<i64>>(row, "sessions")?.map(at_least_0),
        connections_max: count("connections_max")?,
        connections_open: count("connections_open")?,
    })
}

fn at_least_0(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
