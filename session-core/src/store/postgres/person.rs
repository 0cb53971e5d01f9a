//! What is held of one person.

use std::time::Duration;

use deadpool_postgres::ClientWrapper;
use tokio::time;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error as PgError, Row};
use uuid::Uuid;

use super::pool::{Params, Pool};
use super::row::{self, Stamp, column, columns, mass_revoked};
use super::sighting::{bigint, columns as sighting_columns, sighting};
use crate::keys::login::LoginDigest;
use crate::keys::person::Person;
use crate::session::Seq;
use crate::store::person::next_part;
use crate::store::{
    CutoffOf, ErasedSessions, RevocationOf, SchemaError, SightingsOf, StoreError, StoreResult,
    StoredSession, Swept, Traces,
};

pub(super) async fn sessions(
    pool: &Pool,
    user_id: &str,
    after: Option<Uuid>,
    limit: usize,
) -> StoreResult<Vec<StoredSession>> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        ", ",
        mass_revoked!(),
        " AS mass_revoked FROM sidgate_session s \
         WHERE s.user_id = $1 AND ($2::uuid IS NULL OR s.id > $2) ORDER BY s.id LIMIT $3"
    );
    let params: Params<'_> = &[&user_id, &after, &bigint(limit)];
    let rows = pool.read_long(SQL, params).await?;
    rows.iter().map(row::stored_session).collect()
}

/// One row at least, which says how far it has looked.
pub(super) async fn sightings(
    pool: &Pool,
    user_id: &str,
    from: i64,
    scan: usize,
) -> StoreResult<SightingsOf> {
    const SQL: &str = concat!(
        "WITH part AS MATERIALIZED (SELECT ",
        sighting_columns!(),
        " FROM sidgate_activity WHERE id > $2 ORDER BY id LIMIT $3) \
         SELECT l.last, l.scanned, p.* FROM (SELECT max(id) AS last, count(*) AS scanned FROM part) l \
         LEFT JOIN part p ON p.user_id = $1 ORDER BY p.id"
    );
    let params: Params<'_> = &[&user_id, &from, &bigint(scan)];
    let rows = pool.read_long(SQL, params).await?;
    let next = rows.first().map(|row| next(row, scan)).transpose()?;
    let mut seen = Vec::new();
    for row in &rows {
        if column::<Option<i64>>(row, "id")?.is_some() {
            seen.push(sighting(row)?.1);
        }
    }
    Ok(SightingsOf {
        seen,
        next: next.flatten(),
    })
}

fn next(row: &Row, scan: usize) -> StoreResult<Option<i64>> {
    Ok(next_part(
        column(row, "last")?,
        count(row, "scanned")?,
        scan,
    ))
}

pub(super) async fn traces(pool: &Pool, person: &Person) -> StoreResult<Traces> {
    const COUNTS: &str = "\
        WITH own AS MATERIALIZED (SELECT session_key FROM sidgate_session WHERE user_id = $1), \
        old AS (SELECT count(*) AS logins, count(l.kept) AS cookies FROM sidgate_legacy l JOIN own USING (session_key)) \
        SELECT clock_timestamp() AS now, old.logins, old.cookies, \
            (SELECT count(*) FROM sidgate_former_key f JOIN own ON f.successor = own.session_key) AS former_keys \
        FROM old";
    const NETWORKS: &str = "\
        SELECT seen_at FROM sidgate_login_network WHERE owner = ANY ($1::bytea[]) ORDER BY seen_at";
    const REVOCATIONS: &str = "\
        SELECT NULL::text AS of_group, seq FROM sidgate_revocation WHERE kind = 'user' AND subject = $1 \
        UNION ALL SELECT split_part(subject, ':', 1), seq FROM sidgate_revocation \
        WHERE kind = 'member' AND substr(subject, strpos(subject, ':') + 1) = $1 ORDER BY seq";
    const EVENTS: &str = "SELECT at FROM sidgate_event WHERE user_id = $1 ORDER BY seq";
    const CUTOFFS: &str = "\
        SELECT NULL::text AS of_group, at, false AS is_digest FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = $1 \
        UNION ALL SELECT NULL, at, true FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = ANY ($2::text[]) \
        UNION ALL SELECT split_part(subject, ':', 1), at, false FROM sidgate_legacy_cutoff \
        WHERE kind = 'member' AND substr(subject, strpos(subject, ':') + 1) = $1 ORDER BY at";
    let user = &&*person.user_id;
    let owners = bytes(&person.owners);
    let erased: Vec<&str> = person.erased.iter().map(|text| &**text).collect();
    let counts = pool.read_long(COUNTS, &[user]).await?;
    let networks = pool.read_long(NETWORKS, &[&owners]).await?;
    let revocations = pool.read_long(REVOCATIONS, &[user]).await?;
    let events = pool.read_long(EVENTS, &[user]).await?;
    let cutoffs = pool.read_long(CUTOFFS, &[user, &erased]).await?;
    let counts = counts.first().ok_or(SchemaError::Missing)?;
    let stamp = |row, name| column::<Stamp>(row, name).map(|stamp| stamp.0);
    let networks = networks.iter().map(|row| stamp(row, "seen_at"));
    let events = events.iter().map(|row| stamp(row, "at"));
    let revocations = revocations.iter().map(|row| {
        Ok(RevocationOf {
            group: column(row, "of_group")?,
            seq: column(row, "seq")?,
        })
    });
    let cutoffs = cutoffs.iter().map(|row| {
        Ok(CutoffOf {
            group: column(row, "of_group")?,
            at: stamp(row, "at")?,
            is_digest: column(row, "is_digest")?,
        })
    });
    Ok(Traces {
        now: stamp(counts, "now")?,
        former_keys: count(counts, "former_keys")?,
        old_logins: count(counts, "logins")?,
        kept_cookies: count(counts, "cookies")?,
        networks: networks.collect::<StoreResult<_>>()?,
        revocations: revocations.collect::<StoreResult<_>>()?,
        events: events.collect::<StoreResult<_>>()?,
        cutoffs: cutoffs.collect::<StoreResult<_>>()?,
    })
}

/// Rows are locked in the order of their keys, as whoever ends several does, so that two cannot deadlock. A trigger puts the ends
/// of old logins down and removes the cookies that were kept.
pub(super) async fn erase_sessions(
    pool: &Pool,
    user_id: &str,
    before: Seq,
    batch: usize,
) -> StoreResult<ErasedSessions> {
    const SQL: &str = "\
        WITH gone AS MATERIALIZED ( \
            SELECT session_key FROM sidgate_session WHERE user_id = $1 AND created_seq < $2 \
            ORDER BY session_key LIMIT $3 FOR UPDATE \
        ), old AS MATERIALIZED ( \
            SELECT count(*) AS logins, count(l.kept) AS cookies FROM sidgate_legacy l JOIN gone USING (session_key) \
        ), former AS ( \
            DELETE FROM sidgate_former_key f USING gone WHERE f.successor = gone.session_key RETURNING 1 \
        ), removed AS ( \
            DELETE FROM sidgate_session s USING gone WHERE s.session_key = gone.session_key RETURNING 1 \
        ) \
        SELECT old.logins, old.cookies, (SELECT count(*) FROM former) AS former_keys, \
            (SELECT count(*) FROM removed) AS sessions FROM old";
    let row = written(pool, SQL, &[&user_id, &before, &bigint(batch.max(1))]).await?;
    Ok(ErasedSessions {
        sessions: count(&row, "sessions")?,
        former_keys: count(&row, "former_keys")?,
        old_logins: count(&row, "logins")?,
        kept_cookies: count(&row, "cookies")?,
    })
}

pub(super) async fn erase_sightings(
    pool: &Pool,
    user_id: &str,
    from: i64,
    scan: usize,
) -> StoreResult<Swept> {
    const SQL: &str = "\
        WITH part AS MATERIALIZED ( \
            SELECT id, user_id FROM sidgate_activity WHERE id > $2 ORDER BY id LIMIT $3 \
        ), gone AS ( \
            DELETE FROM sidgate_activity a USING part p WHERE a.id = p.id AND p.user_id = $1 RETURNING 1 \
        ) \
        SELECT max(id) AS last, count(*) AS scanned, (SELECT count(*) FROM gone) AS removed FROM part";
    let scan = scan.max(1);
    let row = written(pool, SQL, &[&user_id, &from, &bigint(scan)]).await?;
    Ok(Swept {
        removed: count(&row, "removed")?,
        next: next(&row, scan)?,
    })
}

pub(super) async fn erase_logins(pool: &Pool, owners: &[LoginDigest]) -> StoreResult<u64> {
    const SQL: &str = "DELETE FROM sidgate_login_network WHERE owner = ANY ($1::bytea[])";
    pool.execute(SQL, &[&bytes(owners)]).await
}

/// Tries to put the digest down. While one waits for its lock, revocations wait behind it: so each waits briefly.
const BARRIER_TRIES: usize = 20;
/// Between two tries.
const BARRIER_PAUSE: Duration = Duration::from_millis(200);

/// After the digest the id is of no more use. Rows are locked in the order of their keys, as by whoever adopts an old login.
pub(super) async fn hide_cutoffs(pool: &Pool, person: &Person) -> StoreResult<u64> {
    const PLAIN: &str = "\
        WITH plain AS MATERIALIZED ( \
            SELECT kind, subject FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = $1 \
                OR kind = 'member' AND substr(subject, strpos(subject, ':') + 1) = $1 \
            ORDER BY kind, subject FOR UPDATE \
        ) \
        DELETE FROM sidgate_legacy_cutoff c USING plain p WHERE c.kind = p.kind AND c.subject = p.subject";
    if let Some(digest) = person.erased.first() {
        put_down(pool, digest).await?;
    }
    pool.execute(PLAIN, &[&&*person.user_id]).await
}

/// Behind the barrier. Whoever holds the table, such as a vacuum, has it to itself for a while: then nothing was written, and it is
/// tried again.
async fn put_down(pool: &Pool, digest: &str) -> StoreResult<()> {
    for left in (0..BARRIER_TRIES).rev() {
        let lease = pool.lease().await?;
        let client = lease.client()?;
        let done = pool.written(async { Ok(Box::pin(behind_barrier(client, digest)).await) });
        match done.await? {
            Ok(()) => {
                lease.give_back();
                break;
            }
            Err(error) if left > 0 && error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => {
                drop(lease);
                time::sleep(BARRIER_PAUSE).await;
            }
            Err(error) => return Err(pool.write_error(error)),
        }
    }
    Ok(())
}

/// The lock is a barrier: adoptions and attachments that began before the digest was there are over when it is granted, and
/// whichever begins later sees the digest. It is held for one small write.
async fn behind_barrier(client: &ClientWrapper, digest: &str) -> Result<(), PgError> {
    const BEGIN: &str = "\
        BEGIN; SET LOCAL lock_timeout = '100ms'; LOCK TABLE sidgate_legacy_cutoff IN SHARE ROW EXCLUSIVE MODE";
    // A trigger writes the cutoff.
    const DIGEST: &str = "\
        INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', $1) \
        ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
    let digested = client.prepare_cached(DIGEST).await?;
    client.batch_execute(BEGIN).await?;
    client.execute(&digested, &[&digest]).await?;
    client.batch_execute("COMMIT").await
}

/// The row with which one statement that writes answers.
async fn written(pool: &Pool, sql: &str, params: Params<'_>) -> StoreResult<Row> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let done = pool.written(async {
        let done = Box::pin(one(client, sql, params)).await;
        done.map_err(|error| pool.write_error(error))
    });
    let row = done.await?;
    lease.give_back();
    Ok(row)
}

async fn one(client: &ClientWrapper, sql: &str, params: Params<'_>) -> Result<Row, PgError> {
    let statement = client.prepare_cached(sql).await?;
    client.query_one(&statement, params).await
}

fn bytes(digests: &[LoginDigest]) -> Vec<&[u8]> {
    digests
        .iter()
        .map(|digest| &digest.as_bytes()[..])
        .collect()
}

fn count(row: &Row, name: &'static str) -> StoreResult<u64> {
    u64::try_from(column::<i64>(row, name)?).map_err(|_error| StoreError::Corrupt(name))
}
