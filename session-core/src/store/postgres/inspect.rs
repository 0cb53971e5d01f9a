//! What people ask about the database.

use super::pool::Pool;
use super::pooler::LIMITS;
use super::row::column;
use super::{PostgresStore, plan, rights, schema};
use crate::store::prelude::*;
use crate::store::{InspectStore, StoreError};

#[async_trait]
impl InspectStore for PostgresStore {
    async fn about(&self) -> StoreResult<About> {
        about(&self.pool).await
    }

    async fn servers(&self) -> StoreResult<Vec<NamedServer>> {
        self.connector.ask_each().await
    }

    async fn clock(&self) -> StoreResult<Option<Timestamp>> {
        const SQL: &str =
            "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS micros";
        let rows = self.pool.read(SQL, &[]).await?;
        let micros = rows.first().map(|row| column(row, "micros")).transpose()?;
        Ok(micros.map(Timestamp::from_micros))
    }

    async fn rights(&self) -> StoreResult<Rights> {
        // Every node asks this every few seconds.
        for pool in [&self.pool, &self.operators] {
            pool.close_idle();
        }
        rights::rights(&self.pool).await
    }

    async fn schema_status(&self) -> StoreResult<SchemaStatus> {
        schema::status(&self.pool).await
    }

    async fn schema_plan(&self) -> StoreResult<Option<String>> {
        plan::plan(&self.pool).await
    }
}

async fn about(pool: &Pool) -> StoreResult<About> {
    const SQL: &str = "\
        SELECT 'PostgreSQL ' || split_part(current_setting('server_version'), ' ', 1) AS server, \
            current_database()::text AS database, current_user::text AS role, \
            (SELECT replace(s.version, 'TLSv', 'TLS ') FROM pg_stat_ssl s \
             WHERE s.pid = pg_backend_pid() AND s.ssl) AS tls, \
            ARRAY(SELECT name FROM unnest($1::text[]) name WHERE current_setting(name) = '0') AS unlimited";
    let rows = pool.read(SQL, &[&LIMITS.as_slice()]).await?;
    let row = rows.first().ok_or(StoreError::Corrupt("server"))?;
    Ok(About {
        server: column(row, "server")?,
        database: column(row, "database")?,
        role: Some(column(row, "role")?),
        schema: schema::status(pool).await?,
        tls: column(row, "tls")?,
        unlimited: column(row, "unlimited")?,
    })
}
