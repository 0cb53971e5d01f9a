//! What is held of one person.

use tokio_rusqlite::rusqlite::{Connection, Params, Row, named_params};

use super::SqliteStore;
use super::adopt::stamp_cutoffs;
use super::lane::store_error;
use super::row::{self, column, columns, mass_revoked};
use super::sighting::{bigint, columns as sighting_columns, sighting};
use super::statement::{execute, rows};
use super::writer::Done;
use crate::clock::SharedClock;
use crate::session::Text;
use crate::store::person::next_part;
use crate::store::prelude::*;
use crate::store::{CutoffOf, RevocationOf};

#[async_trait]
impl PersonStore for SqliteStore {
    async fn sessions_of(
        &self,
        user_id: &str,
        after: Option<Uuid>,
        limit: usize,
    ) -> StoreResult<Vec<StoredSession>> {
        let user_id = user_id.to_owned();
        self.operators
            .call(move |connection| sessions(connection, &user_id, after, limit))
            .await
    }

    async fn sightings_of_user(
        &self,
        user_id: &str,
        from: i64,
        scan: usize,
    ) -> StoreResult<SightingsOf> {
        let user_id = user_id.to_owned();
        self.operators
            .call(move |connection| sightings(connection, &user_id, from, scan))
            .await
    }

    async fn traces(&self, person: &Person) -> StoreResult<Traces> {
        let (clock, person) = (SharedClock::clone(&self.clock), person.clone());
        self.operators
            .call(move |connection| traces(connection, clock.wall(), &person))
            .await
    }

    async fn erase_sessions(
        &self,
        user_id: &str,
        before: Seq,
        batch: usize,
    ) -> StoreResult<ErasedSessions> {
        let user_id = user_id.to_owned();
        self.writer
            .call(move |connection| erase_sessions(connection, &user_id, before, batch))
            .await
    }

    async fn erase_sightings(&self, user_id: &str, from: i64, scan: usize) -> StoreResult<Swept> {
        let user_id = user_id.to_owned();
        self.writer
            .call(move |connection| erase_sightings(connection, &user_id, from, scan))
            .await
    }

    async fn erase_logins(&self, owners: &[LoginDigest]) -> StoreResult<u64> {
        let owners = owners.to_vec();
        self.writer
            .call(move |connection| erase_logins(connection, &owners))
            .await
    }

    async fn hide_cutoffs(&self, person: &Person) -> StoreResult<u64> {
        let (clock, person) = (SharedClock::clone(&self.clock), person.clone());
        self.writer
            .call(move |connection| hide_cutoffs(connection, clock.wall(), &person))
            .await
    }
}

fn sessions(
    connection: &Connection,
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
         WHERE s.user_id = :user AND (:after IS NULL OR s.id > :after) ORDER BY s.id LIMIT :limit"
    );
    let params = named_params! {
        ":user": user_id,
        ":after": after.map(|id| id.to_string()),
        ":limit": bigint(limit),
    };
    rows(connection, SQL, params, row::stored_session)
}

fn sightings(
    connection: &Connection,
    user_id: &str,
    from: i64,
    scan: usize,
) -> StoreResult<SightingsOf> {
    const SQL: &str = concat!(
        "SELECT ",
        sighting_columns!(),
        " FROM sidgate_activity WHERE id > :from AND id <= :last AND user_id = :user ORDER BY id"
    );
    let part = Part::behind(connection, from, scan)?;
    let params = named_params! {":from": from, ":last": part.last, ":user": user_id};
    Ok(SightingsOf {
        seen: rows(connection, SQL, params, |row| {
            sighting(row).map(|(_, seen)| seen)
        })?,
        next: part.next,
    })
}

/// A part of the table of sightings.
struct Part {
    /// Its last row.
    last: Option<i64>,
    /// Where the next one begins.
    next: Option<i64>,
}

impl Part {
    fn behind(connection: &Connection, from: i64, scan: usize) -> StoreResult<Self> {
        const SQL: &str = "\
            SELECT max(id) AS last, count(*) AS scanned \
            FROM (SELECT id FROM sidgate_activity WHERE id > :from ORDER BY id LIMIT :scan)";
        let scan = scan.max(1);
        let params = named_params! {":from": from, ":scan": bigint(scan)};
        one(connection, SQL, params, |row| {
            let last = column(row, "last")?;
            Ok(Self {
                last,
                next: next_part(last, count(row, "scanned")?, scan),
            })
        })
    }
}

fn traces(connection: &Connection, now: Timestamp, person: &Person) -> StoreResult<Traces> {
    const REVOCATIONS: &str = "\
        SELECT NULL AS of_group, seq FROM sidgate_revocation WHERE kind = 'user' AND subject = :user \
        UNION ALL SELECT substr(subject, 1, instr(subject, ':') - 1), seq FROM sidgate_revocation \
        WHERE kind = 'member' AND substr(subject, instr(subject, ':') + 1) = :user ORDER BY seq";
    const EVENTS: &str = "SELECT at FROM sidgate_event WHERE user_id = :user ORDER BY seq";
    const CUTOFFS: &str = "\
        SELECT NULL AS of_group, at, 0 AS is_digest FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = :user \
        UNION ALL SELECT NULL, at, 1 FROM sidgate_legacy_cutoff \
        WHERE kind = 'user' AND subject IN (SELECT value FROM json_each(:erased)) \
        UNION ALL SELECT substr(subject, 1, instr(subject, ':') - 1), at, 0 FROM sidgate_legacy_cutoff \
        WHERE kind = 'member' AND substr(subject, instr(subject, ':') + 1) = :user ORDER BY at";
    let user = named_params! {":user": &*person.user_id};
    let erased = serde_json::to_string(&person.erased).map_err(StoreError::unavailable)?;
    let cutoffs = named_params! {":user": &*person.user_id, ":erased": erased};
    let stamp = |row: &Row<'_>, name| column(row, name).map(Timestamp::from_micros);
    let group = |row: &Row<'_>| {
        let group = column::<Option<String>>(row, "of_group");
        group.map(|group| group.map(Text::from))
    };
    Ok(Traces {
        now,
        networks: networks(connection, &person.owners)?,
        revocations: rows(connection, REVOCATIONS, user, |row| {
            Ok(RevocationOf {
                group: group(row)?,
                seq: column(row, "seq")?,
            })
        })?,
        events: rows(connection, EVENTS, user, |row| stamp(row, "at"))?,
        cutoffs: rows(connection, CUTOFFS, cutoffs, |row| {
            // A time that is not set yet is set by the next housekeeping.
            let at: Option<i64> = column(row, "at")?;
            Ok(CutoffOf {
                group: group(row)?,
                at: at.map_or(now, Timestamp::from_micros),
                is_digest: column(row, "is_digest")?,
            })
        })?,
        ..counts(connection, user)?
    })
}

fn counts(connection: &Connection, user: impl Params) -> StoreResult<Traces> {
    const SQL: &str = "\
        SELECT count(l.legacy_key) AS logins, count(l.kept) AS cookies, \
            (SELECT count(*) FROM sidgate_session s JOIN sidgate_former_key f ON f.successor = s.session_key \
             WHERE s.user_id = :user) AS former_keys \
        FROM sidgate_session s JOIN sidgate_legacy l ON l.session_key = s.session_key WHERE s.user_id = :user";
    one(connection, SQL, user, |row| {
        Ok(Traces {
            former_keys: count(row, "former_keys")?,
            old_logins: count(row, "logins")?,
            kept_cookies: count(row, "cookies")?,
            ..Traces::default()
        })
    })
}

fn networks(connection: &Connection, owners: &[LoginDigest]) -> StoreResult<Vec<Timestamp>> {
    const SQL: &str =
        "SELECT seen_at FROM sidgate_login_network WHERE owner = :owner ORDER BY seen_at";
    let mut seen = Vec::new();
    for owner in owners {
        let params = named_params! {":owner": &owner.as_bytes()[..]};
        seen.extend(rows(connection, SQL, params, |row| {
            column(row, "seen_at").map(Timestamp::from_micros)
        })?);
    }
    Ok(seen)
}

/// What hangs on the sessions goes first. A trigger puts the ends of old logins down and removes the cookies that were kept.
fn erase_sessions(
    connection: &Connection,
    user_id: &str,
    before: Seq,
    batch: usize,
) -> StoreResult<Done<ErasedSessions>> {
    macro_rules! gone {
        () => {
            "(SELECT session_key FROM sidgate_session WHERE user_id = :user AND created_seq < :before \
              ORDER BY session_key LIMIT :batch)"
        };
    }
    const OLD: &str = concat!(
        "SELECT count(*) AS logins, count(kept) AS cookies FROM sidgate_legacy WHERE session_key IN ",
        gone!()
    );
    const FORMER: &str = concat!(
        "DELETE FROM sidgate_former_key WHERE successor IN ",
        gone!()
    );
    const SESSIONS: &str = concat!("DELETE FROM sidgate_session WHERE session_key IN ", gone!());
    overwrite(connection)?;
    let params =
        named_params! {":user": user_id, ":before": before, ":batch": bigint(batch.max(1))};
    let (old_logins, kept_cookies) = one(connection, OLD, params, |row| {
        Ok((count(row, "logins")?, count(row, "cookies")?))
    })?;
    Ok(Done::Keep(ErasedSessions {
        old_logins,
        kept_cookies,
        former_keys: execute(connection, FORMER, params)?,
        sessions: execute(connection, SESSIONS, params)?,
    }))
}

fn erase_sightings(
    connection: &Connection,
    user_id: &str,
    from: i64,
    scan: usize,
) -> StoreResult<Done<Swept>> {
    const SQL: &str =
        "DELETE FROM sidgate_activity WHERE id > :from AND id <= :last AND user_id = :user";
    overwrite(connection)?;
    let part = Part::behind(connection, from, scan)?;
    let params = named_params! {":from": from, ":last": part.last, ":user": user_id};
    Ok(Done::Keep(Swept {
        removed: execute(connection, SQL, params)?,
        next: part.next,
    }))
}

fn erase_logins(connection: &Connection, owners: &[LoginDigest]) -> StoreResult<Done<u64>> {
    const SQL: &str = "DELETE FROM sidgate_login_network WHERE owner = :owner";
    overwrite(connection)?;
    let mut removed = 0;
    for owner in owners {
        removed += execute(connection, SQL, &[(":owner", &&owner.as_bytes()[..])])?;
    }
    Ok(Done::Keep(removed))
}

/// A trigger writes the cutoff of the digest.
fn hide_cutoffs(
    connection: &Connection,
    now: Timestamp,
    person: &Person,
) -> StoreResult<Done<u64>> {
    const DIGEST: &str = "\
        INSERT INTO sidgate_revocation (kind, subject) VALUES ('user', :digest) \
        ON CONFLICT (kind, subject) DO UPDATE SET seq = NULL";
    const PLAIN: &str = "\
        DELETE FROM sidgate_legacy_cutoff WHERE kind = 'user' AND subject = :user \
            OR kind = 'member' AND substr(subject, instr(subject, ':') + 1) = :user";
    overwrite(connection)?;
    if let Some(digest) = person.erased.first() {
        execute(connection, DIGEST, &[(":digest", &**digest)])?;
        stamp_cutoffs(connection, now.as_micros())?;
    }
    execute(connection, PLAIN, &[(":user", &*person.user_id)]).map(Done::Keep)
}

/// From now on this connection overwrites what it removes with zeros, where SQLite would leave it in the file.
fn overwrite(connection: &Connection) -> StoreResult<()> {
    let done = connection.pragma_update(None, "secure_delete", true);
    done.map_err(store_error)
}

/// The one row of a statement that always answers with one.
fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    map: impl Fn(&Row<'_>) -> StoreResult<T>,
) -> StoreResult<T> {
    let mut found = rows(connection, sql, params, map)?;
    found.pop().ok_or(StoreError::Corrupt("count"))
}

fn count(row: &Row<'_>, name: &'static str) -> StoreResult<u64> {
    u64::try_from(column::<i64>(row, name)?).map_err(|_error| StoreError::Corrupt(name))
}
