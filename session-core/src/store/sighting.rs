//! What the store keeps of where sessions are used: one row for each change of context, for a limited time.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreResult;
use super::declare::store_trait;
use crate::clock::Timestamp;
use crate::session::{RiskRule, Text};

/// A session was used in another context than before: another network, or other client software.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// Handle of the session.
    pub session: Uuid,
    /// Whose it is.
    pub user_id: Text,
    /// Of which tenant.
    pub tenant_id: Option<Text>,
    /// When it was first seen in this context, by the clock of the node.
    pub at: Timestamp,
    /// When it was last seen in the context before, as far as the node knows.
    pub left_at: Option<Timestamp>,
    /// First address of the /24, or of the /64.
    pub network: IpAddr,
    /// Kind of client software, without its version; at most 100 characters.
    pub family: Text,
    /// ISO code, where a database of places knows it.
    pub country: Option<Text>,
    /// Number of the network's owner.
    pub asn: Option<u32>,
    /// Latitude and longitude in degrees, rounded.
    pub location: Option<(f64, f64)>,
    /// Which rules it broke when it was seen.
    pub signals: Vec<RiskRule>,
}

/// A page of sightings, and where the next one begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Sightings {
    /// In the order of their times.
    pub seen: Vec<Sighting>,
    /// Behind the last one; `None` when there is no more.
    pub next: Option<Cursor>,
}

/// Between two sightings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub(super) at: Timestamp,
    pub(super) id: i64,
}

impl Cursor {
    /// Before everything seen at `at` or later.
    #[must_use]
    pub const fn before(at: Timestamp) -> Self {
        Self { at, id: 0 }
    }
}

/// A rule that a session broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Handle of the session.
    pub session: Uuid,
    /// When.
    pub at: Timestamp,
    /// Which rule.
    pub rule: RiskRule,
}

store_trait! { ($) each_sighting_method

/// Sightings of sessions. A part of [`super::SessionStore`].
pub trait SightingStore {
    /// Adds a sighting. Only risk rules use it, so it writes no event and needs no session.
    async fn sight(&self, seen: &Sighting) -> StoreResult<()>;

    /// The last `limit` of a session, oldest first.
    async fn sightings_of(&self, session: Uuid, limit: usize) -> StoreResult<Vec<Sighting>>;

    /// The rules that these sessions broke, at most `limit` sightings, newest first.
    async fn flags(&self, sessions: &[Uuid], limit: usize) -> StoreResult<Vec<Flag>>;

    /// At most `limit` sightings of all sessions behind `from`. For operators: it may take longer than a request.
    async fn sightings_from(&self, from: Cursor, limit: usize) -> StoreResult<Sightings>;

    /// Forgets at most `batch` of those older than `kept`.
    async fn forget_sightings(&self, kept: Duration, batch: usize) -> StoreResult<u64>;
}
}

/// The rules as one text.
pub(super) fn written(signals: &[RiskRule]) -> String {
    let names: Vec<&str> = signals.iter().map(|rule| rule.as_str()).collect();
    names.join(",")
}

/// The rules in such a text. One that this version does not know is left out.
pub(super) fn rules(text: &str) -> Vec<RiskRule> {
    text.split(',')
        .filter_map(|name| name.parse().ok())
        .collect()
}

/// What a page says about the next one.
pub(super) fn page(rows: Vec<(i64, Sighting)>, limit: usize) -> Sightings {
    let next = rows.last().filter(|_| rows.len() >= limit);
    Sightings {
        next: next.map(|(id, seen)| Cursor {
            at: seen.at,
            id: *id,
        }),
        seen: rows.into_iter().map(|(_, seen)| seen).collect(),
    }
}

/// The flags of one row.
pub(super) fn flags(session: Uuid, at: Timestamp, signals: &str) -> Vec<Flag> {
    rules(signals)
        .into_iter()
        .map(|rule| Flag { session, at, rule })
        .collect()
}
