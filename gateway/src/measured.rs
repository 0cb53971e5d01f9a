//! Steps on the way of a request that are private to this crate, for the benches: they measure what requests go through,
//! and nothing else comes this way.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use session_core::clock::Timestamp;
use session_core::keys::Keyring;
use session_core::service::{Active, Resolution};
use sidgate_policy::auth::decide::{self, Decision, Finding, State};
use sidgate_policy::auth::token::SignError;
use sidgate_policy::edge::client_ip::Peer;
use sidgate_policy::edge::{RawRequest, shown, vet};

use crate::apps::app::App;
use crate::config::{AccessFields, Config};
use crate::decision::{self, Request, Sender, Verdict};
use crate::state::badges::Badges;
use crate::state::{ActiveConfig, SessionHeaders};
use crate::telemetry::access_log::AccessLine;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::outcome::Outcome;

/// The address of the client.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

/// A configuration in use, and the app that its requests go to.
pub struct Measured {
    settings: ActiveConfig,
    app: Arc<App>,
    badges: Badges,
    metrics: Metrics,
}

impl Measured {
    /// Takes a configuration into use. Requests go to the backend's app.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn new(config: Config, keys: &Keyring) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let settings = ActiveConfig::new(config, keys, None)?;
        let app = settings.app(&settings.config.backend.upstream.name);
        Ok(Self {
            app: Arc::clone(app.ok_or("no app")?),
            badges: Badges::new(settings.config.cache.badges_max_bytes()),
            metrics: Metrics::new()?,
            settings,
        })
    }

    /// Whether the rules of the edge let the request through.
    #[must_use]
    pub fn vet(&self, request: &RawRequest<'_>) -> bool {
        vet(request, &self.settings.edge).is_ok()
    }

    /// Whether the request goes to an app as that of a visitor with a session. Vets it, too.
    #[must_use]
    pub fn decide(&self, request: &RawRequest<'_>, found: Resolution) -> bool {
        let sender = Sender::of(Peer::Address(CLIENT), request.headers, &self.settings);
        let request = Request {
            version: request.version,
            method: request.method,
            target: request.target,
            authority: request.authority,
            headers: request.headers,
            raw_head: request.raw_head,
            over_tls: true,
        };
        let decided = decision::decide(&request, sender, &self.settings, || Ok(()), |_| {});
        let Ok(Verdict::Onward(onward)) = decided.map(|decided| decided.verdict) else {
            return false;
        };
        let route = onward.route;
        let decision = decide::decide(route.wanted(), Finding::Resolved(found), || {
            Timestamp::from_micros(0)
        });
        matches!(decision, Decision::Forward(State::Active(_)))
    }

    /// Writes what an app is told of a session, from what is kept for it where there is something.
    ///
    /// # Errors
    /// When signing fails.
    pub fn identity(
        &self,
        active: &Active,
        headers: &mut HeaderMap,
        now: i64,
    ) -> Result<(), SignError> {
        self.tell(&State::Active(active.clone()), headers, now)
    }

    /// Writes what an app is told where there is no session.
    ///
    /// # Errors
    /// When signing fails.
    pub fn anonymous(&self, headers: &mut HeaderMap, now: i64) -> Result<(), SignError> {
        self.tell(&State::Anonymous, headers, now)
    }

    fn tell(&self, state: &State, headers: &mut HeaderMap, now: i64) -> Result<(), SignError> {
        let told = (&self.settings, &self.metrics);
        SessionHeaders::of(&self.badges, told, (&self.app, 0), state, now)?.write(headers);
        Ok(())
    }
}

/// Appends the access line of a request for this path.
pub fn access_line(path: &str, into: &mut Vec<u8>) {
    AccessLine {
        fields: AccessFields::usual(),
        request_id: "019ad6f2b4c87f3e9a51d0c4e7b8f216",
        trace_id: None,
        method: "GET",
        path: &shown::path(path.as_bytes(), |_| false),
        host: Some("app.example.com"),
        site: None,
        protocol: None,
        via: None,
        tls: None,
        route: "/",
        outcome: Outcome::Active,
        status: 200,
        reason: None,
        field: None,
        session: Some("019ad6f2-b4c8-7f3e-9a51-d0c4e7b8f216"),
        tier: "local",
        client: Some(CLIENT),
        user_agent: None,
        upstream: Some("app"),
        server: Some("192.0.2.7:8000"),
        first_byte: Some(Duration::from_micros(987)),
        received: Some(0),
        bytes: Some(12_345),
        duration: Duration::from_micros(1_234),
        headers: None,
    }
    .append_to(into);
}
