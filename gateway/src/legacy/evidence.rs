//! What is known of the credentials of one request. The store is asked first, and the app about the rest.

use std::sync::Arc;

use session_core::clock::Timestamp;
use session_core::keys::legacy::LegacyLogin;
use session_core::service::{Created, Known, LoginTicket, Proven, SessionsError};
use session_core::session::{Identity, Reference};
use uuid::Uuid;

use super::cookies::found::Found;
use super::judgement::Standing;
use super::question::{NoAnswer, ask};
use crate::apps::backend::{OldCookies, Recognised};
use crate::state::{ActiveConfig, Client, Gateway};

/// What is known of each login of one request.
pub(super) struct Evidence {
    pub(super) gateway: Arc<Gateway>,
    pub(super) settings: Arc<ActiveConfig>,
    pub(super) found: Arc<Found>,
    pub(super) client: Client,
    /// One login for each value that was found, in the same order.
    pub(super) logins: Vec<Arc<LegacyLogin>>,
    /// What the app has said about them.
    told: Vec<Option<Told>>,
    /// Taken before the app was asked: "log everybody out" also ends logins that are under way (DESIGN 5, R8).
    pub(super) ticket: Option<LoginTicket>,
    pub(super) may_ask: bool,
    /// Values for which the app had no answer just now, and why.
    pub(super) failures: usize,
    pub(super) why: Option<String>,
}

/// What the app says about a value.
enum Told {
    Accepted(Accepted),
    Refused,
    /// The app gave no usable answer.
    Nothing,
}

pub(super) struct Accepted {
    pub(super) identity: Box<Identity>,
    pub(super) reference: Option<Reference>,
    proved: Timestamp,
}

/// What is known of a value.
pub(super) enum State {
    Live(Box<Created>),
    Accepted,
    Dead(Dead),
    Unjudged,
}

/// Why a value is no login any more.
#[derive(Clone, Copy)]
pub(super) enum Dead {
    /// It was refused or had ended lately, and that is remembered.
    Remembered,
    Refused,
    /// It became a session, which has ended; its handle, if it is known.
    Replayed(Option<Uuid>),
    /// The app accepts it, but its user, its tenant or everybody was logged out after the login was proven.
    Revoked,
}

/// Why there is nothing to judge.
pub(super) enum Stop {
    /// The store failed.
    Failed(SessionsError),
    /// Only the app could tell, and it must not be asked.
    CutShort,
}

impl Evidence {
    pub(super) fn new(
        gateway: &Arc<Gateway>,
        settings: &Arc<ActiveConfig>,
        found: &Arc<Found>,
        client: &Client,
    ) -> Self {
        let group = &settings.site(client.to.site).config.group;
        let logins = found.values.iter();
        let logins: Vec<_> = logins
            .map(|value| Arc::new(gateway.sessions.legacy(value.credential(), group)))
            .collect();
        Self {
            gateway: Arc::clone(gateway),
            settings: Arc::clone(settings),
            found: Arc::clone(found),
            client: client.clone(),
            told: logins.iter().map(|_| None).collect(),
            logins,
            ticket: None,
            may_ask: true,
            failures: 0,
            why: None,
        }
    }

    /// Looks each login up in the store, and asks the app about the rest.
    pub(super) async fn look(&mut self) -> Result<Vec<State>, Stop> {
        let recalled = self.gateway.sessions.recall(&self.logins).await;
        let known = recalled.map_err(Stop::Failed)?;
        let mut states = Vec::with_capacity(known.len());
        for (at, known) in known.into_iter().enumerate() {
            states.push(match known {
                Known::Live(created) => State::Live(created),
                Known::Ended(_) if self.was_accepted(at) => State::Dead(Dead::Revoked),
                Known::Ended(session) => State::Dead(Dead::Replayed(session)),
                Known::Never => self.hear(at).await?,
            });
        }
        Ok(states)
    }

    fn was_accepted(&self, at: usize) -> bool {
        matches!(self.told.get(at), Some(Some(Told::Accepted(_))))
    }

    /// What the app says about a value that the store does not know. It is asked once.
    async fn hear(&mut self, at: usize) -> Result<State, Stop> {
        let Some(login) = self.logins.get(at).map(Arc::clone) else {
            return Ok(State::Unjudged);
        };
        let (migrations, now) = (
            &self.gateway.migrations,
            self.gateway.sessions.clock().boot(),
        );
        match self.told.get(at) {
            Some(Some(Told::Accepted(_))) => return Ok(State::Accepted),
            Some(Some(Told::Refused)) => return Ok(State::Dead(Dead::Refused)),
            Some(Some(Told::Nothing)) => return Ok(State::Unjudged),
            _ if migrations.is_refused(&login, now) => return Ok(State::Dead(Dead::Remembered)),
            _ if migrations.is_failing(&login, now) => return Ok(State::Unjudged),
            _ if !self.may_ask => return Err(Stop::CutShort),
            _ => {}
        }
        if self.ticket.is_none() {
            let ticket = self.gateway.sessions.begin_login().await;
            self.ticket = Some(ticket.map_err(Stop::Failed)?);
        }
        let told = self.question(at, &login).await;
        let state = match &told {
            Told::Accepted(_) => State::Accepted,
            Told::Refused => State::Dead(Dead::Refused),
            Told::Nothing => State::Unjudged,
        };
        if let Some(place) = self.told.get_mut(at) {
            *place = Some(told);
        }
        Ok(state)
    }

    async fn question(&mut self, at: usize, login: &LegacyLogin) -> Told {
        let cookies = self
            .found
            .values
            .get(at)
            .map(|value| self.found.shown(value));
        let cookies = OldCookies {
            cookies: cookies.unwrap_or_default(),
            ip: self.client.ip,
            user_agent: self.client.clipped_user_agent(),
        };
        match ask(&self.gateway, &self.settings, &cookies, &self.client).await {
            Ok(Recognised::Yes {
                identity,
                reference,
                proved,
            }) => Told::Accepted(Accepted {
                identity,
                reference,
                proved,
            }),
            Ok(Recognised::No) => Told::Refused,
            Err(NoAnswer {
                why,
                is_about_the_value,
            }) => {
                self.why = Some(why);
                if is_about_the_value {
                    let now = self.gateway.sessions.clock().boot();
                    self.gateway.migrations.fail(login, now);
                    self.failures += 1;
                }
                Told::Nothing
            }
        }
    }

    /// The logins in the form that `judgement` takes.
    pub(super) fn standings<'a>(&'a self, states: &'a [State]) -> Vec<Standing<'a>> {
        let standing = |(state, told): (&'a State, &'a Option<Told>)| match (state, told) {
            (State::Live(created), _) => Standing::Session {
                id: created.session.id,
                user: created.session.identity.user_id(),
                made_at: created.session.created_at,
            },
            (State::Accepted, Some(Told::Accepted(accepted))) => Standing::Accepted {
                user: accepted.identity.user_id(),
            },
            (State::Dead(_), _) => Standing::Dead,
            (State::Accepted | State::Unjudged, _) => Standing::Unjudged,
        };
        states.iter().zip(&self.told).map(standing).collect()
    }

    /// Those that are logins of the first one's tenant: a session belongs to one tenant, which may be logged out by
    /// itself.
    pub(super) fn of_one_tenant(&self, of: &[usize]) -> Vec<usize> {
        let tenant = |at: &usize| {
            let accepted = self.accepted(*at);
            accepted.map(|accepted| accepted.identity.tenant_id())
        };
        let first = of.first().and_then(tenant);
        let same = of.iter().filter(|at| tenant(at) == first);
        same.copied().collect()
    }

    pub(super) fn accepted(&self, at: usize) -> Option<&Accepted> {
        match self.told.get(at) {
            Some(Some(Told::Accepted(accepted))) => Some(accepted),
            _ => None,
        }
    }

    pub(super) fn proven(&self, of: &[usize]) -> Vec<Proven> {
        of.iter()
            .filter_map(|at| {
                Some(Proven {
                    login: Arc::clone(self.logins.get(*at)?),
                    proved: self.accepted(*at)?.proved,
                })
            })
            .collect()
    }

    /// Turns these accepted values into refused ones.
    pub(super) fn refuse(&mut self, of: &[usize]) {
        for at in of {
            if let Some(told) = self.told.get_mut(*at) {
                *told = Some(Told::Refused);
            }
        }
    }
}
