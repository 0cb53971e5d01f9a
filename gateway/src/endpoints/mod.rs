//! Sidgate's own public endpoints (DESIGN 9), below `endpoints.base_path`.

pub(crate) mod browser;
pub(crate) mod devices;
pub(crate) mod events;
pub(crate) mod handover;
pub(crate) mod login;
pub(crate) mod migrate;
mod query;
pub(crate) mod session;

use std::sync::{Arc, OnceLock};

use http::{HeaderMap, HeaderValue};
use session_core::service::{Active, Query, Resolution};
use session_core::session::Session;
use sidgate_policy::auth::cors::Cors;
use sidgate_policy::auth::csrf;
use sidgate_policy::auth::decide::{self, Finding};
use uuid::Uuid;

use crate::answer::{Answer, Rejection, set_cookie};
use crate::config::{Config, PasswordLogin, SessionPolicy};
use crate::state::{ActiveConfig, ActiveSite, Client, Gateway};
use crate::visit::Visit;
use crate::visit::old_cookies::{CookieChanges, Identified};

use self::browser::Browser;
pub(crate) use self::login::check_content_type;

/// The document that describes the endpoints, and every code of an error.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// Who calls an endpoint, and with what.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Who sent the request, and what it brought.
    pub visit: Visit,
    /// Query of the request, without the question mark.
    pub query: String,
    /// What the endpoint has found out, for the log.
    pub seen: OnceLock<Seen>,
    /// Changes of old cookies that the answer is to carry.
    pub cookie_changes: OnceLock<CookieChanges>,
    /// What a handover has to know.
    pub browser: Option<Box<Browser>>,
}

/// The session that an endpoint has met, and where.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Tier that answered for it.
    pub tier: &'static str,
    /// Its handle, if there is one.
    pub session: Option<Uuid>,
}

impl Caller {
    /// Who sent the request.
    pub(crate) fn client(&self) -> &Client {
        &self.visit.client
    }

    /// The site that was called.
    pub(crate) fn site<'s>(&self, settings: &'s ActiveConfig) -> &'s ActiveSite {
        settings.site(self.client().to.site)
    }

    /// This answer, and the browser forgets the session cookie of the site.
    pub(crate) fn forgetting(&self, settings: &ActiveConfig, answer: Answer) -> Answer {
        match set_cookie::clear(&self.site(settings).config.cookie) {
            Some(cookie) => answer.with_cookie(cookie),
            None => answer,
        }
    }

    /// Notes the session for the log. The first call counts.
    pub(crate) fn saw(&self, tier: &'static str, session: Option<&Session>) {
        let session = session.map(|session| session.id);
        drop(self.seen.set(Seen { tier, session }));
    }

    /// The session of the cookie, for calls that need one.
    ///
    /// # Errors
    /// `401` when there is certainly none, `503` when that is unknown, `429` when this client has sent too many unknown
    /// sids.
    pub(crate) async fn session(
        &self,
        gateway: &Gateway,
        settings: &ActiveConfig,
        query: Query,
    ) -> Result<Active, Rejection> {
        let found = self.visit.session(gateway, settings, query).await;
        let finding = found.map_err(Rejection::from)?;
        self.saw_finding(&finding);
        active_or_answer(finding)
    }

    /// Like [`Caller::session`], but an old login becomes a session as well.
    ///
    /// # Errors
    /// As for [`Caller::session`].
    async fn session_or_old_login(
        &self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
    ) -> Result<Active, Rejection> {
        let Identified {
            finding,
            cookie_changes,
            ..
        } = arrive(gateway, settings, self).await?;
        drop(self.cookie_changes.set(cookie_changes));
        active_or_answer(finding)
    }

    fn saw_finding(&self, finding: &Finding) {
        let session = match finding {
            Finding::Resolved(Resolution::Active(active)) => Some(active.entry.session()),
            _ => None,
        };
        self.saw(decide::labels(finding).0, session);
    }
}

/// What some endpoint takes: the methods that a page of a trusted origin may use.
pub(crate) const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");

/// Methods of the endpoint that is the session.
const SESSION_METHODS: &str = "GET, HEAD, POST, DELETE";

/// An endpoint and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::VariantNames)]
pub(crate) enum Endpoint {
    /// `GET /session-v2`
    Show,
    /// `POST /session-v2`
    Login,
    /// `DELETE /session-v2`
    Logout,
    /// `POST /migrate-session`
    Migrate,
    /// `GET /sessions`
    ListDevices,
    /// `DELETE /sessions/{id}`; `None` when it is not a valid id.
    EndDevice(Option<Uuid>),
    /// `DELETE /sessions`
    EndDevices,
    /// `GET /events`
    Events,
    /// `GET /handover`, where there is more than one site.
    Handover,
    /// A method that the path does not know; the value of `Allow`.
    OtherMethod(&'static str),
    /// A path below the base path without an endpoint.
    Unknown,
}

impl Endpoint {
    /// The endpoint at `path`; `None` when the path is not below `base`.
    #[must_use]
    pub(crate) fn find(base: &str, method: &str, path: &str) -> Option<Self> {
        let rest = path.strip_prefix(base)?;
        Some(match (rest, method) {
            ("/session-v2", "GET" | "HEAD") => Self::Show,
            ("/session-v2", "POST") => Self::Login,
            ("/session-v2", "DELETE") => Self::Logout,
            ("/session-v2", _) => Self::OtherMethod(SESSION_METHODS),
            ("/migrate-session", "POST") => Self::Migrate,
            ("/migrate-session", _) => Self::OtherMethod("POST"),
            ("/sessions", "GET" | "HEAD") => Self::ListDevices,
            ("/sessions", "DELETE") => Self::EndDevices,
            ("/sessions", _) => Self::OtherMethod("GET, HEAD, DELETE"),
            ("/events", "GET") => Self::Events,
            ("/events", _) => Self::OtherMethod("GET"),
            ("/handover", "GET") => Self::Handover,
            ("/handover", _) => Self::OtherMethod("GET"),
            ("", _) => Self::Unknown,
            (other, _) if other.starts_with('/') => match one_device(other) {
                Some(id) if method == "DELETE" => Self::EndDevice(handle(id)),
                Some(_) => Self::OtherMethod("DELETE"),
                None => Self::Unknown,
            },
            _ => return None,
        })
    }

    /// The endpoint under this configuration. Without password login its route does not show that a login could exist.
    #[must_use]
    pub(crate) fn as_configured(self, config: &Config, site: &ActiveSite) -> Self {
        let password_login = match site.login_at {
            // The site where people log in would know nothing of it.
            Some(_) => PasswordLogin::Off,
            None => config.endpoints.password_login,
        };
        match (password_login, self) {
            (_, Self::Handover) if !config.sites.are_named => Self::Unknown,
            (PasswordLogin::Off, Self::Login) => Self::Unknown,
            (PasswordLogin::Off, Self::OtherMethod(SESSION_METHODS)) => {
                Self::OtherMethod("GET, HEAD, DELETE")
            }
            (_, as_found) => as_found,
        }
    }

    /// Label of the endpoint in metrics and logs.
    #[must_use]
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Show | Self::Login | Self::Logout => "endpoint:session",
            Self::Migrate => "endpoint:migrate",
            Self::ListDevices | Self::EndDevice(_) | Self::EndDevices => "endpoint:devices",
            Self::Events => "endpoint:events",
            Self::Handover => "endpoint:handover",
            Self::OtherMethod(_) | Self::Unknown => "endpoint:unknown",
        }
    }

    /// Whether the request must come from our own pages: it would change something, or hold on to something.
    #[must_use]
    pub(crate) const fn is_guarded(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::Logout
                | Self::Migrate
                | Self::EndDevice(_)
                | Self::EndDevices
                | Self::Events
        )
    }
}

/// Finds out about the session of who asks, and notes it for the log; an old login becomes one here as well.
///
/// # Errors
/// `429` when this client has sent too many unknown sids and invalid old logins.
async fn arrive(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
) -> Result<Identified, Rejection> {
    let identified = caller
        .visit
        .identify(gateway, settings, SessionPolicy::Optional, Query::default())
        .await
        .map_err(Rejection::from)?;
    caller.saw_finding(&identified.finding);
    Ok(identified)
}

/// The session, for those who need one.
///
/// # Errors
/// `401` when there is certainly none, `503` when that is unknown.
pub(crate) fn active_or_answer(finding: Finding) -> Result<Active, Rejection> {
    match finding {
        Finding::Resolved(Resolution::Active(active)) => Ok(active),
        Finding::Resolved(Resolution::Absent(why)) => Err(Rejection::NoSession(Some(why))),
        Finding::Resolved(Resolution::Unknown(_)) => Err(Rejection::Unavailable),
        Finding::NotAsked | Finding::NoCookie => Err(Rejection::NoSession(None)),
    }
}

/// Adds the changes of old cookies to `answer`.
fn parting(
    answer: Answer,
    gateway: &Gateway,
    settings: &ActiveConfig,
    cookie_changes: Option<&CookieChanges>,
) -> Answer {
    let lines = cookie_changes.map(|changes| changes.lines(gateway, settings, true));
    let lines = lines.into_iter().flatten();
    lines.fold(answer, Answer::with_cookie)
}

/// The segment behind `/sessions/`.
fn one_device(path: &str) -> Option<&str> {
    path.strip_prefix("/sessions/")
        .filter(|id| !id.is_empty() && !id.contains('/'))
}

/// A handle as we write it; one session has one path.
fn handle(text: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok()?;
    (id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(id)
}

/// Whether an endpoint takes a request, by the cross-site rule of DESIGN 9 and the type of its body. `origin`: that of our
/// own pages there. An origin that the site trusts is as good as that.
///
/// # Errors
/// What speaks against it.
pub(crate) fn admit(
    endpoint: Endpoint,
    headers: &HeaderMap,
    (origin, cors): (&str, &Cors),
) -> Result<(), Rejection> {
    if endpoint.is_guarded() && !cors.is_open() {
        csrf::check(headers, origin).map_err(Rejection::CrossSite)?;
    }
    if endpoint == Endpoint::Login {
        check_content_type(headers)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
