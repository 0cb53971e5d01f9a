//! The request that an app has served, as far as its events are about it.

use std::sync::Arc;

use session_core::service::LoginTicket;
use session_core::session::Text;
use sidgate_policy::auth::decide::State;

use crate::apps::app::App;
use crate::passage::{Forward, Record};
use crate::state::ActiveSite;
use crate::telemetry::security::Facts;
use crate::visit::Visit;

/// The request that an app has served, as far as its events are about it.
#[derive(Clone)]
pub(crate) struct Served<'f> {
    /// The app.
    pub app: &'f Arc<App>,
    /// What it was told about the session.
    pub state: &'f State,
    /// Who sent the request, and what it brought.
    pub visit: &'f Visit,
    /// Whose session the app was told of, if it may have ended since.
    pub user: Option<Text>,
    /// Taken before the app saw any credentials (DESIGN 5, R8).
    pub ticket: Option<LoginTicket>,
}

impl<'f> Served<'f> {
    /// A request that went to its app.
    pub(crate) fn of(forward: &'f Forward) -> Self {
        Self {
            app: &forward.app,
            state: &forward.state,
            visit: &forward.visit,
            user: None,
            ticket: forward.ticket,
        }
    }

    /// The site that it was sent to.
    pub(super) fn site<'c>(&self, record: &'c Record) -> &'c ActiveSite {
        record.settings.site(self.visit.client.to.site)
    }

    /// What a line says about something that the app has asked for.
    pub(super) fn facts<'a>(&'a self, record: &'a Record, reason: &'a str) -> Facts<'a> {
        let facts = Facts {
            app: Some(&self.app.name),
            ..record.facts(reason)
        };
        match self.state {
            State::Active(active) => facts.by_owner(active.entry.session()),
            State::None | State::Anonymous | State::Unknown => facts,
        }
    }
}
