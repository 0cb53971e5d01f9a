//! A request on its way to an app: what the route wants, what is known about the session, and so what happens.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use pingora_http::RequestHeader;
use session_core::service::{Absence, LoginTicket, Query, Resolution};
use session_core::session::{Dead, Group, RevokeReason};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::{self, Decision, Finding, State};
use sidgate_policy::auth::requirements::Unmet;

use super::Record;
use super::rendered::rendered;
use crate::answer::{Answer, Rejection};
use crate::apps::app::App;
use crate::config::Route;
use crate::decision::onward::Onward;
use crate::decision::sent_path::SentPath;
use crate::limits::buckets::TooMany;
use crate::limits::shedding::Kind;
use crate::state::{ActiveSite, Gateway};
use crate::visit::Visit;
use crate::visit::old_cookies::Identified;

/// A request on its way to an app. Owns what it needs of the request.
pub(crate) struct Forward {
    /// The app.
    pub app: Arc<App>,
    /// What is known about its session.
    pub state: State,
    /// How that is looked up.
    pub query: Query,
    /// What the route asks for.
    pub route: Arc<Route>,
    /// Who sent it, and what it brought.
    pub visit: Visit,
    /// Header names to take away before ours are written.
    pub remove: Vec<HeaderName>,
    /// The one Cookie line for the app.
    pub cookie: Option<HeaderValue>,
    /// What it gets of the path.
    pub path: SentPath,
    /// The host as configured.
    pub host: HeaderValue,
    /// Taken before the app sees any credentials (DESIGN 5, R8).
    pub ticket: Option<LoginTicket>,
}

/// A request that is forwarded if its session allows.
pub(crate) struct Plan {
    forward: Forward,
    refetch: Option<String>,
}

impl Plan {
    /// What was decided about a request whose session is not known yet, and what it brought. No I/O.
    pub(crate) fn new(gateway: &Gateway, onward: Onward<'_>, visit: Visit) -> Self {
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

    /// Finds out about the session and decides. `head` is that of the request.
    pub(crate) async fn settle(
        self,
        gateway: &Arc<Gateway>,
        record: &mut Record,
        head: &RequestHeader,
    ) -> Settled {
        match self.found(gateway, record).await {
            Ok(Outcome::Forward(forward)) => Settled::Onward(forward),
            Ok(Outcome::Missing(why)) => {
                Settled::answer(rendered(Rejection::NoSession(why), head, record))
            }
            Ok(Outcome::Unmet(why)) => {
                Settled::answer(rendered(Rejection::Unmet(why), head, record))
            }
            Ok(Outcome::Unavailable) => Settled::answer(Answer::unavailable()),
            Ok(Outcome::Again(location)) => Settled::answer(Answer::again(&location)),
            Ok(Outcome::Refetch(location)) => Settled::answer(Answer::hand_over(&location)),
            Err(TooMany(seconds)) => Settled::answer(Answer::too_many_requests(seconds)),
        }
    }

    /// # Errors
    /// When this client has sent too many sids that are no sessions.
    async fn found(self, gateway: &Arc<Gateway>, record: &mut Record) -> Result<Outcome, TooMany> {
        let Self {
            mut forward,
            refetch,
        } = self;
        let settings = Arc::clone(&record.settings);
        let identified =
            forward
                .visit
                .identify(gateway, &settings, forward.route.session, forward.query);
        let Identified {
            finding,
            cookie,
            cookie_changes,
            redirect,
            ..
        } = identified.await?;
        record.tier = decide::labels(&finding).0;
        let handle = match &finding {
            Finding::Resolved(Resolution::Active(active)) => Some(active.entry.session().id),
            _ => None,
        };
        if forward.visit.has_old_cookies() {
            forward.cookie = cookie.unwrap_or(forward.cookie);
            record.cookie_changes = Some(cookie_changes);
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
                    record.handle = handle;
                    Outcome::Unmet(why)
                }
                Decision::Missing(why) => Outcome::Missing(why),
                Decision::Unavailable(_) => Outcome::Unavailable,
                Decision::Forward(state) => {
                    forward.state = state;
                    if let State::Active(active) = &forward.state
                        && let Some(returned) = forward
                            .visit
                            .give_back(gateway, &settings, active, &mut forward.cookie)
                            .await
                    {
                        record.cookie_changes = Some(returned);
                    }
                    record.handle = handle;
                    Outcome::Forward(forward)
                }
            },
        )
    }
}

impl Forward {
    /// The site that the request was sent to.
    pub(crate) fn site<'c>(&self, record: &'c Record) -> &'c ActiveSite {
        record.settings.site(self.visit.client.to.site)
    }

    /// The second check (R1): what was found may have changed on the way here, or the process may have been paused. Then the
    /// session is asked for again, once, as if the request had just come.
    pub(crate) async fn confirm(&mut self, gateway: &Gateway) -> Result<(), Doubt> {
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
pub(crate) enum Doubt {
    /// The route requires a session, and there is none any more.
    Missing,
    /// There is another one, which is not all that the route asks for.
    Unmet(Unmet),
    /// It is unknown now.
    Unavailable,
}

/// What became of a plan.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub(crate) enum Settled {
    /// The request goes to its app.
    Onward(Forward),
    /// It does not.
    Answer(Box<Answer>),
}

impl Settled {
    fn answer(answer: Answer) -> Self {
        Self::Answer(Box::new(answer))
    }
}

/// What was found out about the session of a request.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
enum Outcome {
    /// The request goes on.
    Forward(Forward),
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
