//! One line for each thing that an investigator will ask about: who, against whom, from where, why (ASVS 16.3).
//!
//! Accounts appear as a digest under a key of this installation, so that lines about one account can be found together
//! and a list of names cannot be tried against them. No sid, cookie, password or header value is ever in a line.

use std::net::IpAddr;

use session_core::keys::Keyring;
use tracing::info;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Somebody logged in.
    Login,
    /// Somebody tried to.
    LoginFailed,
    /// Somebody tried too often.
    LoginLimited,
    /// A session was ended by its user.
    Logout,
    /// Sessions were ended by their user from another one, or by an operator.
    Revoked,
    /// An operator asked for something, whatever came of it.
    Admin,
    /// A login of the old system became a session, or was refused.
    Migration,
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
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginFailed => "login_failed",
            Self::LoginLimited => "login_limited",
            Self::Logout => "logout",
            Self::Revoked => "revoked",
            Self::Admin => "admin",
            Self::Migration => "migration",
            Self::Rotated => "rotated",
            Self::FormerSid => "former_sid",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::CrossSite => "cross_site",
            Self::Spoof => "spoof",
            Self::Refused => "refused",
            Self::UnknownSids => "unknown_sids",
            Self::Risk => "risk_signal",
        }
    }
}

/// What is known about it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// Who did it, where that is known to be somebody: `user:ID`, `token` or `local`.
    pub actor: Option<&'a str>,
    /// Handle of the session that acted, that came of it, or that an operator named.
    pub session: Option<&'a str>,
    /// Id of the user whose sessions it is about.
    pub user: Option<&'a str>,
    /// Tenant whose sessions it is about.
    pub tenant: Option<&'a str>,
    /// How many sessions were ended.
    pub sessions: Option<u64>,
    /// Digest of the account that it is about.
    pub account: Option<&'a str>,
    /// Client address.
    pub client: Option<IpAddr>,
    /// Why, or how; from a closed set.
    pub reason: &'a str,
}

/// Writes the line.
pub(crate) fn note(kind: Kind, facts: Facts<'_>) {
    info!(
        target: "sidgate::security",
        event = kind.as_str(),
        request_id = facts.request_id,
        actor = facts.actor,
        session = facts.session,
        user = facts.user,
        tenant = facts.tenant,
        sessions = facts.sessions,
        account = facts.account,
        client = facts.client.map(tracing::field::display),
        reason = facts.reason,
        "security event"
    );
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
    pub(crate) fn digest(&self, account: &str) -> String {
        let name = account.trim().to_lowercase();
        let digest = blake3::keyed_hash(&self.0, name.as_bytes());
        digest.to_hex().chars().take(16).collect()
    }
}

impl std::fmt::Debug for LogKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogKey(***)")
    }
}
