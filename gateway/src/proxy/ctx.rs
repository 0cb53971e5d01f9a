//! What one request carries from hook to hook.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use pingora_core::{Error, ErrorType, Result};
use session_core::clock::Boot;
use session_core::service::{LoginTicket, Query};
use sidgate_policy::auth::cors::Cors;
use sidgate_policy::auth::decide::State;
use sidgate_policy::edge::{FieldName, fields};
use uuid::Uuid;

use super::progress::Progress;
use super::tries::Tries;
use super::watch::Watch;
use crate::answer::{Answer, Rejection};
use crate::apps::app::App;
use crate::config::Route;
use crate::decision::sent_path::SentPath;
use crate::endpoints::Seen;
use crate::limits::streams::Holder;
use crate::state::client::NO_ADDRESS;
use crate::state::{ActiveConfig, Gateway, RequestId};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::Facts;
use crate::visit::Visit;
use crate::visit::old_cookies::CookieChanges;

/// What an app, and a proxy before us, calls the id of a request.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The state of one request.
pub(crate) struct Ctx {
    pub(super) gateway: Arc<Gateway>,
    /// Whether the request has been written to the log.
    pub(super) logged: bool,
    pub(super) settings: Arc<ActiveConfig>,
    pub(super) started: Boot,
    pub(super) request_id: RequestId,
    pub(super) client: Option<IpAddr>,
    /// Number of the site that a vetted request was sent to.
    pub(super) site: Option<usize>,
    pub(super) answerer: Answerer,
    pub(super) outcome: Outcome,
    pub(super) tier: &'static str,
    pub(super) handle: Option<Uuid>,
    /// How it counts among the requests and streams under way.
    pub(super) progress: Arc<Progress>,
    /// The request's supervisor.
    pub(super) watch: Option<Arc<Watch>>,
    /// Bytes of the request body that were let through.
    pub(super) body_bytes: u64,
    /// When the first of them came.
    pub(super) body_began: Option<Boot>,
    /// What the answer says about cookies of the old system.
    pub(super) cookie_changes: Option<CookieChanges>,
    /// Why the request is not served although it was on its way to the app. What a hook reports to Pingora is a number.
    pub(super) rejection: Option<Rejection>,
    /// The same in words, for the log.
    pub(super) rejected_because: Option<&'static str>,
    /// Why the request was refused, for its line.
    pub(super) refusal: Option<Refusal>,
    /// Method and target of a request that was vetted, for the line of one that is cut.
    pub(super) asked: Option<(Method, Uri)>,
    /// What pages of other origins may read of the answer.
    pub(super) cors: Cors,
    /// When the request was on its way to the server that was asked last.
    pub(super) asked_app: Option<Boot>,
    /// How long that server took to begin its answer.
    pub(super) first_byte: Option<Duration>,
    /// Set when the request goes to an app.
    pub(super) forward: Option<Forward>,
}

/// Why a request was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// As in `sidgate_refused_total`, where it is counted there.
    pub(super) reason: &'static str,
    /// The header or cookie that was the reason.
    pub(super) field: Option<FieldName>,
}

impl Refusal {
    /// Because of this field.
    pub(super) const fn by(reason: &'static str, field: &'static str) -> Self {
        Self {
            reason,
            field: Some(FieldName::known(field)),
        }
    }
}

/// Who answers a request.
#[derive(Debug)]
pub(super) enum Answerer {
    /// No session was found, or the request was refused before the lookup.
    Nobody,
    /// The rules for what may come in.
    Edge,
    /// An endpoint of the gateway, by its label.
    Endpoint(&'static str),
    /// The admin API.
    Admin,
    /// A route, and so its app.
    Route(Arc<Route>),
}

impl Answerer {
    /// The label in metrics and logs; constant cardinality.
    pub(super) fn label(&self) -> &str {
        match self {
            Self::Nobody => "none",
            Self::Edge => "edge",
            Self::Endpoint(label) => label,
            Self::Admin => "admin",
            Self::Route(route) => &route.label,
        }
    }

    /// Whether a request with this status gets a line in the access log.
    pub(super) fn is_logged(&self, status: u16, is_broken: bool) -> bool {
        match self {
            Self::Route(route) => route.log.wants(status, is_broken),
            Self::Nobody | Self::Edge | Self::Endpoint(_) | Self::Admin => true,
        }
    }
}

/// A request on its way to an app.
pub(super) struct Forward {
    pub(super) app: Arc<App>,
    pub(super) state: State,
    pub(super) query: Query,
    /// What the route asks for.
    pub(super) route: Arc<Route>,
    /// Who sent it, and what it brought.
    pub(super) visit: Visit,
    /// Header names to take away before ours are written.
    pub(super) remove: Vec<HeaderName>,
    /// The one Cookie line for the app.
    pub(super) cookie: Option<HeaderValue>,
    /// What it gets of the path.
    pub(super) path: SentPath,
    /// The host as configured.
    pub(super) host: HeaderValue,
    /// Taken before the app sees any credentials (DESIGN 5, R8).
    pub(super) ticket: Option<LoginTicket>,
    /// How the app is being reached.
    pub(super) tries: Tries,
}

impl Ctx {
    pub(super) fn new(gateway: &Arc<Gateway>) -> Self {
        let progress = Progress::begin(gateway);
        Self {
            gateway: Arc::clone(gateway),
            logged: false,
            settings: gateway.settings.get(),
            started: gateway.sessions.clock().boot(),
            request_id: gateway.request_id(),
            client: None,
            site: None,
            answerer: Answerer::Nobody,
            outcome: Outcome::Aborted,
            tier: "none",
            handle: None,
            watch: Watch::header_is_read(&progress),
            progress,
            body_bytes: 0,
            cookie_changes: None,
            rejection: None,
            rejected_because: None,
            refusal: None,
            asked: None,
            body_began: None,
            cors: Cors::Unmanaged,
            asked_app: None,
            first_byte: None,
            forward: None,
        }
    }
}

impl Ctx {
    /// Gives the request up. The answer is made of `why` when Pingora asks for it.
    pub(super) fn reject<T>(&mut self, why: Rejection, context: &'static str) -> Result<T> {
        let status = Answer::from(why.clone()).status;
        self.rejection = Some(why);
        self.rejected_because = Some(context);
        Error::e_explain(ErrorType::HTTPStatus(status), context)
    }

    /// Goes by the id that the proxy before us has given the request, if it is fit to be one.
    pub(super) fn take_request_id(&mut self, headers: &HeaderMap) {
        if let Some(id) = fields::only(headers, &REQUEST_ID).and_then(RequestId::given) {
            self.request_id = id;
        }
    }

    /// The request is on its way to a server of an app.
    pub(super) fn asks_app(&mut self) {
        self.asked_app = Some(self.gateway.sessions.clock().boot());
    }

    /// The server that was asked has begun its answer.
    pub(super) fn app_answers(&mut self) {
        let (Some(asked), Some(forward)) = (self.asked_app.take(), &self.forward) else {
            return;
        };
        let took = self.gateway.sessions.clock().boot().since(asked);
        self.gateway
            .metrics
            .upstream_answers(&forward.app.name, took);
        self.first_byte = Some(took);
    }

    /// On whose account a stream is that becomes of this request.
    pub(super) fn holder(&self) -> Holder {
        let session = match self.forward.as_ref().map(|forward| &forward.state) {
            Some(State::Active(active)) => Some(active.entry.session().key),
            _ => None,
        };
        Holder {
            session,
            client: self.client.unwrap_or(NO_ADDRESS),
        }
    }

    /// What an endpoint has found out about its session.
    pub(super) fn saw(&mut self, seen: Option<Seen>) {
        if let Some(seen) = seen {
            self.tier = seen.tier;
            self.handle = seen.session;
        }
    }

    /// What one says, as far as it is known before anybody has looked the session up.
    pub(super) fn facts<'a>(&'a self, reason: &'a str) -> Facts<'a> {
        Facts {
            request_id: Some(&self.request_id),
            client: self.client,
            reason,
            ..Facts::default()
        }
    }
}
