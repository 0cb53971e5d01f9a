//! Another key for a session.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::fault;
use super::insert::duplicate_or;
use super::pool::{Params, Pool};
use super::row::{self, columns, in_use, mass_revoked, micros, unended};
use crate::session::Session;
use crate::store::{Renewal, StoreResult};

/// Whoever comes second waits for the first at the row, and then finds it under another key. A session that a mass revocation
/// ends after the statement's snapshot was taken is refused by the schema, which looks again: it has ended as well.
pub(super) async fn renew(pool: &Pool, renewal: &Renewal) -> StoreResult<Option<Session>> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let renewed = pool.written(async {
        match Box::pin(flight(client, renewal)).await {
            Err(error) if fault::is_kept_from(&error) => Ok(None),
            renewed => renewed.map(Some).map_err(|error| duplicate_or(pool, error)),
        }
    });
    let Some(renewed) = renewed.await? else {
        return Ok(None);
    };
    lease.give_back();
    renewed.as_ref().map(row::session).transpose()
}

async fn flight(client: &ClientWrapper, renewal: &Renewal) -> Result<Option<Row>, PgError> {
    // Keys that led to the former one lead to the new one.
    const RENEW: &str = concat!(
        "WITH renewed AS ( \
            UPDATE sidgate_session s \
            SET session_key = $2, renewed_at = clock_timestamp(), last_activity = clock_timestamp() \
            WHERE s.session_key = $1 AND s.session_group = $4 AND ",
        unended!(),
        " AND ",
        in_use!(),
        " RETURNING ",
        columns!(),
        "), earlier AS ( \
            UPDATE sidgate_former_key SET successor = $2 WHERE successor = $1 AND EXISTS (SELECT FROM renewed) \
        ), former AS ( \
            INSERT INTO sidgate_former_key (session_key, successor, until) \
            SELECT $1::bytea, $2::bytea, clock_timestamp() + $3::bigint * interval '1 microsecond' \
            WHERE EXISTS (SELECT FROM renewed) \
        ) SELECT * FROM renewed"
    );
    // A statement of its own: it sees an old login that was added while the first one waited for the row. Whoever came
    // second writes nothing.
    const OLD_LOGINS: &str = "\
        UPDATE sidgate_legacy SET session_key = $2 \
        WHERE session_key = $1 AND ended_at IS NULL AND EXISTS (SELECT FROM sidgate_session WHERE session_key = $2)";
    let renew = client.prepare_cached(RENEW).await?;
    let old_logins = client.prepare_cached(OLD_LOGINS).await?;
    let (old, new) = (
        renewal.of.as_bytes().as_slice(),
        renewal.to.as_bytes().as_slice(),
    );
    let grace = micros(renewal.grace);
    let params: Params<'_> = &[&old, &new, &grace, &renewal.group.name()];
    let pair: Params<'_> = &[&old, &new];
    let ((), row, _, ()) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.query_opt(&renew, params),
        client.execute(&old_logins, pair),
        client.batch_execute("COMMIT"),
    )?;
    Ok(row)
}
