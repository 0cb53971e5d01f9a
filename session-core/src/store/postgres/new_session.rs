//! The part that all statements share which make a session: whether it may be stored, and its row.
//!
//! Such a statement is a chain of CTEs in which each step asks whether the one before it said yes. So it takes its locks in
//! the order of the chain, and one that is refused writes nothing. Its snapshot is older than what it waits for: rows that
//! it locks are looked at again in their newest state, and a mass revocation that the snapshot does not show has a number
//! above the sample.

use std::net::IpAddr;

use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::row::{columns, current_key, micros};
use crate::clock::Timestamp;
use crate::session::NewSession;

/// Whether the session may be stored (R8): `allowed.yes`.
///
/// - No mass revocation of its user, also within its group, of its tenant or of everybody may be newer than its sample. FOR
///   SHARE waits for one that is being committed. One that begins later gets a number above the sample, so the session is dead when it appears.
/// - A sample above the head comes from a history that is lost. Its number cannot be compared with those of this history.
/// - The session that is being rotated must be alive and unchanged. It is locked, so that it cannot end before its
///   successor is stored.
macro_rules! allowed {
    () => {
        "newer AS MATERIALIZED ( \
            SELECT seq IS NULL OR seq > $12 AS newer FROM sidgate_revocation \
            WHERE kind = 'user' AND subject = $3 OR kind = 'tenant' AND subject = $4 OR kind = 'all' AND subject = '' \
               OR kind = 'member' AND subject = $15::text || ':' || $3::text \
            FOR SHARE \
        ), predecessor AS MATERIALIZED ( \
            SELECT FROM sidgate_session WHERE session_key = $13 AND version = $14 AND revoked_at IS NULL \
            FOR NO KEY UPDATE \
        ), allowed AS MATERIALIZED ( \
            SELECT NOT EXISTS (SELECT FROM newer WHERE newer) AND $12 <= (SELECT seq FROM sidgate_clock) \
                AND ($13::bytea IS NULL OR EXISTS (SELECT FROM predecessor)) AS yes \
        )"
    };
}

/// The row, if a condition holds: `inserted`, with `columns!()`.
macro_rules! inserted {
    ($condition:literal) => {
        concat!(
            "inserted AS ( \
                INSERT INTO sidgate_session AS s (session_key, id, user_id, tenant_id, identity, ip, user_agent, \
                    created_at, auth_time, last_activity, expires_at, idle_seconds, ref, created_seq, session_group, site) \
                SELECT $1::bytea, $2::uuid, $3::text, $4::text, $5::text::jsonb, $6::inet, $7::text, \
                    t.now, coalesce('epoch'::timestamptz + $8::bigint * interval '1 microsecond', t.now), t.now, \
                    t.now + $9::bigint * interval '1 microsecond', $10::integer, $11::text, $12::bigint, \
                    $15::text, $16::text \
                FROM (SELECT clock_timestamp() AS now) t WHERE ",
            $condition,
            " RETURNING ",
            columns!(),
            ")"
        )
    };
}

/// The session that ends in exchange: `replaced.id`. Its key, `$17`, may be a former one.
macro_rules! replaced {
    () => {
        concat!(
            "replaced AS MATERIALIZED ( \
                SELECT id FROM sidgate_session WHERE $17::bytea IS NOT NULL AND session_key = ",
            current_key!("$17"),
            ")"
        )
    };
}

/// Ends [`replaced`] if there is a new session.
macro_rules! ended {
    () => {
        "ended AS ( \
            UPDATE sidgate_session SET revoked_at = clock_timestamp(), revoke_reason = 'replaced' \
            WHERE id = (SELECT id FROM replaced) AND revoked_at IS NULL AND EXISTS (SELECT FROM inserted) \
        )"
    };
}

pub(super) use {allowed, ended, inserted, replaced};

/// Stores the session and ends the one that it replaces, `$17`. No row when it may not be stored.
pub(super) const STORE: &str = concat!(
    "WITH ",
    allowed!(),
    ", ",
    replaced!(),
    ", ",
    inserted!("(SELECT yes FROM allowed)"),
    ", ",
    ended!(),
    " SELECT * FROM inserted"
);

/// What came of it.
pub(super) enum Stored {
    /// The row.
    Row(Row),
    /// It may not be stored (R8).
    Revoked,
    /// The user has this many sessions, and may not have another one.
    Full(u64),
}

/// Values of the parameters `$1` to `$16`.
pub(super) struct Values<'a> {
    key: &'a [u8],
    id: Uuid,
    user: &'a str,
    tenant: Option<&'a str>,
    identity: &'a str,
    ip: Option<IpAddr>,
    user_agent: &'a str,
    auth_time: Option<i64>,
    ttl: i64,
    idle: i32,
    references: Option<&'a str>,
    sampled: i64,
    predecessor: Option<&'a [u8]>,
    version: Option<i64>,
    group: &'a str,
    site: &'a str,
}

impl<'a> Values<'a> {
    pub(super) fn of(new: &'a NewSession) -> Self {
        let predecessor = new.origin.predecessor();
        let idle = new.idle.as_secs() + u64::from(new.idle.subsec_nanos() > 0);
        Self {
            key: new.key.as_bytes().as_slice(),
            id: new.id,
            user: new.identity.user_id(),
            tenant: new.identity.tenant_id(),
            identity: new.identity.as_json(),
            ip: new.ip,
            user_agent: &new.user_agent,
            auth_time: new.origin.auth_time().map(Timestamp::as_micros),
            ttl: micros(new.ttl),
            idle: i32::try_from(idle).unwrap_or(i32::MAX),
            references: new.references.as_stored(),
            sampled: new.sampled,
            predecessor: predecessor.map(|(key, _)| key.as_bytes().as_slice()),
            version: predecessor.map(|(_, version)| version),
            group: new.group.name(),
            site: new.site.as_str(),
        }
    }

    /// With what else the statement asks for.
    pub(super) fn and<'p>(
        &'p self,
        more: &[&'p (dyn ToSql + Sync)],
    ) -> Vec<&'p (dyn ToSql + Sync)> {
        let own: [&(dyn ToSql + Sync); 16] = [
            &self.key,
            &self.id,
            &self.user,
            &self.tenant,
            &self.identity,
            &self.ip,
            &self.user_agent,
            &self.auth_time,
            &self.ttl,
            &self.idle,
            &self.references,
            &self.sampled,
            &self.predecessor,
            &self.version,
            &self.group,
            &self.site,
        ];
        own.into_iter().chain(more.iter().copied()).collect()
    }
}
