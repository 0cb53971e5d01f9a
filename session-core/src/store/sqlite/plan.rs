//! The SQL that `apply` would run, for people who run it themselves.

use tokio_rusqlite::rusqlite::Connection;

use super::schema::{BEGUN, MIGRATIONS, status};
use crate::store::schema::{record, steps_from};
use crate::store::{SCHEMA_VERSION, SchemaStatus, StoreResult};

pub(super) fn plan(connection: &Connection) -> StoreResult<Option<String>> {
    let status = status(connection)?;
    if !status.is_due() {
        status.accept()?;
        return Ok(None);
    }
    Ok(Some(written(status.found)))
}

/// What a file that is not there yet needs.
#[must_use]
pub fn plan_of_a_new_file() -> String {
    written(SchemaStatus::ABSENT.found)
}

/// For the shell `sqlite3`, which stops at the first fault. A version that is there already is one.
fn written(found: i32) -> String {
    let mut sql = format!(
        "\
-- From version {found} of Sidgate's schema to version {SCHEMA_VERSION}, in one transaction. The file is to be readable by the
-- user of the gateway alone.
.bail on
BEGIN IMMEDIATE;
{BEGUN};
"
    );
    for (number, migration) in steps_from(found, &MIGRATIONS) {
        let recorded = record(number);
        sql.push_str(&format!("\n-- Version {number}\n{migration}{recorded}\n"));
    }
    sql.push_str("\nCOMMIT;\n");
    sql
}
