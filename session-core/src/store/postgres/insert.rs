//! A new session: one statement. Where sessions of its user are counted or others count them meanwhile, it waits for its
//! turn first (`room`).

use deadpool_postgres::ClientWrapper;
use tokio_postgres::Error as PgError;

use super::fault;
use super::new_session::{STORE, Stored, Values};
use super::pool::Pool;
use super::{room, row};
use crate::session::{NewSession, Session};
use crate::store::{StoreError, StoreResult};

pub(super) async fn insert(pool: &Pool, new: &NewSession) -> StoreResult<Session> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let stored = pool.written(async {
        let stored = match room::queues(new) {
            true => Box::pin(room::stored(client, new)).await,
            false => Box::pin(stored(client, new)).await,
        };
        stored.map_err(|error| duplicate_or(pool, error))
    });
    let stored = stored.await?;
    // A refusal has written nothing, so the connection can be used again.
    lease.give_back();
    match stored {
        Stored::Row(row) => row::session(&row),
        Stored::Revoked => Err(StoreError::RevokedMeanwhile),
        Stored::Full(sessions) => Err(StoreError::SessionLimit { sessions }),
    }
}

async fn stored(client: &ClientWrapper, new: &NewSession) -> Result<Stored, PgError> {
    let statement = client.prepare_cached(STORE).await?;
    let values = Values::of(new);
    let replaces = new.origin.replaces().map(|key| key.as_bytes().as_slice());
    let row = client
        .query_opt(&statement, &values.and(&[&replaces]))
        .await?;
    Ok(row.map_or(Stored::Revoked, Stored::Row))
}

pub(super) fn duplicate_or(pool: &Pool, error: PgError) -> StoreError {
    if fault::is_duplicate(&error) {
        StoreError::Duplicate
    } else {
        pool.write_error(error)
    }
}
