//! Sidgate's own public endpoints (DESIGN 9), below `endpoints.base_path`.

pub(crate) mod login;
pub(crate) mod migrate;
pub(crate) mod session;
mod view;

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use session_core::service::{Query, Resolution};
use session_core::session::{Session, Text};
use session_core::sid::SessionKey;

use crate::answer::Answer;
use crate::auth::csrf;
use crate::auth::decide::{self, Finding};
use crate::gate::Gate;
use crate::legacy::{self, Arrival, Farewell, Offer, Visitor};
use crate::site::Site;

/// Who asks, as far as the edge knows.
#[derive(Debug)]
pub(crate) struct Asker {
    /// The value of the session cookie.
    pub sid: Option<Vec<u8>>,
    /// Client address.
    pub ip: IpAddr,
    /// Client software, clipped.
    pub user_agent: Text,
    /// `X-Request-Id`
    pub request_id: String,
    /// Cookies of the old system.
    pub offer: Option<Box<Offer>>,
    /// What the endpoint has found out, for the log.
    pub seen: OnceLock<Seen>,
}

/// The session that an endpoint has met, and where.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Tier that answered for it.
    pub tier: &'static str,
    /// Its handle, if there is one.
    pub session: Option<Text>,
}

impl Asker {
    fn visitor(&self) -> Visitor {
        Visitor {
            ip: self.ip,
            user_agent: self.user_agent.clone(),
            request_id: self.request_id.clone(),
        }
    }

    /// The stored key of the cookie's value, if it is a sid of ours; whether a session lives is another question.
    pub(crate) fn key(&self, gate: &Gate) -> Option<SessionKey> {
        self.sid
            .as_deref()
            .and_then(|sid| gate.sessions.recognise(sid).ok())
    }

    /// Finds out about the session of the cookie, and counts it like that of any request.
    async fn resolve(&self, gate: &Gate) -> Finding {
        let Some(sid) = self.sid.as_deref() else {
            return Finding::NoCookie;
        };
        let before = gate.sessions.clock().boot();
        let found = gate.sessions.resolve(sid, Query::default()).await;
        let finding = Finding::Resolved(found);
        let (tier, result) = decide::labels(&finding);
        let took = gate.sessions.clock().boot().since(before);
        gate.metrics.resolve(tier, result, took);
        finding
    }

    /// Notes what the log is to say; the first word counts.
    pub(crate) fn saw(&self, tier: &'static str, session: Option<&Session>) {
        let session = session.map(|session| session.id.to_string().into());
        drop(self.seen.set(Seen { tier, session }));
    }
}

/// An endpoint and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `GET /session-v2`
    Show,
    /// `POST /session-v2`
    Login,
    /// `DELETE /session-v2`
    Logout,
    /// `POST /migrate-session`
    Migrate,
    /// A method that the path does not know; the value of `Allow`.
    OtherMethod(&'static str),
    /// A path below the base path that is nothing.
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
            ("/session-v2", _) => Self::OtherMethod("GET, HEAD, POST, DELETE"),
            ("/migrate-session", "POST") => Self::Migrate,
            ("/migrate-session", _) => Self::OtherMethod("POST"),
            ("" | "/", _) => Self::Unknown,
            (other, _) if other.starts_with('/') => Self::Unknown,
            _ => return None,
        })
    }

    /// Label of the endpoint in metrics and logs.
    #[must_use]
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Show | Self::Login | Self::Logout | Self::OtherMethod(_) => "endpoint:session",
            Self::Migrate => "endpoint:migrate",
            Self::Unknown => "endpoint:unknown",
        }
    }

    /// Whether the request would change something and must therefore come from our own pages.
    #[must_use]
    pub(crate) const fn changes_state(self) -> bool {
        matches!(self, Self::Login | Self::Logout | Self::Migrate)
    }
}

/// Finds out about the session of who asks, and notes it for the log; an old login becomes one here as well.
async fn arrive(gate: &Arc<Gate>, site: &Arc<Site>, asker: &Asker) -> Arrival {
    let finding = asker.resolve(gate).await;
    let arrival = match &asker.offer {
        Some(offer) => {
            let visitor = asker.visitor();
            let query = Query::default();
            Box::pin(legacy::arrive(gate, site, offer, &visitor, finding, query)).await
        }
        None => Arrival::untouched(finding),
    };
    let session = match &arrival.finding {
        Finding::Resolved(Resolution::Active(active)) => Some(active.entry.session()),
        _ => None,
    };
    asker.saw(decide::labels(&arrival.finding).0, session);
    arrival
}

/// `answer`, with what is to be said about old cookies.
fn parting(answer: Answer, gate: &Gate, site: &Site, farewell: &Farewell) -> Answer {
    let lines = farewell.lines(gate, site, true);
    lines.into_iter().fold(answer, Answer::with_cookie)
}

/// The cross-site rule of DESIGN 9.
pub(crate) fn guard(
    endpoint: Endpoint,
    headers: &HeaderMap,
    site: &Site,
) -> Result<(), Box<Answer>> {
    if endpoint.changes_state() && csrf::check(headers, &site.origin).is_err() {
        return Err(Box::new(Answer::cross_site()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_base_are_ours() {
        let find = |method, path| Endpoint::find("/api/auth", method, path);
        assert_eq!(find("GET", "/api/auth/session-v2"), Some(Endpoint::Show));
        assert_eq!(find("POST", "/api/auth/session-v2"), Some(Endpoint::Login));
        assert_eq!(
            find("DELETE", "/api/auth/session-v2"),
            Some(Endpoint::Logout)
        );
        assert!(matches!(
            find("PUT", "/api/auth/session-v2"),
            Some(Endpoint::OtherMethod(_))
        ));
        assert_eq!(
            find("GET", "/api/auth/session-v2/"),
            Some(Endpoint::Unknown)
        );
        assert_eq!(find("GET", "/api/auth"), Some(Endpoint::Unknown));
        assert_eq!(find("GET", "/api/authority"), None);
        assert_eq!(find("GET", "/api"), None);
    }
}
