//! What an app is told about the session of one request.

use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::identity::Badge;
use sidgate_policy::auth::token::SignError;
use sidgate_policy::edge::identity_headers::{ASSERTION, STATE};

use super::ActiveConfig;
use super::badges::Badges;
use crate::apps::app::App;
use crate::telemetry::metrics::Metrics;

/// The `X-Session-*` headers of one request to an app.
pub(crate) struct SessionHeaders {
    state: &'static str,
    /// Where there is a session.
    badge: Option<Arc<Badge>>,
    assertion: HeaderValue,
}

impl SessionHeaders {
    /// What `app` is told at `now`, unix seconds, by a request to a site. A session must have been checked a moment ago: before that nothing may be
    /// signed.
    ///
    /// # Errors
    /// When signing fails.
    pub(crate) fn of(
        badges: &Badges,
        told: (&ActiveConfig, &Metrics),
        (app, site): (&App, usize),
        state: &State,
        now: i64,
    ) -> Result<Self, SignError> {
        let (badge, assertion) = match state {
            State::Active(active) => {
                let badge = badges.of(told, (app, site), active, now)?;
                let assertion = badge.assertion.clone();
                (Some(badge), assertion)
            }
            State::None | State::Anonymous | State::Unknown => {
                let shared = app.without_session(site, state);
                (None, shared.get(&app.keys, now)?)
            }
        };
        Ok(Self {
            state: state.as_str(),
            badge,
            assertion,
        })
    }

    /// Those beside state and assertion.
    pub(crate) fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        self.badge.as_ref().map_or(&[], |badge| &badge.fields)
    }

    /// Writes all of them.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(STATE, HeaderValue::from_static(self.state));
        for (name, value) in self.fields() {
            headers.insert(name, value.clone());
        }
        headers.insert(ASSERTION, self.assertion.clone());
    }
}
