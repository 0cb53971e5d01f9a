//! The schema: migrations that are only ever added to, and the check that they are all in force.

use tokio_rusqlite::rusqlite::Connection;

use super::lane::{begin, store_error};
use super::row::column;
use super::statement::rows;
use crate::store::schema::{COMPATIBLE_FROM, accept_lease, record, steps_from};
use crate::store::{SchemaError, SchemaStatus, StoreError, StoreResult};

/// Migrations in order; the version of the schema is how many of them have been applied.
pub(in crate::store) const MIGRATIONS: [&str; COMPATIBLE_FROM.len()] = [
    include_str!("../migrations/sqlite/0001_sessions.sql"),
    include_str!("../migrations/sqlite/0002_hints.sql"),
    include_str!("../migrations/sqlite/0003_housekeeping.sql"),
    include_str!("../migrations/sqlite/0004_migration.sql"),
    include_str!("../migrations/sqlite/0005_renewal.sql"),
    include_str!("../migrations/sqlite/0006_activity.sql"),
    include_str!("../migrations/sqlite/0007_guards.sql"),
    include_str!("../migrations/sqlite/0008_references.sql"),
    include_str!("../migrations/sqlite/0009_old_logins.sql"),
    include_str!("../migrations/sqlite/0010_login_networks.sql"),
    include_str!("../migrations/sqlite/0011_compatible_from.sql"),
    include_str!("../migrations/sqlite/0012_sites.sql"),
    include_str!("../migrations/sqlite/0013_size.sql"),
];

/// Triggers without which revocations go unseen or can be taken back.
const TRIGGERS: [&str; 19] = [
    "sidgate_append_numbered",
    "sidgate_session_updated",
    "sidgate_session_deleted",
    "sidgate_session_replaced",
    "sidgate_session_kept",
    "sidgate_session_moved",
    "sidgate_session_stored",
    "sidgate_session_overtaken",
    "sidgate_revocation_inserted",
    "sidgate_revocation_updated",
    "sidgate_revocation_kept",
    "sidgate_revocation_undeleted",
    "sidgate_revocation_cuts_off_new",
    "sidgate_revocation_cuts_off_again",
    "sidgate_revocation_replaced",
    "sidgate_former_key_stored",
    "sidgate_former_key_kept",
    "sidgate_legacy_replaced",
    "sidgate_legacy_kept",
];

pub(super) fn check(connection: &Connection) -> StoreResult<()> {
    status(connection)?.accept()?;
    let lease = rows(
        connection,
        "SELECT lease_ms FROM sidgate_clock",
        (),
        |row| column(row, "lease_ms"),
    )?;
    accept_lease(lease.first().copied().ok_or(SchemaError::Missing)?)?;
    let present: Vec<String> = rows(
        connection,
        "SELECT name FROM sqlite_schema WHERE type = 'trigger'",
        (),
        |row| column(row, "name"),
    )?;
    for name in TRIGGERS {
        if !present.iter().any(|found| found == name) {
            return Err(SchemaError::Trigger(name).into());
        }
    }
    Ok(())
}

/// The table of versions, as it was at first.
pub(super) const BEGUN: &str = "\
CREATE TABLE IF NOT EXISTS sidgate_schema (
    version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT (datetime('now'))) STRICT";

/// Applies what is missing in one transaction. Its write lock lets any number of processes try at once.
pub(super) fn apply(connection: &mut Connection) -> StoreResult<()> {
    let transaction = begin(connection)?;
    transaction.execute_batch(BEGUN).map_err(store_error)?;
    let found = status(&transaction)?.found;
    for (number, sql) in steps_from(found, &MIGRATIONS) {
        transaction.execute_batch(sql).map_err(store_error)?;
        transaction
            .execute_batch(&record(number))
            .map_err(store_error)?;
    }
    transaction.commit().map_err(store_error)?;
    check(connection)
}

/// Which schema the file has. The column `compatible_from` may not be there yet.
pub(super) fn status(connection: &Connection) -> StoreResult<SchemaStatus> {
    const TELLS: &str = "\
        SELECT count(*) AS columns FROM pragma_table_info('sidgate_schema') WHERE name = 'compatible_from'";
    const OLD: &str = "\
        SELECT coalesce(max(version), 0) AS version, coalesce(max(version), 0) AS works_from FROM sidgate_schema";
    const TOLD: &str = "\
        SELECT coalesce(max(version), 0) AS version, \
            coalesce(max(coalesce(compatible_from, version)), 0) AS works_from FROM sidgate_schema";
    let tells = rows(connection, TELLS, (), |row| column::<i64>(row, "columns"))?;
    let sql = if tells.first() == Some(&1) { TOLD } else { OLD };
    let found = rows(connection, sql, (), |row| {
        Ok(SchemaStatus::of(
            column(row, "version")?,
            column(row, "works_from")?,
        ))
    });
    match found {
        Err(StoreError::Schema(SchemaError::Missing)) => Ok(SchemaStatus::ABSENT),
        found => Ok(found?.pop().ok_or(SchemaError::Missing)?),
    }
}
