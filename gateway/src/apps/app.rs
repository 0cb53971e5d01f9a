//! One app: the keys that it shares with the gateway, its servers, and what it may ask for.

use std::sync::Arc;

use session_core::keys::Keyring;
use session_core::keys::reference::ReferenceKeys;
use session_core::session::Session;
use session_core::trust::TrustError;
use sidgate_policy::auth::decide::State;
use sidgate_policy::auth::event_permissions::EventPermissions;
use sidgate_policy::auth::identity::Confided;
use sidgate_policy::auth::token::AppKeys;

use super::own_addresses::OwnAddresses;
use super::pool::Pool;
use super::shared_assertion::SharedAssertion;
use super::way::Way;
use crate::config::{Config, CookieName, PerSite, Upstream};

/// An app behind the gateway.
#[derive(Debug)]
pub(crate) struct App {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// Its number in the configuration.
    pub number: usize,
    /// The keys that it shares with us.
    pub keys: AppKeys,
    /// The cookie that shows it whether a session is active.
    pub cookie_marker: Option<CookieName>,
    /// Where it listens.
    pub pool: Pool,
    /// How its servers are spoken to.
    pub way: Way,
    /// The app's own addresses, which its redirects must not name; `None`: redirects stay as they are.
    pub own_addresses: Option<OwnAddresses>,
    /// What it may ask for.
    pub events: EventPermissions,
    /// What it is told where there is no session, on each site by its number.
    without_session: PerSite<WithoutSession>,
    references: ReferenceKeys,
    is_backend: bool,
}

/// What an app is told on one site where there is no session.
#[derive(Debug)]
struct WithoutSession {
    /// About requests to routes that ask for none.
    none: SharedAssertion,
    /// About visitors who have none.
    anonymous: SharedAssertion,
    /// While it is not known whether there is one.
    unknown: SharedAssertion,
}

impl WithoutSession {
    fn at(site: Option<Arc<str>>) -> Self {
        let of = |state: State| SharedAssertion::of(state.as_str(), site.clone());
        Self {
            none: of(State::None),
            anonymous: of(State::Anonymous),
            unknown: of(State::Unknown),
        }
    }
}

impl App {
    /// The app number `number` of `config`.
    ///
    /// # Errors
    /// When its certificates cannot be used, which a valid configuration rules out.
    pub(crate) fn new(
        (number, upstream): (usize, &Arc<Upstream>),
        config: &Config,
        keys: &Keyring,
    ) -> Result<Self, TrustError> {
        let is_backend = upstream.name == config.backend.upstream.name;
        let allowing = config
            .routes
            .iter()
            .flat_map(|route| &route.requirements.allow);
        let guarded = config
            .admin
            .claim
            .iter()
            .chain(allowing.map(|allowed| &allowed.field));
        Ok(Self {
            way: Way::new(upstream, config.insecure.verifies(&upstream.name))?,
            events: EventPermissions::new(is_backend, upstream.events.as_deref(), guarded),
            references: ReferenceKeys::new(keys, &upstream.name),
            is_backend,
            name: upstream.name.as_str().into(),
            number,
            without_session: config
                .sites
                .each(|site| WithoutSession::at(config.sites.label(site))),
            keys: AppKeys::new(&upstream.name, &keys.upstream(&upstream.name)),
            cookie_marker: upstream.cookie_marker.clone(),
            own_addresses: upstream
                .rewrite_location
                .then(|| OwnAddresses::of(&upstream.servers)),
            pool: Pool::new(Arc::clone(upstream)),
        })
    }

    /// Whether it has no server that the gateway knows: an edge sends it its requests.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.pool.upstream().servers.is_empty()
    }

    /// What it is told about a request to a site whose state is not active.
    pub(crate) fn without_session(&self, site: usize, state: &State) -> &SharedAssertion {
        let at = self.without_session.get(site);
        match state {
            State::None => &at.none,
            State::Unknown => &at.unknown,
            State::Anonymous | State::Active(_) => &at.anonymous,
        }
    }

    /// What this app alone is told of `session`.
    pub(crate) fn confided(&self, session: &Session) -> Confided {
        let sealed = session.references.of(&self.name);
        Confided {
            reference: sealed.and_then(|sealed| self.references.open(session.id, sealed)),
            auth_hash: self.is_backend,
        }
    }
}
