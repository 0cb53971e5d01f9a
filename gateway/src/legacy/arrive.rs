//! What becomes of a request that brings old cookies?
//!
//! An existing session always wins. Without one, a login in the old cookies becomes the session of this very request.
//! "Nobody can say" stays that: it makes no session, ends none and clears nothing.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use session_core::service::{Active, Query, Resolution, Unknown};
use session_core::session::Text;

use super::farewell::Broom;
use super::found::Found;
use super::migrate::{self, Outcome, count};
use super::shadow::shadow;
use super::{Farewell, Janitor, admission};
use crate::auth::decide::Finding;
use crate::buckets::TooMany;
use crate::config::{MigrationMode, MigrationRedirect};
use crate::edge::Vetted;
use crate::gate::Gate;
use crate::set_cookie;
use crate::site::Site;

/// The old cookies of one request, and all that is needed to decide about them later.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) found: Arc<Found>,
    /// Whether the request may migrate its sender.
    welcome: bool,
    /// The Cookie line for an app that knows the session.
    when_active: Option<HeaderValue>,
    /// The Cookie line for an app that knows none: without credentials.
    otherwise: Option<HeaderValue>,
    /// Where the browser may be sent for the same page again.
    again: Option<String>,
    pub(crate) path: String,
}

/// Who sent it.
#[derive(Clone, Debug)]
pub(crate) struct Visitor {
    pub(crate) ip: IpAddr,
    pub(crate) user_agent: Text,
    pub(crate) request_id: String,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// What is known about the session now.
    pub(crate) finding: Finding,
    /// The Cookie line for the app, where it is not as it was sent.
    pub(crate) cookie: Option<Option<HeaderValue>>,
    /// What the answer says about cookies.
    pub(crate) farewell: Farewell,
    /// The browser is sent here instead of the app being asked.
    pub(crate) redirect: Option<String>,
    /// Whether the session comes from the old cookies of this request.
    pub(crate) migrated: bool,
    /// Whether the login was judged, and is none or none any more.
    pub(crate) refused: bool,
}

impl Offer {
    /// The old cookies of a vetted request. No I/O; `None`, at next to no cost, when there are none.
    pub(crate) fn of(
        site: &Site,
        vetted: &Vetted<'_>,
        method: &str,
        headers: &HeaderMap,
    ) -> Option<Box<Self>> {
        let rules = &site.legacy.as_ref()?.rules;
        let found = rules.find(&vetted.cookies)?;
        let migration = &site.config.migration;
        let again = migration.redirect == MigrationRedirect::Navigation
            && !vetted.websocket
            && admission::is_top_level_get(method, headers);
        let again = again.then(|| match vetted.query {
            Some(query) => format!("{}?{query}", vetted.path),
            None => vetted.path.to_owned(),
        });
        Some(Box::new(Self {
            welcome: admission::may_migrate(method, headers, &site.origin),
            when_active: vetted.cookies.upstream_line(|name| rules.hides(name)),
            otherwise: vetted
                .cookies
                .upstream_line(|name| rules.is_credential(name)),
            again,
            path: vetted.path.to_owned(),
            found: Arc::new(found),
        }))
    }

    /// The old cookies go, whatever they were: their browser has another session now, or none.
    pub(crate) fn parting(&self, site: &Site) -> Option<Farewell> {
        (site.config.migration.mode == MigrationMode::On)
            .then(|| Farewell::clearing(self.found.all_names(), self.path.clone()))
    }

    /// Whether these are among those that are migrated. Where all are, what carries no login is too: no app sees it.
    pub(super) fn is_chosen(&self, site: &Site) -> bool {
        let percent = site.config.migration.rollout_percent;
        percent == 100 || self.found.is_within(percent)
    }

    fn broom(&self, janitor: Arc<Janitor>, names: Vec<String>) -> Broom {
        Broom {
            janitor,
            names,
            path: self.path.clone(),
        }
    }
}

impl Arrival {
    /// Everything stays as it is.
    pub(crate) fn untouched(finding: Finding) -> Self {
        Self {
            finding,
            cookie: None,
            farewell: Farewell::default(),
            redirect: None,
            migrated: false,
            refused: false,
        }
    }

    /// No session comes of it, and no app sees the login.
    fn without_login(finding: Finding, offer: &Offer) -> Self {
        Self {
            cookie: Some(offer.otherwise.clone()),
            ..Self::untouched(finding)
        }
    }

    /// A session, beside which the old cookies mean nothing any more.
    fn active(gate: &Gate, site: &Site, offer: &Offer, active: Active) -> Self {
        let janitor = site.badge(&active.entry, &gate.metrics).janitor();
        Self {
            cookie: Some(offer.when_active.clone()),
            farewell: Farewell {
                sweep: Some(offer.broom(janitor, offer.found.all_names())),
                ..Farewell::default()
            },
            ..Self::untouched(Finding::Resolved(Resolution::Active(active)))
        }
    }
}

/// Decides about the old cookies of a request whose own session cookie gave `finding`.
///
/// # Errors
/// When too many old logins and sids of this client were nobody's.
pub(crate) async fn arrive(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    offer: &Offer,
    visitor: &Visitor,
    finding: Finding,
    query: Query,
) -> Result<Arrival, TooMany> {
    let mode = site.config.migration.mode;
    if mode != MigrationMode::Off {
        for rule in &offer.found.seen {
            gate.migrations.book.seen(rule);
        }
        if offer.found.has_unreadable {
            count(gate, "unreadable");
        }
    }
    Ok(match (mode, finding) {
        (MigrationMode::Off, finding) => Arrival::untouched(finding),
        (MigrationMode::Shadow, finding @ Finding::NotAsked) => Arrival::untouched(finding),
        (MigrationMode::Shadow, finding) => {
            shadow(gate, site, offer, visitor, &finding);
            Arrival::untouched(finding)
        }
        (MigrationMode::On, Finding::Resolved(Resolution::Active(active))) => {
            Arrival::active(gate, site, offer, active)
        }
        (MigrationMode::On, finding) if !offer.is_chosen(site) => Arrival::untouched(finding),
        (
            MigrationMode::On,
            finding @ (Finding::NotAsked | Finding::Resolved(Resolution::Unknown(_))),
        ) => Arrival::without_login(finding, offer),
        (MigrationMode::On, finding) if !offer.welcome || !offer.found.has_login() => {
            Arrival::without_login(finding, offer)
        }
        (MigrationMode::On, finding) => {
            let outcome = migrate::migrate(gate, site, &offer.found, visitor).await?;
            settle(gate, site, offer, visitor, finding, outcome, query).await
        }
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "the request, what is known of it, and what came of it"
)]
async fn settle(
    gate: &Gate,
    site: &Site,
    offer: &Offer,
    visitor: &Visitor,
    finding: Finding,
    outcome: Outcome,
    query: Query,
) -> Arrival {
    let unknown = || Finding::Resolved(Resolution::Unknown(Unknown::Legacy));
    let (key, sid, life, made, spent) = match outcome {
        Outcome::Session {
            key,
            sid,
            life,
            made,
            spent,
        } => (key, sid, life, made, spent),
        Outcome::Refused(janitor) => {
            let mut arrival = Arrival::without_login(finding, offer);
            arrival.farewell.sweep = Some(offer.broom(janitor, offer.found.all_names()));
            arrival.refused = true;
            return arrival;
        }
        Outcome::Ambiguous => return Arrival::without_login(finding, offer),
        Outcome::Unavailable => return Arrival::without_login(unknown(), offer),
    };
    let active = match gate.sessions.resolve_key(key, query).await {
        Resolution::Active(active) => active,
        // It has ended since: what that means for the login is for the next request to say.
        absent @ Resolution::Absent(_) => {
            return Arrival::without_login(Finding::Resolved(absent), offer);
        }
        unknown @ Resolution::Unknown(_) => {
            return Arrival::without_login(Finding::Resolved(unknown), offer);
        }
    };
    let mut arrival = Arrival::active(gate, site, offer, active);
    arrival.migrated = true;
    arrival.farewell.sid = set_cookie::issue(&site.config.cookie, &sid, life);
    if let Some(broom) = &mut arrival.farewell.sweep {
        broom.names = offer.found.clearable(&spent);
    }
    if site.config.migration.keep_until_confirmed {
        arrival.farewell.sweep = None;
    }
    if made && offer.again.is_some() && gate.migrations.may_redirect(gate, visitor) {
        arrival.redirect.clone_from(&offer.again);
    }
    arrival
}
