//! The schema: migrations that are only ever added to, and the check that they are all in force.

use tokio_rusqlite::rusqlite::{Connection, named_params};

use super::lane::store_error;
use super::row::column;
use super::statement::rows;
use super::write::begin;
use crate::store::schema::{accept_lease, accept_version};
use crate::store::{SchemaError, StoreResult};

/// Migrations in order; the version of the schema is how many of them have been applied.
const MIGRATIONS: [&str; 10] = [
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
    accept_version(version(connection)?, MIGRATIONS.len())?;
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

/// Applies what is missing in one transaction. Its write lock lets any number of processes try at once.
pub(super) fn apply(connection: &mut Connection) -> StoreResult<()> {
    const TABLE: &str = "\
        CREATE TABLE IF NOT EXISTS sidgate_schema ( \
            version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT (datetime('now'))) STRICT";
    let transaction = begin(connection)?;
    transaction.execute_batch(TABLE).map_err(store_error)?;
    let found = version(&transaction)?;
    for (number, sql) in (1..).zip(MIGRATIONS) {
        if number > found {
            transaction.execute_batch(sql).map_err(store_error)?;
            let record = "INSERT INTO sidgate_schema (version) VALUES (:version)";
            transaction
                .execute(record, named_params! {":version": number})
                .map_err(store_error)?;
        }
    }
    transaction.commit().map_err(store_error)?;
    check(connection)
}

fn version(connection: &Connection) -> StoreResult<i32> {
    const SQL: &str = "SELECT coalesce(max(version), 0) AS version FROM sidgate_schema";
    let found = rows(connection, SQL, (), |row| column(row, "version"))?;
    Ok(found.first().copied().unwrap_or_default())
}
