//! The rights of a gateway's role, given by whoever owns the tables.

use super::grants::{Identifier, grants};
use crate::store::postgres::pool::Pool;
use crate::store::postgres::row::column;
use crate::store::{Grant, MissingRights, SchemaError, StoreResult};

/// The schema that holds the tables.
const PLACE: &str = "\
    SELECT n.nspname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.oid = to_regclass('sidgate_session')";
/// An owner of tables need not own their schema. PostgreSQL then warns, and gives nothing.
const MAY_LOOK_IN: &str = "SELECT has_schema_privilege($1, $2, 'USAGE') AS usage";

/// Gives `role` what [`grants`] lists: all of it or nothing.
pub(in crate::store::postgres) async fn give(pool: &Pool, role: &Identifier) -> StoreResult<()> {
    let rows = pool.read(PLACE, &[]).await?;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    let schema = Identifier::of_server(column(row, "name")?);
    let wanted = grants(&schema, role);
    let statements: Vec<String> = wanted.iter().map(|grant| format!("{grant};")).collect();
    let lease = pool.lease().await?;
    let client = lease.client()?;
    // Statements that are sent as one text are one transaction.
    pool.written(async {
        let given = client.batch_execute(&statements.concat()).await;
        given.map_err(|error| pool.write_error(error))
    })
    .await?;
    lease.give_back();
    let rows = pool
        .read(MAY_LOOK_IN, &[&role.name(), &schema.name()])
        .await?;
    let may = rows.first().map(|row| column(row, "usage")).transpose()?;
    if may == Some(true) {
        return Ok(());
    }
    let on = format!("SCHEMA {schema}");
    let of_schema = wanted.into_iter().filter(|grant: &Grant| grant.on == on);
    Err(SchemaError::Rights(MissingRights(of_schema.collect())).into())
}
