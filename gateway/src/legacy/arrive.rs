//! What becomes of a request that brings old cookies?
//!
//! An existing session always wins. Without one, a login in the old cookies becomes the session of this very request.
//! "Nobody can say" stays that: it makes no session, ends none and clears nothing.

use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{Active, Query, Resolution, Unknown};

use super::Farewell;
use super::migrate;
use super::notes::count;
use super::offer::Offer;
use super::shadow::shadow;
use super::state::Outcome;
use crate::answer::set_cookie;
use crate::auth::decide::Finding;
use crate::config::MigrationMode;
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};

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
    fn active(gateway: &Gateway, settings: &ActiveConfig, offer: &Offer, active: Active) -> Self {
        let janitor = settings.told(&active.entry, &gateway.metrics).janitor;
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
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    offer: &Offer,
    client: &Client,
    finding: Finding,
    query: Query,
) -> Result<Arrival, TooMany> {
    let mode = settings.config.migration.mode;
    if mode != MigrationMode::Off {
        for rule in &offer.found.seen {
            gateway.migrations.book.seen(rule);
        }
        if offer.found.has_unreadable {
            count(gateway, "unreadable");
        }
    }
    Ok(match (mode, finding) {
        (MigrationMode::Off, finding) => Arrival::untouched(finding),
        (MigrationMode::Shadow, finding @ Finding::NotAsked) => Arrival::untouched(finding),
        (MigrationMode::Shadow, finding) => {
            shadow(gateway, settings, offer, client, &finding);
            Arrival::untouched(finding)
        }
        (MigrationMode::On, Finding::Resolved(Resolution::Active(active))) => {
            Arrival::active(gateway, settings, offer, active)
        }
        (MigrationMode::On, finding) if !offer.is_chosen(settings) => Arrival::untouched(finding),
        (
            MigrationMode::On,
            finding @ (Finding::NotAsked | Finding::Resolved(Resolution::Unknown(_))),
        ) => Arrival::without_login(finding, offer),
        (MigrationMode::On, finding) if !offer.welcome || !offer.found.has_login() => {
            Arrival::without_login(finding, offer)
        }
        (MigrationMode::On, finding) => {
            let outcome = migrate::migrate(gateway, settings, &offer.found, client).await?;
            settle(gateway, settings, offer, client, finding, outcome, query).await
        }
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "the request, what is known of it, and what came of it"
)]
async fn settle(
    gateway: &Gateway,
    settings: &ActiveConfig,
    offer: &Offer,
    client: &Client,
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
    let active = match gateway.sessions.resolve_key(key, query).await {
        Resolution::Active(active) => active,
        // It has ended since: what that means for the login is for the next request to say.
        absent @ Resolution::Absent(_) => {
            return Arrival::without_login(Finding::Resolved(absent), offer);
        }
        unknown @ Resolution::Unknown(_) => {
            return Arrival::without_login(Finding::Resolved(unknown), offer);
        }
    };
    let mut arrival = Arrival::active(gateway, settings, offer, active);
    arrival.migrated = true;
    arrival.farewell.sid = set_cookie::issue(&settings.config.cookie, &sid, life);
    if let Some(broom) = &mut arrival.farewell.sweep {
        broom.names = offer.found.clearable(&spent);
    }
    if settings.config.migration.keep_until_confirmed {
        arrival.farewell.sweep = None;
    }
    if made
        && offer.again.is_some()
        && gateway.migrations.may_redirect(
            client.ip,
            &client.user_agent,
            gateway.sessions.clock().boot(),
        )
    {
        arrival.redirect.clone_from(&offer.again);
    }
    arrival
}
