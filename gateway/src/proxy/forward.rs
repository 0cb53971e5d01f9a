//! A request on its way to an app: what the route wants, what is known about the session, and so what happens.

use std::sync::Arc;

use session_core::service::{Absence, Query, Resolution};
use session_core::session::{Dead, Group, RevokeReason};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::{self, Decision, Finding, State};
use sidgate_policy::auth::requirements::Unmet;

use super::Ctx;
use super::ctx::Forward;
use super::tries::Tries;
use crate::decision::onward::Onward;
use crate::limits::buckets::TooMany;
use crate::limits::shedding::Kind;
use crate::state::{ActiveConfig, ActiveSite, Gateway};
use crate::telemetry::security::Facts;
use crate::visit::Visit;
use crate::visit::old_cookies::Identified;

/// A request that is forwarded if its session allows. Owns what it needs of the request.
pub(super) struct Plan {
    forward: Forward,
    refetch: Option<String>,
}

impl Plan {
    /// What was decided about a request whose session is not known yet, and what it brought. No I/O.
    pub(super) fn new(gateway: &Gateway, onward: Onward<'_>, visit: Visit) -> Self {
        let forward = Forward {
            app: Arc::clone(onward.app),
            state: State::None,
            query: onward.query,
            route: Arc::clone(onward.route),
            remove: onward.remove,
            cookie: onward.cookie,
            path: onward.path,
            visit,
            host: onward.host,
            ticket: gateway.sessions.begin_login_from_lease().ok(),
            tries: Tries::default(),
        };
        Self {
            forward,
            refetch: onward.refetch,
        }
    }

    /// What the request is when there is too much to do.
    pub(super) fn kind(&self, gateway: &Gateway) -> Kind {
        let visit = &self.forward.visit;
        match visit.key() {
            Some(key) => kind_of(gateway, &key, &visit.client.to.group),
            None if visit.has_old_cookies() => Kind::Migrating,
            None => Kind::Anonymous,
        }
    }

    /// Finds out about the session and decides.
    ///
    /// # Errors
    /// When this client has sent too many sids that are no sessions.
    pub(super) async fn settle(
        self,
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        ctx: &mut Ctx,
    ) -> Result<Outcome, TooMany> {
        let Self {
            mut forward,
            refetch,
        } = self;
        let identified =
            forward
                .visit
                .identify(gateway, settings, forward.route.session, forward.query);
        let Identified {
            finding,
            cookie,
            cookie_changes,
            redirect,
            ..
        } = identified.await?;
        ctx.tier = decide::labels(&finding).0;
        let handle = match &finding {
            Finding::Resolved(Resolution::Active(active)) => Some(active.entry.session().id),
            _ => None,
        };
        if forward.visit.has_old_cookies() {
            forward.cookie = cookie.unwrap_or(forward.cookie);
            ctx.cookie_changes = Some(cookie_changes);
        }
        if let Some(location) = redirect {
            return Ok(Outcome::Again(location));
        }
        if let Some(location) = refetch
            && has_made_way(&finding)
        {
            return Ok(Outcome::Refetch(location));
        }
        Ok(
            match decide::decide(forward.route.wanted(), finding, || {
                gateway.sessions.clock().wall()
            }) {
                Decision::Unmet(why) => {
                    ctx.handle = handle;
                    Outcome::Unmet(why)
                }
                Decision::Missing(why) => Outcome::Missing(why),
                Decision::Unavailable(_) => Outcome::Unavailable,
                Decision::Forward(state) => {
                    forward.state = state;
                    if let State::Active(active) = &forward.state
                        && let Some(returned) = forward
                            .visit
                            .give_back(gateway, settings, active, &mut forward.cookie)
                            .await
                    {
                        ctx.cookie_changes = Some(returned);
                    }
                    ctx.handle = handle;
                    ctx.forward = Some(forward);
                    Outcome::Forward
                }
            },
        )
    }
}

impl Forward {
    /// The site that the request was sent to.
    pub(super) fn site<'c>(&self, ctx: &'c Ctx) -> &'c ActiveSite {
        ctx.settings.site(self.visit.client.to.site)
    }

    /// What a line says about something that the app has asked for.
    pub(super) fn facts<'a>(&'a self, ctx: &'a Ctx, reason: &'a str) -> Facts<'a> {
        let facts = Facts {
            app: Some(&self.app.name),
            ..ctx.facts(reason)
        };
        match &self.state {
            State::Active(active) => facts.by_owner(active.entry.session()),
            State::None | State::Anonymous | State::Unknown => facts,
        }
    }

    /// The second check (R1): what was found may have changed on the way here, or the process may have been paused. Then the
    /// session is asked for again, once, as if the request had just come.
    pub(super) async fn confirm(&mut self, gateway: &Gateway) -> Result<(), Doubt> {
        let State::Active(active) = &self.state else {
            return Ok(());
        };
        if gateway.sessions.still_holds(active, self.query) {
            return Ok(());
        }
        let key = active.entry.session().key;
        let found = gateway
            .sessions
            .resolve_key(key, &self.visit.client.to.group, self.query)
            .await;
        let found = self.visit.client.to.judge(found);
        let now = || gateway.sessions.clock().wall();
        match decide::decide(self.route.wanted(), Finding::Resolved(found), now) {
            Decision::Missing(_) => Err(Doubt::Missing),
            Decision::Unmet(why) => Err(Doubt::Unmet(why)),
            Decision::Unavailable(_) => Err(Doubt::Unavailable),
            Decision::Forward(State::Active(again))
                if !gateway.sessions.still_holds(&again, self.query) =>
            {
                Err(Doubt::Unavailable)
            }
            Decision::Forward(state) => {
                self.state = state;
                Ok(())
            }
        }
    }
}

/// What the second check found.
pub(super) enum Doubt {
    /// The route requires a session, and there is none any more.
    Missing,
    /// There is another one, which is not all that the route asks for.
    Unmet(Unmet),
    /// It is unknown now.
    Unavailable,
}

/// The result of a plan.
pub(super) enum Outcome {
    /// The request goes on; the context says how.
    Forward,
    /// The route requires a session and there is none.
    Missing(Option<Absence>),
    /// There is a session that is not all that the route asks for.
    Unmet(Unmet),
    /// It is unknown whether there is a session.
    Unavailable,
    /// The browser is to ask for the same page again, with its new cookie.
    Again(String),
    /// The browser is to fetch its session from another site of the group.
    Refetch(String),
}

/// Whether a sid stands for no session because there is a newer one.
fn has_made_way(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Resolved(Resolution::Absent(Absence::Ended(
            Dead::Renewed | Dead::Revoked(Some(RevokeReason::Replaced))
        )))
    )
}

/// What a request with a genuine sid is when there is too much to do.
pub(super) fn kind_of(gateway: &Gateway, key: &SessionKey, group: &Group) -> Kind {
    let query = Query {
        counts_as_use: false,
        ..Query::default()
    };
    match gateway.sessions.at_hand(key, group, query) {
        Some(Resolution::Active(_)) => Kind::Known,
        Some(Resolution::Absent(_)) => Kind::Anonymous,
        Some(Resolution::Unknown(_)) | None => Kind::ToRead,
    }
}
