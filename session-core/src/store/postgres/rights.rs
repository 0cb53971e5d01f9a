//! What a role may do, and what it may not although a gateway needs it.

use tokio_postgres::Row;

use super::pool::{Params, Pool};
use super::row::column;
use crate::store::{Rights, SchemaError, StoreError, StoreResult};

mod give;
mod grants;
mod needed;

pub(super) use self::give::give;
pub use self::grants::{BadIdentifier, Identifier, grants};
use self::needed::Thing;

/// Reads the catalog alone, so it needs no right on what it asks about. A superuser may do everything, so nothing else is
/// listed for one.
///
/// `place` is the schema of the search path that holds the tables, also when the role may not look into it.
const SQL: &str = "\
    WITH who AS (SELECT coalesce($5::text, current_user::text)::name AS role), place AS MATERIALIZED ( \
        SELECT n.oid, n.nspname, c.oid AS sessions, c.relowner FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relname = 'sidgate_session' AND c.relkind IN ('r', 'p') \
            AND coalesce(c.oid = to_regclass('sidgate_session'), EXISTS ( \
                SELECT FROM unnest(string_to_array(current_setting('search_path'), ',')) AS p (entry) \
                WHERE btrim(p.entry) IN (n.nspname, quote_ident(n.nspname)) \
                    OR btrim(p.entry) = '\"$user\"' AND n.nspname = current_user)) \
        ORDER BY n.oid LIMIT 1 \
    ), asked AS ( \
        SELECT a.*, who.role FROM who, unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY \
            AS a (kind, name, word, col, number) \
    ) \
    SELECT place.nspname::text AS schema, who.role::text AS role, ARRAY( \
        SELECT a.number FROM asked a WHERE NOT CASE a.kind \
            WHEN 'schema' THEN has_schema_privilege(a.role, place.oid, a.word) \
            WHEN 'function' THEN has_function_privilege(a.role, \
                (SELECT p.oid FROM pg_proc p WHERE p.pronamespace = place.oid AND p.proname = a.name), a.word) \
            WHEN 'table' THEN has_table_privilege(a.role, \
                (SELECT c.oid FROM pg_class c WHERE c.relnamespace = place.oid AND c.relname = a.name), a.word) \
            WHEN 'column' THEN ( \
                SELECT has_column_privilege(a.role, c.oid, f.attnum, a.word) FROM pg_class c JOIN pg_attribute f ON f.attrelid = c.oid \
                WHERE c.relnamespace = place.oid AND c.relname = a.name AND f.attname = a.col AND NOT f.attisdropped) END \
        ORDER BY a.number) AS missing, \
        r.rolsuper AS superuser, r.rolcreaterole AS creates_roles, \
        pg_has_role(who.role, place.relowner, 'MEMBER') AS owner, \
        has_schema_privilege(who.role, place.oid, 'CREATE') AS ddl, \
        has_table_privilege(who.role, place.sessions, 'TRUNCATE') AS emptier, \
        has_table_privilege(who.role, place.sessions, 'TRIGGER') AS trigger \
    FROM place, who, pg_roles r WHERE r.rolname = who.role";

pub(super) async fn rights(pool: &Pool) -> StoreResult<Rights> {
    rights_of(pool, None).await
}

/// Those of the role `role`, or of our own.
async fn rights_of(pool: &Pool, role: Option<&str>) -> StoreResult<Rights> {
    let asked: Vec<needed::Right> = needed::rights().collect();
    let (mut kinds, mut names) = (Vec::new(), Vec::new());
    for right in &asked {
        let (kind, name) = match right.thing {
            Thing::Schema => ("schema", ""),
            Thing::Function(name, _) => ("function", name),
            Thing::Table(name) if right.column.is_empty() => ("table", name),
            Thing::Table(name) => ("column", name),
        };
        kinds.push(kind);
        names.push(name);
    }
    let words: Vec<&str> = asked.iter().map(|right| right.word).collect();
    let columns: Vec<&str> = asked.iter().map(|right| right.column).collect();
    let params: Params<'_> = &[&kinds, &names, &words, &columns, &role];
    let rows = pool.read(SQL, params).await?;
    let row = rows.first().ok_or(SchemaError::Missing)?;
    let missing: Vec<i64> = column(row, "missing")?;
    let missing = missing.into_iter().map(|number| {
        let at = usize::try_from(number - 1).ok();
        at.and_then(|at| asked.get(at).copied())
            .ok_or(StoreError::Corrupt("missing"))
    });
    let missing: Vec<needed::Right> = missing.collect::<StoreResult<_>>()?;
    let schema = Identifier::of_server(column(row, "schema")?);
    let role = Identifier::of_server(column(row, "role")?);
    Ok(Rights {
        missing: grants::as_grants(missing.into_iter(), &schema, &role),
        needless: needless(row)?,
    })
}

fn needless(row: &Row) -> StoreResult<Vec<&'static str>> {
    const WORDS: [(&str, &str); 5] = [
        ("owner", "owns Sidgate's tables"),
        ("ddl", "may CREATE in their schema"),
        ("emptier", "may TRUNCATE them"),
        ("trigger", "may put TRIGGERs on them"),
        ("creates_roles", "may create roles"),
    ];
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
