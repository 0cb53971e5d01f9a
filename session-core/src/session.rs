//! What a session is: whose it is, since when, until when. Pure; no I/O and no clock.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::sid::SessionKey;

mod identity;
mod owner;
mod reason;
mod reference;
mod refused;
mod risk;
mod site;

pub use identity::{ID_MAX, IDENTITY_MAX, Identity, IdentityPatch, REFERENCE_MAX, Text, is_id};
pub use owner::Owner;
pub use reason::RevokeReason;
pub use reference::{Reference, References};
pub use refused::{MemberRefused, MemberRule, WhyRefused, check_members};
pub use risk::RiskRule;
pub use site::{BadSite, SiteName};

pub use crate::sid::{BadGroup, Group, Groups};

/// Number of a committed event of authority. Dense, in commit order, starting with 1; 0 means "before all of them".
pub type Seq = i64;

/// One session, as the store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// Primary key in every tier.
    pub key: SessionKey,
    /// Public handle: what people and logs see.
    pub id: Uuid,
    /// The group of sites on which it is a session. Never changes.
    pub group: Group,
    /// The site where it was made.
    pub site: SiteName,
    /// Whose session it is.
    pub identity: Identity,
    /// Client address at login.
    pub ip: Option<IpAddr>,
    /// Client software at login, at most [`USER_AGENT_MAX`] bytes. Many sessions may share one copy of the text.
    pub user_agent: Arc<str>,
    /// When the session was made.
    pub created_at: Timestamp,
    /// When the user last proved who they are.
    pub auth_time: Timestamp,
    /// Last request seen, to within the batching interval.
    pub last_activity: Timestamp,
    /// Absolute end; the session is dead at this very instant.
    pub expires_at: Timestamp,
    /// Ends after this long without a request. Zero: never.
    pub idle: Duration,
    /// When and why it was ended, if it was.
    pub revoked: Option<(Timestamp, RevokeReason)>,
    /// References of apps, usually the keys of their own sessions.
    pub references: References,
    /// The head that was sampled before the credentials were checked.
    pub created_seq: Seq,
    /// Grows by one with each update.
    pub version: i64,
    /// When it got its present sid, if that is not its first one.
    pub renewed_at: Option<Timestamp>,
}

/// Longest user agent that is kept, in bytes.
pub const USER_AGENT_MAX: usize = 256;

/// Why a session that exists does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dead {
    /// It was revoked: alone, for this reason, or by a mass revocation of its user, its tenant or everybody (`None`).
    Revoked(Option<RevokeReason>),
    /// Its absolute end has come.
    Expired,
    /// It was not used within its idle limit.
    Idle,
    /// It may live, but its sid was renewed, and this former sid is no longer accepted.
    Renewed,
}

impl Session {
    /// Whether the session counts at `now`, given the newest mass revocation that names it.
    ///
    /// # Errors
    /// Why it does not.
    pub fn verdict(&self, now: Timestamp, mass_revoked: Option<Seq>) -> Result<(), Dead> {
        if let Some((_, reason)) = self.revoked {
            return Err(Dead::Revoked(Some(reason)));
        }
        if mass_revoked.is_some_and(|seq| self.created_seq < seq) {
            return Err(Dead::Revoked(None));
        }
        if now >= self.expires_at {
            return Err(Dead::Expired);
        }
        if self
            .idle_until(self.last_activity)
            .is_some_and(|end| now >= end)
        {
            return Err(Dead::Idle);
        }
        Ok(())
    }

    /// Since when it has its present sid.
    #[must_use]
    pub fn sid_since(&self) -> Timestamp {
        self.renewed_at.unwrap_or(self.created_at)
    }

    /// Its texts that many sessions have alike, for whoever keeps one copy of each.
    pub(crate) fn common_texts(&mut self) -> impl Iterator<Item = &mut Arc<str>> {
        let names = [self.group.text_mut(), self.site.text_mut()];
        std::iter::once(&mut self.user_agent).chain(names.into_iter().flatten())
    }

    /// When the session ends if it is not used after `last_activity`.
    #[must_use]
    pub fn idle_until(&self, last_activity: Timestamp) -> Option<Timestamp> {
        (!self.idle.is_zero()).then(|| last_activity.plus(self.idle))
    }
}

/// A session about to be stored. The store stamps `created_at`, `last_activity` and `expires_at` with its own clock.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Primary key in every tier.
    pub key: SessionKey,
    /// Public handle.
    pub id: Uuid,
    /// See [`Session::group`]. The sid must have been made for it.
    pub group: Group,
    /// The site where it is made.
    pub site: SiteName,
    /// Whose session it is.
    pub identity: Identity,
    /// Client address.
    pub ip: Option<IpAddr>,
    /// Client software, already cut to [`USER_AGENT_MAX`].
    pub user_agent: Box<str>,
    /// Absolute life.
    pub ttl: Duration,
    /// Idle limit; zero: none.
    pub idle: Duration,
    /// See [`Session::references`].
    pub references: References,
    /// Head sampled before the credentials were checked (DESIGN 5, R8).
    pub sampled: Seq,
    /// How it comes about, and what it replaces.
    pub origin: Origin,
    /// How many sessions its user may have in its group; `None`: any number.
    pub limit: Option<SessionLimit>,
}

/// How many sessions a user may have in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimit {
    /// That many, the new one included.
    pub max: NonZeroU32,
    /// What happens when there are more.
    pub over: OverLimit,
}

/// What a login above the limit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverLimit {
    /// It ends the session whose login is the longest ago.
    EvictOldest,
    /// It fails.
    Deny,
}

/// How a session comes about. Whatever it takes the place of ends in the same transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The user has just proved who they are.
    Login {
        /// The session that the same browser had before, dead or alive.
        replaces: Option<SessionKey>,
    },
    /// A login of the old system becomes a session. The user has not proved again who they are.
    Adoption {
        /// When the user proved who they are (1970 if unknown).
        proved: Timestamp,
    },
    /// A session gets a new sid. The old one must still be alive when the new one is stored: a successor must not outlive
    /// the revocation of its predecessor.
    Rotation {
        /// The old session.
        of: SessionKey,
        /// The version of it that was read: a change made meanwhile must not be lost.
        version: i64,
        /// When the user proved who they are.
        auth_time: Timestamp,
    },
}

impl Origin {
    /// The session that ends.
    #[must_use]
    pub const fn replaces(&self) -> Option<&SessionKey> {
        match self {
            Self::Login { replaces } => replaces.as_ref(),
            Self::Adoption { .. } => None,
            Self::Rotation { of, .. } => Some(of),
        }
    }

    /// The session that must be alive, in this version.
    #[must_use]
    pub const fn predecessor(&self) -> Option<(&SessionKey, i64)> {
        match self {
            Self::Login { .. } | Self::Adoption { .. } => None,
            Self::Rotation { of, version, .. } => Some((of, *version)),
        }
    }

    /// When the user proved who they are; `None`: just now.
    #[must_use]
    pub const fn auth_time(&self) -> Option<Timestamp> {
        match self {
            Self::Login { .. } => None,
            Self::Adoption { proved } => Some(*proved),
            Self::Rotation { auth_time, .. } => Some(*auth_time),
        }
    }
}

/// Cuts a client-supplied user agent to what is kept, at a character boundary and without control characters.
#[must_use]
pub fn clip_user_agent(raw: &str) -> Box<str> {
    let mut kept = String::with_capacity(raw.len().min(USER_AGENT_MAX));
    for c in raw.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > USER_AGENT_MAX {
            break;
        }
        kept.push(c);
    }
    kept.into_boxed_str()
}

#[cfg(test)]
mod tests;
