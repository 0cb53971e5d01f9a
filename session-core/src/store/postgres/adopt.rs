//! Logins of the old system become sessions.
//!
//! Every transaction takes its locks in this order: mass revocations, the cutoffs of the user, within the group first,
//! credentials, sessions.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Error as PgError, Row};

use super::insert::duplicate_or;
use super::new_session::{Values, allowed, inserted};
use super::pool::{Params, Pool};
use super::row::{self, columns, mass_revoked, unended};
use crate::session::{Group, Text};
use crate::store::write::member;
use crate::store::{Adopted, Adoption, Attached, Attachment, ProvenRow, StoreError, StoreResult};

/// Credentials that were proved before a revocation of their user, tenant or everybody: `late`. They are stored as ended;
/// those that are known already stay as they are. `proven` has all, `latest` the times of those revocations.
macro_rules! late {
    ($key:literal) => {
        concat!(
            "late AS MATERIALIZED ( \
                SELECT p.key, p.number FROM proven p \
                WHERE 'epoch'::timestamptz + p.proved * interval '1 microsecond' < (SELECT max(at) FROM latest) \
            ), buried AS ( \
                INSERT INTO sidgate_legacy (legacy_key, session_key, ended_at) \
                SELECT key, ",
            $key,
            ", clock_timestamp() FROM late ORDER BY number ON CONFLICT DO NOTHING \
            )"
        )
    };
}

/// Stores credentials, if a condition holds: `claimed`, a row for each that was new. Waits for a transaction that is storing
/// one of them. All transactions store them in the order of their keys, so they cannot deadlock.
macro_rules! claimed {
    ($key:literal, $kept:literal, $condition:literal) => {
        concat!(
            "claimed AS ( \
                INSERT INTO sidgate_legacy (legacy_key, wrapped_sid, session_key, kept) \
                SELECT key, wrapped, ",
            $key,
            ", CASE number WHEN 1 THEN ",
            $kept,
            " END FROM proven WHERE ",
            $condition,
            " ORDER BY number ON CONFLICT DO NOTHING RETURNING 1 \
            )"
        )
    };
}

/// The cutoff rows of the user, within the group and in all, are made if they are missing, and locked to the end of the
/// transaction: there an adoption and a concurrent revocation wait for each other. Revocations of tenants and of everybody
/// have a number. If one of them commits meanwhile, the session is dead by its number (R8).
const ADOPT: &str = concat!(
    "WITH ",
    allowed!(),
    ", own AS ( \
        INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) \
        SELECT o.kind, o.subject, 'epoch' \
        FROM (VALUES ('member', $15::text || ':' || $3::text), ('user', $3::text)) AS o (kind, subject) \
        WHERE (SELECT yes FROM allowed) \
        ON CONFLICT (kind, subject) DO UPDATE SET at = c.at RETURNING at \
    ), latest AS ( \
        SELECT at FROM own UNION ALL SELECT at FROM sidgate_legacy_cutoff \
        WHERE EXISTS (SELECT FROM own) AND (kind = 'tenant' AND subject = $4 OR kind = 'all' AND subject = '' \
                                            OR kind = 'user' AND subject = ANY ($21::text[])) \
    ), proven AS MATERIALIZED ( \
        SELECT p.key, p.wrapped, p.proved, p.number FROM unnest($17::bytea[], $18::bytea[], $19::bigint[]) \
            WITH ORDINALITY AS p (key, wrapped, proved, number) \
    ), ",
    late!("$1::bytea"),
    ", ",
    claimed!(
        "$1::bytea",
        "$20::bytea",
        "(SELECT yes FROM allowed) AND NOT EXISTS (SELECT FROM late)"
    ),
    ", ",
    inserted!(
        "(SELECT yes FROM allowed) AND (SELECT count(*) FROM claimed) = cardinality($17::bytea[])"
    ),
    " SELECT allowed.yes AS allowed, EXISTS (SELECT FROM late) AS late, inserted.* \
      FROM allowed LEFT JOIN inserted ON true"
);

pub(super) async fn adopt(pool: &Pool, adoption: &Adoption) -> StoreResult<Adopted> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let adopted = pool.written(async {
        let adopted = Box::pin(adoption_flight(client, adoption)).await;
        adopted.map_err(|error| duplicate_or(pool, error))
    });
    let row = adopted.await?;
    // What was refused has been rolled back, so the connection can be used again.
    lease.give_back();
    match outcome(&row).map_err(|error| pool.write_error(error))? {
        Step::Refused => Err(StoreError::RevokedMeanwhile),
        Step::Known => Ok(Adopted::Known),
        Step::CutOff => Ok(Adopted::CutOff),
        Step::Stored => row::session(&row).map(Box::new).map(Adopted::Made),
    }
}

/// What the row of [`ADOPT`] says.
enum Step {
    /// The session may not be stored (R8).
    Refused,
    /// Some of the credentials may have been stored, and not all.
    Known,
    /// Only the ends of credentials were stored.
    CutOff,
    /// The session and its credentials were stored.
    Stored,
}

fn outcome(row: &Row) -> Result<Step, PgError> {
    if !row.try_get::<_, bool>("allowed")? {
        return Ok(Step::Refused);
    }
    if row.try_get::<_, bool>("late")? {
        return Ok(Step::CutOff);
    }
    let key: Option<&[u8]> = row.try_get("session_key")?;
    Ok(key.map_or(Step::Known, |_| Step::Stored))
}

async fn adoption_flight(client: &ClientWrapper, adoption: &Adoption) -> Result<Row, PgError> {
    let statement = client.prepare_cached(ADOPT).await?;
    let values = Values::of(&adoption.session);
    let Columns {
        keys,
        wrapped,
        proved,
    } = Columns::of(&adoption.rows);
    let kept = adoption.kept.as_deref();
    let erased = texts(&adoption.erased);
    let params = values.and(&[&keys, &wrapped, &proved, &kept, &erased]);
    let ((), row) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.query_one(&statement, &params),
    )?;
    let end = match outcome(&row)? {
        Step::CutOff | Step::Stored => "COMMIT",
        Step::Refused | Step::Known => "ROLLBACK",
    };
    client.batch_execute(end).await?;
    Ok(row)
}

/// Credentials, column by column.
struct Columns<'a> {
    keys: Vec<&'a [u8]>,
    wrapped: Vec<&'a [u8]>,
    proved: Vec<i64>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [ProvenRow]) -> Self {
        let keys = rows.iter().map(|row| row.row.key.as_bytes().as_slice());
        let wrapped = rows.iter().map(|row| row.row.wrapped_sid.as_slice());
        Self {
            keys: keys.collect(),
            wrapped: wrapped.collect(),
            proved: rows.iter().map(|row| row.proved.as_micros()).collect(),
        }
    }
}

pub(super) async fn attach(pool: &Pool, attachment: &Attachment) -> StoreResult<Attached> {
    let lease = pool.lease().await?;
    let client = lease.client()?;
    let attached = pool.written(async {
        let attached = Box::pin(attachment_flight(client, attachment)).await;
        attached.map_err(|error| pool.write_error(error))
    });
    let attached = attached.await?;
    lease.give_back();
    Ok(attached)
}

/// A statement of its own: the one after it sees what the wait for these rows was about.
const LOCK_CUTOFF: &str = "\
    INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES ('member', $2, 'epoch'), ('user', $1, 'epoch') \
    ON CONFLICT (kind, subject) DO UPDATE SET at = c.at";

/// The session is locked, so that it cannot end before its credentials are stored.
const ATTACH: &str = concat!(
    "WITH latest AS ( \
        SELECT at FROM sidgate_legacy_cutoff \
        WHERE kind = 'user' AND subject = $5 OR kind = 'tenant' AND subject = $6 OR kind = 'all' AND subject = '' \
           OR kind = 'member' AND subject = $7 OR kind = 'user' AND subject = ANY ($8::text[]) \
    ), proven AS MATERIALIZED ( \
        SELECT p.key, p.wrapped, p.proved, p.number FROM unnest($1::bytea[], $2::bytea[], $3::bigint[]) \
            WITH ORDINALITY AS p (key, wrapped, proved, number) \
    ), ",
    late!("$4::bytea"),
    ", lives AS MATERIALIZED ( \
        SELECT FROM sidgate_session s WHERE s.session_key = $4 AND NOT EXISTS (SELECT FROM late) AND ",
    unended!(),
    " FOR SHARE \
    ), ",
    claimed!("$4::bytea", "NULL::bytea", "EXISTS (SELECT FROM lives)"),
    " SELECT EXISTS (SELECT FROM late) AS late, \
        (SELECT count(*) FROM claimed) = cardinality($1::bytea[]) AS done"
);

async fn attachment_flight(
    client: &ClientWrapper,
    attachment: &Attachment,
) -> Result<Attached, PgError> {
    let lock = client.prepare_cached(LOCK_CUTOFF).await?;
    let statement = client.prepare_cached(ATTACH).await?;
    let Columns {
        keys,
        wrapped,
        proved,
    } = Columns::of(&attachment.rows);
    let key = attachment.session_key.as_bytes().as_slice();
    let (user, tenant) = (&*attachment.user_id, attachment.tenant_id.as_deref());
    let member = member(&attachment.group, user);
    let erased = texts(&attachment.erased);
    let params: Params<'_> = &[
        &keys, &wrapped, &proved, &key, &user, &tenant, &member, &erased,
    ];
    let user: Params<'_> = &[&user, &member];
    let ((), _locked, row) = tokio::try_join!(
        biased;
        client.batch_execute("BEGIN"),
        client.execute(&lock, user),
        client.query_one(&statement, params),
    )?;
    let (late, done): (bool, bool) = (row.try_get("late")?, row.try_get("done")?);
    let (outcome, end) = match (late, done) {
        (true, _) => (Attached::CutOff, "COMMIT"),
        (false, true) => (Attached::Done, "COMMIT"),
        (false, false) => (Attached::Changed, "ROLLBACK"),
    };
    client.batch_execute(end).await?;
    Ok(outcome)
}

fn texts(of: &[Text]) -> Vec<&str> {
    of.iter().map(|text| &**text).collect()
}

/// Ends old logins that have not become sessions yet: of what [`owner`] answers with.
pub(super) const CUT_OFF: &str = "\
    INSERT INTO sidgate_legacy_cutoff AS c (kind, subject, at) VALUES ($1, $2, clock_timestamp()) \
    ON CONFLICT (kind, subject) DO UPDATE SET at = GREATEST(c.at, EXCLUDED.at)";

/// Kind and subject of the revocations of a user, within a group or in all.
pub(super) fn owner(user_id: &str, group: Option<&Group>) -> (&'static str, String) {
    match group {
        Some(group) => ("member", member(group, user_id)),
        None => ("user", user_id.to_owned()),
    }
}

pub(super) async fn cut_off(pool: &Pool, user_id: &str, group: &Group) -> StoreResult<()> {
    let (kind, subject) = owner(user_id, Some(group));
    pool.execute(CUT_OFF, &[&kind, &subject]).await.map(drop)
}
