//! What becomes of a request that brings old cookies?
//!
//! An existing session always wins. Without one, a login in the old cookies becomes the session of this very request.
//! An unknown answer stays unknown: it makes no session, ends none and clears nothing.

use std::sync::Arc;

use http::HeaderValue;
use session_core::service::{Active, Query, Resolution, Unknown};
use sidgate_policy::auth::decide::Finding;

use super::CookieChanges;
use super::migrate;
use super::notes::count;
use super::request_cookies::LegacyCookies;
use super::shadow::shadow;
use super::state::Outcome;
use crate::answer::set_cookie;
use crate::config::MigrationMode;
use crate::limits::buckets::TooMany;
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::Judged;

/// What became of a request and its old cookies.
#[derive(Debug)]
pub(crate) struct Identified {
    /// What is known about the session now.
    pub(crate) finding: Finding,
    /// The Cookie line for the app. The outer `None`: as it was sent; the inner one: no line.
    pub(crate) cookie: Option<Option<HeaderValue>>,
    /// What the answer says about cookies.
    pub(crate) cookie_changes: CookieChanges,
    /// Where the browser is redirected to, instead of the request being forwarded.
    pub(crate) redirect: Option<String>,
    /// Whether the session comes from the old cookies of this request.
    pub(crate) migrated: bool,
    /// Whether the old login was judged and is invalid or has ended.
    pub(crate) refused: bool,
}

impl Identified {
    /// Everything stays as it is.
    pub(crate) fn untouched(finding: Finding) -> Self {
        Self {
            finding,
            cookie: None,
            cookie_changes: CookieChanges::default(),
            redirect: None,
            migrated: false,
            refused: false,
        }
    }

    /// The request gets no session, and the app does not see the login.
    fn without_login(finding: Finding, legacy_cookies: &LegacyCookies) -> Self {
        Self {
            cookie: Some(legacy_cookies.otherwise.clone()),
            ..Self::untouched(finding)
        }
    }

    /// The session is active: the old cookies are hidden from the app and cleared.
    fn active(
        gateway: &Gateway,
        settings: &ActiveConfig,
        legacy_cookies: &LegacyCookies,
        active: Active,
    ) -> Self {
        let (key, now) = (&active.entry.session().key, gateway.sessions.clock().boot());
        let told = gateway.migrations.told(key, settings.generation, now);
        Self {
            cookie: Some(legacy_cookies.when_active.clone()),
            cookie_changes: CookieChanges {
                sweep: Some(
                    legacy_cookies.to_clear(told.cleared_names, legacy_cookies.found.all_names()),
                ),
                ..CookieChanges::default()
            },
            ..Self::untouched(Finding::Resolved(Resolution::Active(active)))
        }
    }
}

/// Decides about the old cookies of a request whose own session cookie gave `finding`.
///
/// # Errors
/// [`TooMany`] when this client has sent too many invalid old logins and unknown sids.
pub(crate) async fn arrive(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    legacy_cookies: &LegacyCookies,
    client: &Client,
    finding: Finding,
    query: Query,
) -> Result<Identified, TooMany> {
    if settings.config.migration.mode != MigrationMode::Off {
        for rule in &legacy_cookies.found.seen {
            gateway.migrations.book.seen(rule);
        }
        if legacy_cookies.found.has_unreadable {
            count(gateway, Judged::Unreadable);
        }
    }
    Ok(
        match (course(settings, legacy_cookies, &finding), finding) {
            (Course::Hide, Finding::Resolved(Resolution::Active(active))) => {
                Identified::active(gateway, settings, legacy_cookies, active)
            }
            (Course::Hide, finding) => Identified::without_login(finding, legacy_cookies),
            (Course::Leave, finding) => Identified::untouched(finding),
            (Course::Shadow, finding) => {
                shadow(gateway, settings, legacy_cookies, client, &finding);
                Identified::untouched(finding)
            }
            (Course::Judge, finding) => {
                let outcome =
                    migrate::migrate(gateway, settings, &legacy_cookies.found, client).await?;
                settle(
                    gateway,
                    settings,
                    legacy_cookies,
                    client,
                    finding,
                    outcome,
                    query,
                )
                .await
            }
        },
    )
}

/// What is done about the old cookies of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// Nothing: the app sees them.
    Leave,
    /// Nothing, but it is found out beside the request what migration would do.
    Shadow,
    /// The app does not see the login in them. Where there is a session, they are cleared too.
    Hide,
    /// The app that knows them is asked whose they are, and the login becomes a session.
    Judge,
}

/// Decides that for a request whose own session cookie gave `finding`. No I/O.
pub(crate) fn course(
    settings: &ActiveConfig,
    legacy_cookies: &LegacyCookies,
    finding: &Finding,
) -> Course {
    match (settings.config.migration.mode, finding) {
        (MigrationMode::Off, _) | (MigrationMode::Shadow, Finding::NotAsked) => Course::Leave,
        (MigrationMode::Shadow, _) => Course::Shadow,
        (MigrationMode::On, Finding::Resolved(Resolution::Active(_))) => Course::Hide,
        (MigrationMode::On, _) if !legacy_cookies.is_chosen(settings) => Course::Leave,
        (MigrationMode::On, Finding::NotAsked | Finding::Resolved(Resolution::Unknown(_))) => {
            Course::Hide
        }
        (MigrationMode::On, _) if !legacy_cookies.welcome || !legacy_cookies.found.has_login() => {
            Course::Hide
        }
        (MigrationMode::On, _) => Course::Judge,
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "the request, what is known of it, and what came of it"
)]
async fn settle(
    gateway: &Gateway,
    settings: &ActiveConfig,
    legacy_cookies: &LegacyCookies,
    client: &Client,
    finding: Finding,
    outcome: Outcome,
    query: Query,
) -> Identified {
    let unknown = || Finding::Resolved(Resolution::Unknown(Unknown::Legacy));
    let (key, sid, made, spent) = match outcome {
        Outcome::Session {
            key,
            sid,
            made,
            spent,
        } => (key, sid, made, spent),
        Outcome::Refused(cleared_names) => {
            let mut identified = Identified::without_login(finding, legacy_cookies);
            identified.cookie_changes.sweep =
                Some(legacy_cookies.to_clear(cleared_names, legacy_cookies.found.all_names()));
            identified.refused = true;
            return identified;
        }
        Outcome::Ambiguous => return Identified::without_login(finding, legacy_cookies),
        Outcome::Unavailable => return Identified::without_login(unknown(), legacy_cookies),
    };
    let active = match gateway
        .sessions
        .resolve_key(key, &client.to.group, query)
        .await
    {
        Resolution::Active(active) => active,
        // The session has ended in the meantime. The next request judges the login again.
        absent @ Resolution::Absent(_) => {
            return Identified::without_login(Finding::Resolved(absent), legacy_cookies);
        }
        unknown @ Resolution::Unknown(_) => {
            return Identified::without_login(Finding::Resolved(unknown), legacy_cookies);
        }
    };
    let now = gateway.sessions.clock().wall();
    let config = &settings.site(client.to.site).config.cookie;
    let cookie = set_cookie::issue(config, &sid, active.entry.session(), now);
    let mut identified = Identified::active(gateway, settings, legacy_cookies, active);
    identified.migrated = true;
    identified.cookie_changes.sid = cookie;
    if let Some(to_clear) = &mut identified.cookie_changes.sweep {
        to_clear.names = legacy_cookies.found.clearable(&spent);
    }
    if settings.config.migration.keep_until_confirmed {
        identified.cookie_changes.sweep = None;
    }
    if made
        && legacy_cookies.again.is_some()
        && gateway.migrations.may_redirect(
            client.ip,
            &client.clipped_user_agent(),
            gateway.sessions.clock().boot(),
        )
    {
        identified.redirect.clone_from(&legacy_cookies.again);
    }
    identified
}
