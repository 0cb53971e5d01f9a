//! Who may call the admin API.
//!
//! On the admin listener: the bearer of `admin.token`; without a token, which the configuration allows on loopback only,
//! whoever reaches it, as long as no web page made their browser do it. On the public listener: a session that carries
//! `admin.claim`, whose user has proved who they are a short while ago.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use serde_json::Value;
use session_core::cache::Entry;
use session_core::clock::Timestamp;
use session_core::service::Query;
use session_core::session::Session;
use sha2::{Digest as _, Sha256};
use sidgate_policy::auth::csrf;
use sidgate_policy::auth::identity::field;
use sidgate_policy::edge::fields::Field;

use crate::answer::{Answer, Rejection};
use crate::config::IdentityField;
use crate::endpoints::Caller;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::security::{self, Kind};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Actor {
    /// The bearer of the token.
    Token,
    /// Somebody on this machine.
    Local,
    /// A user with the claim.
    User(String),
}

impl Actor {
    /// As security events name it.
    #[must_use]
    pub(crate) fn as_told(&self) -> security::Actor<'_> {
        match self {
            Self::Token => security::Actor::Token,
            Self::Local => security::Actor::Local,
            Self::User(id) => security::Actor::User(id),
        }
    }
}

/// Whether the bearer of the token asks, where there is one. Digests are compared, so that the time says nothing about
/// the token.
fn bears_token(settings: &ActiveConfig, headers: &HeaderMap) -> Option<bool> {
    let token = settings.config.admin.token.as_ref()?;
    let expected = Sha256::digest(format!("Bearer {}", token.expose()));
    let said = headers.get(AUTHORIZATION);
    Some(said.is_some_and(|said| Sha256::digest(said.as_bytes()) == expected))
}

/// The caller on the admin listener.
///
/// # Errors
/// `401` without the token, `403` when a web page is behind the request.
pub(super) fn on_admin_listener(
    settings: &ActiveConfig,
    headers: &HeaderMap,
) -> Result<Actor, Rejection> {
    match bears_token(settings, headers) {
        Some(true) => Ok(Actor::Token),
        Some(false) => Err(Rejection::NoToken),
        None => not_by_a_page(headers).map(|()| Actor::Local),
    }
}

/// Whether no web page is behind a request to the listener without a token.
///
/// # Errors
/// `403`.
fn not_by_a_page(headers: &HeaderMap) -> Result<(), Rejection> {
    let origin = own_origin(headers)?;
    csrf::check(headers, &origin)
        .map(drop)
        .map_err(Rejection::CrossSite)
}

/// The listener as the request names it, which has to be by a name of this machine: a page of another name may have been
/// pointed at this address (DNS rebinding). What names no host was not sent by a browser.
fn own_origin(headers: &HeaderMap) -> Result<String, Rejection> {
    let host = match Field::find(headers, &HOST) {
        Field::Absent => return Ok(String::new()),
        Field::One(host) => host.to_str().ok(),
        Field::Several => None,
    };
    host.filter(|host| is_local_name(host))
        .map(|host| format!("http://{host}"))
        .ok_or(Rejection::ForeignName)
}

/// Whether somebody may ask for what says nothing about anybody: health, the document of the API, and what the dashboard is
/// made of. A page may lead there, but not under another name. With a token the listener is meant to be reached from
/// elsewhere, by any name.
///
/// # Errors
/// `403`.
pub(super) fn for_everybody(settings: &ActiveConfig, headers: &HeaderMap) -> Result<(), Rejection> {
    match settings.config.admin.token {
        Some(_) => Ok(()),
        None => own_origin(headers).map(drop),
    }
}

fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The caller on the public listener: a session with the claim.
///
/// # Errors
/// `401` without a session, `403` without the claim, `503` when the session is unknown.
pub(crate) async fn with_claim(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
) -> Result<Claimed, Rejection> {
    let active = caller.session(gateway, settings, Query::default()).await?;
    let now = gateway.sessions.clock().wall();
    claimed(settings, active.entry, now)
        .map_err(|entry| refused(caller, entry.session(), Rejection::NoOperator))
}

/// The user of a session as an operator, if it carries the claim.
///
/// # Errors
/// The session, when it does not.
pub(crate) fn claimed(
    settings: &ActiveConfig,
    entry: Arc<Entry>,
    now: Timestamp,
) -> Result<Claimed, Arc<Entry>> {
    let session = entry.session();
    let claim = settings.config.admin.claim.as_ref();
    if !claim.is_some_and(|claim| carries(session, claim)) {
        return Err(entry);
    }
    Ok(Claimed {
        is_fresh: now.since(session.auth_time) <= settings.config.admin.fresh,
        entry,
    })
}

/// A user with the claim.
#[derive(Debug)]
pub(crate) struct Claimed {
    entry: Arc<Entry>,
    is_fresh: bool,
}

impl Claimed {
    /// Their session.
    #[must_use]
    pub(crate) fn entry(&self) -> &Arc<Entry> {
        &self.entry
    }

    /// Whether the user has proved who they are a short while ago.
    #[must_use]
    pub(crate) const fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// The user, for what says nothing about anybody.
    #[must_use]
    pub(crate) fn actor(self) -> Actor {
        Actor::User(self.entry.session().identity.user_id().to_owned())
    }

    /// The user as an actor who may call the API.
    ///
    /// # Errors
    /// `403` when the login is too long ago: a browser left open is not its user.
    pub(crate) fn fresh(self, caller: &Caller) -> Result<Actor, Rejection> {
        if self.is_fresh {
            return Ok(self.actor());
        }
        Err(refused(caller, self.entry.session(), Rejection::StaleLogin))
    }
}

/// What speaks against a user who may not, and the line about it.
fn refused(caller: &Caller, session: &Session, why: Rejection) -> Rejection {
    let code = Answer::from(why.clone()).outcome.into_str();
    let facts = caller.client().facts(code).by_owner(session);
    security::note(Kind::AdminRefused, facts);
    why
}

/// Only `true` is a yes.
fn carries(session: &Session, claim: &IdentityField) -> bool {
    field(&session.identity.to_value(), claim) == Some(&Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::is_local_name;

    #[test]
    fn only_loopback_names_are_local() {
        for local in [
            "localhost",
            "localhost:9901",
            "LOCALHOST:1",
            "127.0.0.1:9901",
            "127.1.2.3",
            "[::1]:9901",
            "[::1]",
        ] {
            assert!(is_local_name(local), "{local}");
        }
        for other in [
            "evil.test",
            "evil.test:9901",
            "localhost.evil.test",
            "10.0.0.1",
            "[2001:db8::1]:80",
            "",
            ":80",
            "127.0.0.1.evil.test",
        ] {
            assert!(!is_local_name(other), "{other}");
        }
    }
}
