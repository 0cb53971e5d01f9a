//! What is known of one request, from its head to its line.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName};
use session_core::clock::Boot;
use sidgate_policy::auth::cors::Cors;
use sidgate_policy::edge::{FieldName, fields};
use uuid::Uuid;

use crate::config::Route;
use crate::endpoints::Seen;
use crate::state::client::NO_ADDRESS;
use crate::state::{ActiveConfig, Addressed, Client, Gateway, RequestId};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::questions::Via;
use crate::telemetry::security::Facts;
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::attributes::Attributes;
use crate::telemetry::traces::recording::Recording;
use crate::visit::old_cookies::CookieChanges;

/// What an app, and a proxy before us, calls the id of a request.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What is known of one request.
pub(crate) struct Record {
    /// The configuration that it is served by.
    pub settings: Arc<ActiveConfig>,
    /// When it came.
    pub started: Boot,
    /// Which edge asks about it; `None`: the request itself came.
    pub via: Option<Via>,
    /// What it is called.
    pub request_id: RequestId,
    /// The trace that it belongs to; `None`: nothing is traced.
    pub trace: Option<Arc<Trace>>,
    /// Who sent it.
    pub client: Option<IpAddr>,
    /// Number of the site that a vetted request was sent to.
    pub site: Option<usize>,
    /// Who answers it.
    pub answerer: Answerer,
    /// What became of it.
    pub outcome: Outcome,
    /// The tier that knew its session.
    pub tier: &'static str,
    /// The handle of its session.
    pub handle: Option<Uuid>,
    /// What the answer says about cookies of the old system.
    pub cookie_changes: Option<CookieChanges>,
    /// Why it was refused, for its line.
    pub refusal: Option<Refusal>,
    /// What pages of other origins may read of the answer.
    pub cors: Cors,
}

/// Why a request was refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// As in `sidgate_refused_total`, where it is counted there.
    pub reason: &'static str,
    /// The header or cookie that was the reason.
    pub field: Option<FieldName>,
}

impl Refusal {
    /// Because of this field.
    pub(crate) const fn by(reason: &'static str, field: &'static str) -> Self {
        Self {
            reason,
            field: Some(FieldName::known(field)),
        }
    }
}

/// Who answers a request.
#[derive(Debug)]
pub(crate) enum Answerer {
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
    pub(crate) fn label(&self) -> &str {
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

impl Record {
    /// Of a request that has just come.
    pub(crate) fn begin(gateway: &Gateway, via: Option<Via>) -> Self {
        Self {
            settings: gateway.settings.get(),
            started: gateway.sessions.clock().boot(),
            via,
            request_id: gateway.request_id(),
            trace: None,
            client: None,
            site: None,
            answerer: Answerer::Nobody,
            outcome: Outcome::Aborted,
            tier: "none",
            handle: None,
            cookie_changes: None,
            refusal: None,
            cors: Cors::Unmanaged,
        }
    }

    /// Goes by the id that the proxy before us has given the request, if it is fit to be one.
    pub(crate) fn take_request_id(&mut self, headers: &HeaderMap) {
        if let Some(id) = fields::only(headers, &REQUEST_ID).and_then(RequestId::given) {
            self.request_id = id;
        }
    }

    /// Finds out which trace it belongs to, and whether it is recorded.
    pub(crate) fn begin_trace(
        &mut self,
        gateway: &Gateway,
        headers: &HeaderMap,
        is_of_trusted_proxy: bool,
    ) {
        let Some(tracing) = &self.settings.tracing else {
            return;
        };
        let clock = &**gateway.sessions.clock();
        let sender = (headers, is_of_trusted_proxy);
        let trace = tracing
            .sampler
            .begin(sender, self.started, clock, &gateway.entropy);
        self.trace = trace.map(Arc::new);
    }

    /// What is recorded of it; `None`: nothing is.
    pub(crate) fn recording(&self) -> Option<&Recording> {
        self.trace.as_deref()?.recording()
    }

    /// The rules for what may come in have been applied.
    pub(crate) fn vetted(&self, gateway: &Gateway) {
        if let Some(recording) = self.recording() {
            let now = gateway.sessions.clock().boot();
            recording.did("vet", (self.started, now), Attributes::default());
        }
    }

    /// What an endpoint has found out about its session.
    pub(crate) fn saw(&mut self, seen: Option<Seen>) {
        if let Some(seen) = seen {
            self.tier = seen.tier;
            self.handle = seen.session;
        }
    }

    /// Who sent the request.
    pub(crate) fn client(&self, headers: &HeaderMap, to: Addressed) -> Client {
        Client {
            ip: self.client.unwrap_or(NO_ADDRESS),
            user_agent: headers.get(USER_AGENT).cloned(),
            request_id: self.request_id.clone(),
            trace: self.trace.clone(),
            to,
        }
    }

    /// What one says, as far as it is known before anybody has looked the session up.
    pub(crate) fn facts<'a>(&'a self, reason: &'a str) -> Facts<'a> {
        Facts {
            request_id: Some(&self.request_id),
            client: self.client,
            reason,
            ..Facts::default()
        }
    }
}
