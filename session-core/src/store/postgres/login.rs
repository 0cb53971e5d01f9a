//! Where accounts log in.

use std::time::Duration;

use super::pool::{Params, Pool};
use super::row::{column, micros};
use crate::keys::login::LoginDigest;
use crate::store::login::{CodeDigest, Familiar, LoginSeen, NETWORKS_MAX, NETWORKS_PER_OWNER};
use crate::store::{StoreError, StoreResult};

/// Compares the first and the last owner of the account in the index, so a name that thousands share costs no more.
pub(super) async fn familiar(
    pool: &Pool,
    account: &LoginDigest,
    network: &LoginDigest,
    within: Duration,
) -> StoreResult<Option<Familiar>> {
    const SQL: &str = "\
        WITH recent AS NOT MATERIALIZED ( \
            SELECT owner, network FROM sidgate_login_network WHERE account = $1 \
                AND seen_at > statement_timestamp() - $3::bigint * interval '1 microsecond' \
        ) \
        SELECT f.owner, EXISTS (SELECT FROM recent r WHERE r.owner = f.owner AND r.network = $2) AS network \
        FROM (SELECT owner FROM recent ORDER BY owner LIMIT 1) f \
        WHERE f.owner = (SELECT owner FROM recent ORDER BY owner DESC LIMIT 1)";
    let (account, network) = (&account.as_bytes()[..], &network.as_bytes()[..]);
    let params: Params<'_> = &[&account, &network, &micros(within)];
    let rows = pool.read(SQL, params).await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let owner = LoginDigest::from_slice(column(row, "owner")?);
    Ok(Some(Familiar {
        owner: owner.ok_or(StoreError::Corrupt("owner"))?,
        network: column(row, "network")?,
    }))
}

/// What is noted takes the first place of its owner; the others are trimmed to those that are left.
pub(super) async fn note(pool: &Pool, seen: &LoginSeen) -> StoreResult<()> {
    const SQL: &str = "\
        WITH noted AS ( \
            INSERT INTO sidgate_login_network AS n (account, owner, network, seen_at) \
            VALUES ($1, $2, $3, statement_timestamp()) \
            ON CONFLICT (account, owner, network) DO UPDATE SET id = DEFAULT, seen_at = EXCLUDED.seen_at \
            WHERE n.seen_at < EXCLUDED.seen_at - interval '1 hour' RETURNING 1 \
        ) \
        DELETE FROM sidgate_login_network WHERE EXISTS (SELECT FROM noted) AND id IN ( \
            SELECT id FROM sidgate_login_network WHERE owner = $2 AND (account, network) <> ($1, $3) \
            ORDER BY id DESC OFFSET $4::bigint - 1)";
    let [account, owner, network] =
        [&seen.account, &seen.owner, &seen.network].map(|digest| &digest.as_bytes()[..]);
    let params: Params<'_> = &[&account, &owner, &network, &NETWORKS_PER_OWNER];
    pool.execute(SQL, params).await.map(drop)
}

/// The row of a code is made once.
pub(super) async fn redeem(pool: &Pool, code: &CodeDigest) -> StoreResult<bool> {
    const SQL: &str = "INSERT INTO sidgate_handover (code) VALUES ($1) ON CONFLICT DO NOTHING";
    let code = &code.as_bytes()[..];
    Ok(pool.execute(SQL, &[&code]).await? > 0)
}

/// Looks at the oldest alone, so that a table in which nothing is due costs one batch.
pub(super) async fn forget(pool: &Pool, kept: Duration, batch: usize) -> StoreResult<u64> {
    const SQL: &str = "\
        DELETE FROM sidgate_login_network WHERE id IN ( \
            SELECT o.id FROM ( \
                SELECT id, seen_at FROM sidgate_login_network ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED \
            ) o WHERE o.seen_at < statement_timestamp() - $1::bigint * interval '1 microsecond' \
                OR o.id <= (SELECT max(id) FROM sidgate_login_network) - $3)";
    let limit = i64::try_from(batch.max(1)).unwrap_or(i64::MAX);
    pool.execute(SQL, &[&micros(kept), &limit, &NETWORKS_MAX])
        .await
}
