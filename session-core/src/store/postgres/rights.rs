//! Rights of the gateway's role that it does not need.

use super::pool::Pool;
use super::row::column;
use crate::store::{SchemaError, StoreResult};

/// A superuser may do everything, so nothing else is listed for one.
pub(super) async fn needless(pool: &Pool) -> StoreResult<Vec<&'static str>> {
    const SQL: &str = "\
        SELECT r.rolsuper AS superuser, \
            pg_has_role(current_user, c.relowner, 'MEMBER') AS owner, \
            has_schema_privilege(c.relnamespace, 'CREATE') AS ddl, \
            has_table_privilege(c.oid, 'TRUNCATE') AS emptier, \
            has_table_privilege(c.oid, 'TRIGGER') AS trigger, \
            r.rolcreaterole AS creates_roles \
        FROM pg_roles r, pg_class c WHERE r.rolname = current_user AND c.oid = 'sidgate_session'::regclass";
    const WORDS: [(&str, &str); 5] = [
        ("owner", "owns Sidgate's tables"),
        ("ddl", "may CREATE in their schema"),
        ("emptier", "may TRUNCATE them"),
        ("trigger", "may put TRIGGERs on them"),
        ("creates_roles", "may create roles"),
    ];
    let rows = pool.read(SQL, &[]).await?;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    if column(row, "superuser")? {
        return Ok(vec!["is a superuser"]);
    }
    let mut needless = Vec::new();
    for (name, words) in WORDS {
        if column(row, name)? {
            needless.push(words);
        }
    }
    Ok(needless)
}
