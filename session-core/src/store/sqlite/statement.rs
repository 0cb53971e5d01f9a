//! One statement, prepared once on each connection.

use tokio_rusqlite::rusqlite::{Connection, Params, Row};

use super::lane::store_error;
use crate::store::{StoreError, StoreResult};

/// Every row of a statement, read by `map`.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    map: impl Fn(&Row<'_>) -> StoreResult<T>,
) -> StoreResult<Vec<T>> {
    let mut statement = connection.prepare_cached(sql).map_err(store_error)?;
    let mut rows = statement.query(params).map_err(store_error)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(store_error)? {
        found.push(map(row)?);
    }
    Ok(found)
}

/// Runs a statement; how many rows it has changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> StoreResult<u64> {
    let changed = connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params))
        .map_err(store_error)?;
    u64::try_from(changed).map_err(|_error| StoreError::Corrupt("count"))
}
