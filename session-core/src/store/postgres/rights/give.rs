//! The rights of a gateway's role, given by whoever owns the tables.

use super::grants::{Identifier, grants};
use super::rights_of;
use crate::store::postgres::pool::Pool;
use crate::store::postgres::row::column;
use crate::store::{MissingRights, SchemaError, StoreResult};

/// The schema that holds the tables.
const PLACE: &str = "\
    SELECT n.nspname::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.oid = to_regclass('sidgate_session')";

/// Gives `role` what [`grants`] lists: all of it or nothing.
///
/// Whoever may not give a right is only warned by PostgreSQL, and nothing is given. So the role is looked at afterwards.
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
    match rights_of(pool, Some(role.name())).await?.missing {
        missing if missing.is_empty() => Ok(()),
        missing => Err(SchemaError::Rights(MissingRights(missing)).into()),
    }
}
