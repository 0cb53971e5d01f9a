//! The SQL that `apply` would run, for people who run it themselves.

use super::pool::Pool;
use super::row::column;
use super::schema::{BEGUN, BRIEFLY, MIGRATIONS, status};
use crate::store::schema::{record, steps_from};
use crate::store::{SCHEMA_VERSION, StoreError, StoreResult};

/// For `psql`. In the schema that `apply` would choose on this connection: the search path of whoever runs it may be another.
pub(super) async fn plan(pool: &Pool) -> StoreResult<Option<String>> {
    const SCHEMA: &str = "SELECT quote_ident(current_schema()) AS schema";
    let status = status(pool).await?;
    if !status.is_due() {
        status.accept()?;
        return Ok(None);
    }
    let rows = pool.read(SCHEMA, &[]).await?;
    let schema: Option<String> = match rows.first() {
        Some(row) => column(row, "schema")?,
        None => None,
    };
    match schema {
        Some(schema) => Ok(Some(written(status.found, &schema))),
        None => Err(StoreError::unavailable(
            "no schema of the search path is there for this role",
        )),
    }
}

/// One transaction, which stops at the first fault and when somebody else was faster.
fn written(found: i32, schema: &str) -> String {
    let mut sql = format!(
        "\
-- From version {found} of Sidgate's schema to version {SCHEMA_VERSION}, in one transaction. Whoever runs this owns what it makes.
-- Afterwards the role of the gateway needs what `sidgate schema grants` prints.
\\set ON_ERROR_STOP on
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL statement_timeout = '60s';
SET LOCAL search_path = {schema}, pg_temp;
{BEGUN}
{BRIEFLY}
DO $$ BEGIN
    IF (SELECT coalesce(max(version), 0) FROM sidgate_schema) <> {found} THEN
        RAISE EXCEPTION 'the schema has changed since this plan was made';
    END IF;
END $$;
"
    );
    for (number, migration) in steps_from(found, &MIGRATIONS) {
        let recorded = record(number);
        sql.push_str(&format!("\n-- Version {number}\n{migration}{recorded}\n"));
    }
    sql.push_str("\nCOMMIT;\n");
    sql
}
