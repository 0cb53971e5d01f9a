//! Where accounts log in.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{Connection, named_params};

use super::row::{column, micros};
use super::statement::{execute, rows};
use crate::clock::Timestamp;
use crate::keys::login::LoginDigest;
use crate::store::login::{CodeDigest, Familiar, LoginSeen, NETWORKS_MAX, NETWORKS_PER_OWNER};
use crate::store::{StoreError, StoreResult};

/// Rows that are older than this are written anew.
const FRESH: Duration = Duration::from_secs(3_600);

/// Compares the first and the last owner of the account in the index, so a name that thousands share costs no more.
pub(super) fn familiar(
    connection: &Connection,
    now: Timestamp,
    account: &LoginDigest,
    network: &LoginDigest,
    within: Duration,
) -> StoreResult<Option<Familiar>> {
    const SQL: &str = "\
        WITH recent AS NOT MATERIALIZED ( \
            SELECT owner, network FROM sidgate_login_network WHERE account = :account AND seen_at > :since \
        ) \
        SELECT f.owner, EXISTS (SELECT 1 FROM recent r WHERE r.owner = f.owner AND r.network = :network) AS network \
        FROM (SELECT owner FROM recent ORDER BY owner LIMIT 1) f \
        WHERE f.owner = (SELECT owner FROM recent ORDER BY owner DESC LIMIT 1)";
    let params = named_params! {
        ":account": &account.as_bytes()[..],
        ":network": &network.as_bytes()[..],
        ":since": now.as_micros().saturating_sub(micros(within)),
    };
    let found = rows(connection, SQL, params, |row| {
        let owner: Vec<u8> = column(row, "owner")?;
        Ok(Familiar {
            owner: LoginDigest::from_slice(&owner).ok_or(StoreError::Corrupt("owner"))?,
            network: column(row, "network")?,
        })
    })?;
    Ok(found.first().copied())
}

/// The two statements need not be one transaction: the next login removes what the second one missed.
pub(super) fn note(connection: &Connection, now: Timestamp, seen: &LoginSeen) -> StoreResult<()> {
    const NOTE: &str = "\
        INSERT INTO sidgate_login_network (account, owner, network, seen_at) \
        VALUES (:account, :owner, :network, :now) \
        ON CONFLICT (account, owner, network) DO UPDATE SET seen_at = excluded.seen_at, \
            id = (SELECT max(id) + 1 FROM sidgate_login_network) \
        WHERE sidgate_login_network.seen_at < excluded.seen_at - :fresh";
    const TRIM: &str = "\
        DELETE FROM sidgate_login_network WHERE id IN ( \
            SELECT id FROM sidgate_login_network WHERE owner = :owner ORDER BY id DESC LIMIT -1 OFFSET :kept)";
    let owner = &seen.owner.as_bytes()[..];
    let params = named_params! {
        ":account": &seen.account.as_bytes()[..],
        ":owner": owner,
        ":network": &seen.network.as_bytes()[..],
        ":now": now.as_micros(),
        ":fresh": micros(FRESH),
    };
    let noted = execute(connection, NOTE, params)?;
    if noted > 0 {
        let params = named_params! {":owner": owner, ":kept": NETWORKS_PER_OWNER};
        execute(connection, TRIM, params)?;
    }
    Ok(())
}

/// The row of a code is made once.
pub(super) fn redeem(
    connection: &Connection,
    now: Timestamp,
    code: &CodeDigest,
) -> StoreResult<bool> {
    const SQL: &str = "\
        INSERT INTO sidgate_handover (code, at) VALUES (:code, :now) ON CONFLICT DO NOTHING";
    let params = named_params! {":code": &code.as_bytes()[..], ":now": now.as_micros()};
    Ok(execute(connection, SQL, params)? > 0)
}

/// Looks at the oldest alone, so that a table in which nothing is due costs one batch.
pub(super) fn forget(
    connection: &Connection,
    now: Timestamp,
    kept: Duration,
    batch: usize,
) -> StoreResult<u64> {
    const SQL: &str = "\
        DELETE FROM sidgate_login_network WHERE id IN ( \
            SELECT o.id FROM (SELECT id, seen_at FROM sidgate_login_network ORDER BY id LIMIT :limit) o \
            WHERE o.seen_at < :before OR o.id <= (SELECT max(id) FROM sidgate_login_network) - :most)";
    let params = named_params! {
        ":before": now.as_micros().saturating_sub(micros(kept)),
        ":most": NETWORKS_MAX,
        ":limit": i64::try_from(batch.max(1)).unwrap_or(i64::MAX),
    };
    execute(connection, SQL, params)
}
