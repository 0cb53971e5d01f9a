//! The schema: migrations that are only ever added to, and the check that they are all in force.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::time;
use tokio_postgres::Error as PgError;
use tokio_postgres::error::SqlState;

use super::fault::{self, Limit};
use super::pool::Pool;
use super::row::column;
use crate::store::schema::{COMPATIBLE_FROM, accept_lease, record, steps_from};
use crate::store::{SchemaError, SchemaStatus, StoreError, StoreResult};

/// Migrations in order; the version of the schema is how many of them have been applied.
pub(in crate::store) const MIGRATIONS: [&str; COMPATIBLE_FROM.len()] = [
    include_str!("../migrations/postgres/0001_sessions.sql"),
    include_str!("../migrations/postgres/0002_hints.sql"),
    include_str!("../migrations/postgres/0003_housekeeping.sql"),
    include_str!("../migrations/postgres/0004_migration.sql"),
    include_str!("../migrations/postgres/0005_renewal.sql"),
    include_str!("../migrations/postgres/0006_activity.sql"),
    include_str!("../migrations/postgres/0007_guards.sql"),
    include_str!("../migrations/postgres/0008_references.sql"),
    include_str!("../migrations/postgres/0009_old_logins.sql"),
    include_str!("../migrations/postgres/0010_login_networks.sql"),
    include_str!("../migrations/postgres/0011_compatible_from.sql"),
    include_str!("../migrations/postgres/0012_sites.sql"),
    include_str!("../migrations/postgres/0013_size.sql"),
];

/// Triggers without which revocations go unseen or can be taken back, and whether they must be deferred.
const TRIGGERS: [(&str, bool); 13] = [
    ("sidgate_session_updated", true),
    ("sidgate_session_deleted", true),
    ("sidgate_session_truncated", false),
    ("sidgate_session_kept", false),
    ("sidgate_session_stored", false),
    ("sidgate_session_moved", false),
    ("sidgate_session_renewed", false),
    ("sidgate_revocation_numbered", true),
    ("sidgate_revocation_kept", false),
    ("sidgate_revocation_untruncated", false),
    ("sidgate_revocation_cuts_off", false),
    ("sidgate_former_key_kept", false),
    ("sidgate_legacy_kept", false),
];

/// Longest migration, the wait for another node's included.
const APPLY_TIMEOUT: Duration = Duration::from_secs(60);

/// The table of versions, as it was at first.
///
/// Of two nodes that create it one waits and finds it there, and its lock lets one go on at a time. An advisory lock would not
/// do: everybody who may connect could hold it.
pub(super) const BEGUN: &str = "\
DO $$ BEGIN
    CREATE TABLE IF NOT EXISTS sidgate_schema (
        version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp());
EXCEPTION WHEN unique_violation OR duplicate_table THEN NULL;
END $$;
LOCK TABLE sidgate_schema IN SHARE ROW EXCLUSIVE MODE;";

/// Whoever waits for a table to lock it keeps all others waiting who come after. So a migration that meets a long transaction, such
/// as a backup, gives up before a read of a session does (250 ms), and changes nothing. Said after [`BEGUN`], where nodes wait for
/// each other.
pub(super) const BRIEFLY: &str = "SET LOCAL lock_timeout = '200ms';";

/// Which schema the store has. The column `compatible_from` may not be there yet: so the row is read as a whole.
pub(super) async fn status(pool: &Pool) -> StoreResult<SchemaStatus> {
    const SQL: &str = "\
        SELECT coalesce(max(s.version), 0) AS version, pg_is_in_recovery() AS in_recovery, \
            coalesce(max(coalesce((to_jsonb(s) ->> 'compatible_from')::integer, s.version)), 0) AS works_from \
        FROM sidgate_schema s";
    let rows = match pool.read(SQL, &[]).await {
        Err(StoreError::Schema(SchemaError::Missing)) => return Ok(SchemaStatus::ABSENT),
        rows => rows?,
    };
    let row = rows.first().ok_or(SchemaError::Missing)?;
    if column(row, "in_recovery")? {
        return Err(StoreError::InRecovery);
    }
    Ok(SchemaStatus::of(
        column(row, "version")?,
        column(row, "works_from")?,
    ))
}

pub(super) async fn check(pool: &Pool) -> StoreResult<()> {
    const LEASE: &str = "SELECT lease_ms FROM sidgate_clock";
    const ENABLED: &str = "\
        SELECT t.tgname::text AS name, t.tginitdeferred AS deferred FROM pg_trigger t \
        WHERE t.tgrelid IN ('sidgate_session'::regclass, 'sidgate_revocation'::regclass, \
            'sidgate_former_key'::regclass, 'sidgate_legacy'::regclass) AND t.tgenabled IN ('O', 'A')";
    status(pool).await?.accept()?;
    let rows = pool.read(LEASE, &[]).await?;
    accept_lease(column(
        rows.first().ok_or(SchemaError::Missing)?,
        "lease_ms",
    )?)?;
    let mut enabled: Vec<(String, bool)> = Vec::new();
    for row in pool.read(ENABLED, &[]).await? {
        enabled.push((column(&row, "name")?, column(&row, "deferred")?));
    }
    for (name, deferred) in TRIGGERS {
        if !enabled.contains(&(name.to_owned(), deferred)) {
            return Err(SchemaError::Trigger(name).into());
        }
    }
    Ok(())
}

/// Asks before it acts, so that a role without DDL may call it where there is nothing to do.
pub(super) async fn apply(pool: &Pool) -> StoreResult<()> {
    if status(pool).await?.is_due() {
        let lease = pool.lease().await?;
        time::timeout(APPLY_TIMEOUT, migrate(lease.client()?))
            .await
            .map_err(|_elapsed| fault::timeout(Limit::fixed(APPLY_TIMEOUT)))?
            .map_err(|error| unapplied(&error))?;
        lease.give_back();
    }
    check(pool).await
}

/// Why a migration has come to nothing.
fn unapplied(error: &PgError) -> StoreError {
    if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return StoreError::unavailable(
            "nothing was changed, because another transaction holds the tables, such as a backup or an autovacuum; try again when it has ended \
             (SQLSTATE 55P03)",
        );
    }
    fault::store_error(error, Limit::fixed(APPLY_TIMEOUT))
}

/// Applies what is missing in one transaction. Any number of nodes may try at once. Everything is created in the first
/// schema of the search path. The functions remember that one, with the temporary schema last.
async fn migrate(client: &ClientWrapper) -> Result<(), PgError> {
    const PREPARE: &str = "\
        BEGIN; \
        SET LOCAL statement_timeout = '60s'; \
        SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)";
    client.batch_execute(PREPARE).await?;
    client.batch_execute(BEGUN).await?;
    client.batch_execute(BRIEFLY).await?;
    let row = client
        .query_one("SELECT coalesce(max(version), 0) FROM sidgate_schema", &[])
        .await?;
    for (number, sql) in steps_from(row.try_get(0)?, &MIGRATIONS) {
        client.batch_execute(sql).await?;
        client.batch_execute(&record(number)).await?;
    }
    client.batch_execute("COMMIT").await
}
