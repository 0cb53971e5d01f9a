//! One line for each thing that an investigator will ask about: who, against whom, from where, why (ASVS 16.3).
//!
//! Accounts appear as a digest under a key of this installation, so that lines about one account can be found together
//! and a list of names cannot be tried against them. No sid, cookie, password or header value is ever in a line.

use std::fmt;
use std::net::IpAddr;

use session_core::keys::Keyring;
use session_core::service::Receipt;
use session_core::session::{Owner, Session};
use session_core::store::Scope;
use tracing::info;
use uuid::Uuid;

use sidgate_policy::auth::account::Account;

use super::flood::{self, Flood};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody logged in.
    Login,
    /// A login at one site became the cookie of another one.
    HandedOver,
    /// A login failed.
    LoginFailed,
    /// Somebody tried too often.
    LoginLimited,
    /// A session was ended by its user.
    Logout,
    /// Sessions were ended by their user from another one, or by an operator.
    Revoked,
    /// What the database held of a user was removed.
    Erased,
    /// An operator asked for something, whatever came of it.
    Admin,
    /// A drill had this node do something, or was run by somebody.
    Drill,
    /// Somebody without permission asked for the admin API.
    AdminRefused,
    /// A login of the old system became a session, or was refused.
    Migration,
    /// An app changed what is said of a session's user.
    Updated,
    /// An app asked for an event that it may not send. The event had no effect.
    EventRefused,
    /// A session got another sid.
    Rotated,
    /// A sid was used that the session has not had for a while: by a thief, or by a browser that never got the new one.
    FormerSid,
    /// A session's time was over; written when its browser comes again.
    Expired,
    /// A session gave way to a login elsewhere; written when its browser comes again.
    Evicted,
    /// A request of another site was refused.
    CrossSite,
    /// A client sent names that only the gateway may write.
    Spoof,
    /// A request was refused at the edge.
    Refused,
    /// Too many sids of one client were no sessions.
    UnknownSids,
    /// A session or a client broke a rule about suspicious activity.
    Risk,
    /// There were more events of one kind than are written.
    LeftOut,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::HandedOver => "handed_over",
            Self::LoginFailed => "login_failed",
            Self::LoginLimited => "login_limited",
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::Erased => "erased",
            Self::Admin => "admin",
            Self::Drill => "drill",
            Self::AdminRefused => "admin_refused",
            Self::Migration => "migration",
            Self::Updated => "updated",
            Self::EventRefused => "event_refused",
            Self::Rotated => "rotated",
            Self::FormerSid => "former_sid",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::CrossSite => "cross_site",
            Self::Spoof => "spoof",
            Self::Refused => "refused",
            Self::UnknownSids => "unknown_sids",
            Self::Risk => "risk_signal",
            Self::LeftOut => "left_out",
        }
    }

    /// The kinds that anybody can cause, as often as they like and without proving anything.
    const fn flood(self) -> Option<Flood> {
        Some(match self {
            Self::AdminRefused => Flood::AdminRefused,
            Self::CrossSite => Flood::CrossSite,
            Self::Spoof => Flood::Spoof,
            Self::Refused => Flood::Refused,
            Self::UnknownSids => Flood::UnknownSids,
            _ => return None,
        })
    }
}

/// Who did it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Actor<'a> {
    /// Somebody who has not proved who they are.
    #[default]
    Client,
    /// A user, by id.
    User(&'a str),
    /// An operator with the admin listener's token.
    Token,
    /// Somebody on the gateway's machine, by the admin listener without a token.
    Local,
    /// Whoever runs the command line, by the number that the system knows them by.
    Shell(u32),
    /// The gateway itself, by its rules.
    Gateway,
    /// Somebody who changed the store without a gateway: by SQL, or an app that writes to the tables.
    Outside,
}

impl fmt::Display for Actor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client => f.write_str("client"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Token => f.write_str("token"),
            Self::Local => f.write_str("local"),
            Self::Shell(uid) => write!(f, "shell:{uid}"),
            Self::Gateway => f.write_str("gateway"),
            Self::Outside => f.write_str("outside"),
        }
    }
}

/// What is known about it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// `X-Request-Id`; `None` when no request was behind it.
    pub request_id: Option<&'a str>,
    /// Who did it.
    pub actor: Actor<'a>,
    /// The app whose answer asked for it, where one did.
    pub app: Option<&'a str>,
    /// Handle of the session that did it, if that is not the session that it is about.
    pub acting: Option<Uuid>,
    /// Handle of the session that it is about.
    pub session: Option<Uuid>,
    /// Id of the user whose sessions it is about.
    pub user: Option<&'a str>,
    /// Tenant whose sessions it is about.
    pub tenant: Option<&'a str>,
    /// Which sessions were to end: `session`, `others`, `user`, `tenant` or `all`.
    pub scope: Option<&'a str>,
    /// What became of it, when sessions were ended.
    pub receipt: Option<&'a Receipt>,
    /// Digest of the account that it is about.
    pub account: Option<&'a str>,
    /// Client address.
    pub client: Option<IpAddr>,
    /// Method of the request, where it was refused.
    pub method: Option<&'a str>,
    /// Its path, without query and secrets.
    pub path: Option<&'a str>,
    /// The host that it names.
    pub host: Option<&'a str>,
    /// Name of the header or cookie because of which.
    pub field: Option<&'a str>,
    /// How many events like it were left out.
    pub left_out: Option<u64>,
    /// Why, or how; from a closed set.
    pub reason: &'a str,
    /// Why, in an operator's words.
    pub comment: Option<&'a str>,
}

/// A session and whose it is, as far as lines say it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whose<'a> {
    session: Uuid,
    user: &'a str,
    tenant: Option<&'a str>,
}

impl<'a> From<&'a Session> for Whose<'a> {
    fn from(session: &'a Session) -> Self {
        Self {
            session: session.id,
            user: session.identity.user_id(),
            tenant: session.identity.tenant_id(),
        }
    }
}

impl<'a> From<&'a Owner> for Whose<'a> {
    fn from(owner: &'a Owner) -> Self {
        Self {
            session: owner.id,
            user: &owner.user_id,
            tenant: owner.tenant_id.as_deref(),
        }
    }
}

impl<'a> Facts<'a> {
    /// About this session, whoever did it.
    #[must_use]
    pub(crate) fn about(self, session: impl Into<Whose<'a>>) -> Self {
        let whose = session.into();
        Self {
            session: Some(whose.session),
            user: Some(whose.user),
            tenant: whose.tenant,
            ..self
        }
    }

    /// About the sessions that were to end.
    #[must_use]
    pub(crate) fn concerning(self, scope: &'a Scope) -> Self {
        let name = |name| Self {
            scope: Some(name),
            ..self
        };
        match scope {
            Scope::Key(_) => name("session"),
            Scope::Handle { id, user_id, .. } => Self {
                session: Some(*id),
                user: user_id.as_deref().or(self.user),
                ..name("session")
            },
            Scope::Others { user_id, .. } => Self {
                user: Some(user_id),
                ..name("others")
            },
            Scope::User(user_id) | Scope::Member { user_id, .. } => Self {
                user: Some(user_id),
                ..name("user")
            },
            Scope::Tenant(tenant_id) => Self {
                tenant: Some(tenant_id),
                ..name("tenant")
            },
            Scope::All => name("all"),
        }
    }

    /// Done by the user of this session, with it.
    #[must_use]
    pub(crate) fn by_owner(self, session: impl Into<Whose<'a>>) -> Self {
        let whose = session.into();
        Self {
            actor: Actor::User(whose.user),
            ..self.about(whose)
        }
    }
}

/// The target of the lines: they are written whatever `RUST_LOG` says, and may have a file of their own.
pub(crate) const TARGET: &str = "sidgate::security";

/// Writes the line, unless too many like it were written just now.
pub(crate) fn note(kind: Kind, facts: Facts<'_>) {
    if kind.flood().is_some_and(|flood| !flood.admits()) {
        return;
    }
    info!(
        target: TARGET,
        event = kind.as_str(),
        request_id = facts.request_id,
        actor = %facts.actor,
        app = facts.app,
        acting = facts.acting.map(tracing::field::display),
        session = facts.session.map(tracing::field::display),
        user = facts.user,
        tenant = facts.tenant,
        scope = facts.scope,
        sessions = facts.receipt.map(|receipt| receipt.revoked),
        nodes = facts.receipt.map(|receipt| receipt.nodes),
        acked = facts.receipt.map(|receipt| receipt.acked),
        account = facts.account,
        client = facts.client.map(tracing::field::display),
        method = facts.method,
        path = facts.path,
        host = facts.host,
        field = facts.field,
        left_out = facts.left_out,
        reason = facts.reason,
        comment = facts.comment,
        "security event"
    );
}

/// The end of a step of time: writes down how many events were left out in it.
pub(crate) fn tell_left_out() {
    for (reason, left_out) in flood::next_step() {
        let facts = Facts {
            left_out: Some(left_out),
            reason,
            ..Facts::default()
        };
        note(Kind::LeftOut, facts);
    }
}

/// Turns account names into digests.
pub(crate) struct LogKey([u8; 32]);

impl LogKey {
    /// The key of this installation. No upstream can have the name from which it is derived.
    #[must_use]
    pub(crate) fn new(keys: &Keyring) -> Self {
        let own = keys.upstream("(log lines)");
        Self(own.first().map_or([0; 32], |key| *key.expose()))
    }

    /// Sixteen characters that stand for an account, however it was spelled.
    #[must_use]
    pub(crate) fn digest(&self, account: &Account) -> String {
        let digest = blake3::keyed_hash(&self.0, account.as_str().as_bytes());
        digest.to_hex().chars().take(16).collect()
    }
}

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogKey(***)")
    }
}

#[cfg(test)]
mod tests;
