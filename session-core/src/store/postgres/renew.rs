//! Another key for a session.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::fault;
use super::pool::{Params, Pool};
use super::row::{self, columns, in_use, mass_revoked, micros, unended};
use crate::session::Session;
use crate::store::{Renewal, StoreError, StoreResult};

/// Whoever comes second waits for the first at the row, and then finds it under another key.
pub(super) async fn renew(pool: &Pool, renewal: &Renewal) -> StoreResult<Option<Session>> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let renewed = pool
        .written(async {
            let row = Box::pin(flight(client, renewal)).await.map_err(|error| {
                if fault::is_duplicate(&error) {
                    StoreError::Duplicate
                } else {
                    pool.write_error(error)
                }
            })?;
            row.as_ref().map(row::session).transpose()
        })
        .await?;
    lease.give_back();
    Ok(renewed)
}

async fn flight(client: &ClientWrapper, renewal: &Renewal) -> Result<Option<Row>, PgError> {
    const RENEW: &str = concat!(
        "UPDATE sidgate_session s SET session_key = $2, renewed_at = clock_timestamp(), last_activity = clock_timestamp() \
         WHERE s.session_key = $1 AND ",
        unended!(),
        " AND ",
        in_use!(),
        " RETURNING ",
        columns!()
    );
    // Only if the session has moved: whoever came second writes nothing.
    const FORMER: &str = "\
        INSERT INTO sidgate_former_key (session_key, successor, until) \
        SELECT $1::bytea, $2::bytea, clock_timestamp() + $3::bigint * interval '1 microsecond' \
        WHERE EXISTS (SELECT FROM sidgate_session WHERE session_key = $2)";
    // Those that led to it go on doing so.
    const EARLIER: &str = "\
        UPDATE sidgate_former_key SET successor = $2 \
        WHERE successor = $1 AND EXISTS (SELECT FROM sidgate_session WHERE session_key = $2)";
    const LEGACY: &str = "\
        UPDATE sidgate_legacy SET session_key = $2 \
        WHERE session_key = $1 AND ended_at IS NULL AND EXISTS (SELECT FROM sidgate_session WHERE session_key = $2)";
    let renew = client.prepare_cached(RENEW).await?;
    let former = client.prepare_cached(FORMER).await?;
    let earlier = client.prepare_cached(EARLIER).await?;
    let legacy = client.prepare_cached(LEGACY).await?;
    let (old, new) = (
        renewal.of.as_bytes().as_slice(),
        renewal.to.as_bytes().as_slice(),
    );
    let grace = micros(renewal.grace);
    let pair: Params<'_> = &[&old, &new];
    let leads: Params<'_> = &[&old, &new, &grace];
    let ((), row, _, _, _, ()) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.query_opt(&renew, pair),
        client.execute(&earlier, pair),
        client.execute(&former, leads),
        client.execute(&legacy, pair),
        client.batch_execute("COMMIT"),
    )?;
    Ok(row)
}
