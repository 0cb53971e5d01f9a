//! One loaded configuration, ready for use: what a SIGHUP exchanges as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use http::HeaderValue;
use session_core::cache::Entry;
use session_core::keys::Keyring;
use session_core::keys::reference::ReferenceKeys;
use session_core::session::Session;
use thiserror::Error;

use crate::auth::event_permissions::EventPermissions;
use crate::auth::identity::{Badge, Confided};
use crate::auth::login_redirect::{InvalidLoginUrl, LoginUrl};
use crate::auth::token::AppKeys;
use crate::config::{Config, CookieName, MigrationMode, Upstream};
use crate::edge::host::InvalidHost;
use crate::edge::{EdgePolicy, HostSet};
use crate::legacy::{Clearing, Rules};
use crate::login_limits::LoginLimits;
use crate::misses::Misses;
use crate::risk::{Policy, PolicyError};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::security::LogKey;
use crate::upstream::Pool;

/// A configuration with everything derived from it.
#[derive(Debug)]
pub(crate) struct Site {
    /// Counts the configurations of this process.
    generation: u64,
    /// As read.
    pub config: Config,
    /// What the edge enforces.
    pub edge: EdgePolicy,
    /// Where people log in.
    pub login: LoginUrl,
    /// `public_origin`, as browsers spell it.
    pub origin: String,
    /// `http` or `https`, as apps are told.
    pub proto: HeaderValue,
    /// The public port, as apps are told.
    pub port: HeaderValue,
    /// How often somebody may try to log in.
    pub login_limits: Arc<LoginLimits>,
    /// The cookies of the old system; `None` when nobody need look for them.
    pub legacy: Option<Legacy>,
    /// How often sids of one client may be no session.
    pub misses: Arc<Misses>,
    /// Makes what a log line is about recognisable to those who have the keys, and to nobody else.
    pub log_key: LogKey,
    /// What counts as suspicious; `None`: nobody looks.
    pub risk: Option<Arc<Policy>>,
    apps: HashMap<String, Arc<App>>,
}

/// How cookies of the old system are recognised and cleared.
#[derive(Debug)]
pub(crate) struct Legacy {
    /// Which they are.
    pub rules: Rules,
    /// Where they may be.
    pub clearing: Clearing,
}

/// An app behind the gateway.
#[derive(Debug)]
pub(crate) struct App {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The keys that it shares with us.
    pub keys: AppKeys,
    /// The cookie that shows it whether a session is active.
    pub cookie_marker: Option<CookieName>,
    /// Where it listens.
    pub pool: Pool,
    /// What it may ask for.
    pub events: EventPermissions,
    references: ReferenceKeys,
    is_backend: bool,
}

/// A configuration that parses and yet cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SiteError {
    /// See [`InvalidLoginUrl`].
    #[error("server.login_url: {0}")]
    Login(#[from] InvalidLoginUrl),
    /// See [`InvalidHost`].
    #[error("server.hosts: {0}")]
    Host(#[from] InvalidHost),
    /// See [`PolicyError`].
    #[error(transparent)]
    Risk(#[from] PolicyError),
}

impl Site {
    /// Whether [`Site::new`] would take `config`, for those who only want to know.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn check(config: &Config) -> Result<(), SiteError> {
        edge_policy(config)?;
        LoginUrl::parse(&config.server.login_url)?;
        Policy::open(&config.risk)?;
        Ok(())
    }

    /// Derives everything once. What was counted under `before` goes on counting where the limits are the same.
    ///
    /// # Errors
    /// When a value that parsed cannot be used.
    pub(crate) fn new(
        config: Config,
        keys: &Keyring,
        before: Option<&Self>,
    ) -> Result<Self, SiteError> {
        let origin = &config.server.public_origin;
        let apps = config.upstreams.iter().map(|upstream| {
            let app = App::new(upstream, &config, keys);
            (upstream.name.clone(), Arc::new(app))
        });
        let counting = before.filter(|before| before.login_limits.are(&config.login_limits));
        Ok(Self {
            generation: before.map_or(0, |before| before.generation + 1),
            login_limits: counting.map_or_else(
                || Arc::new(LoginLimits::new(&config.login_limits)),
                |before| Arc::clone(&before.login_limits),
            ),
            legacy: Legacy::new(&config),
            misses: before
                .filter(|before| before.misses.are(config.edge.misses_per_client))
                .map_or_else(
                    || Arc::new(Misses::new(config.edge.misses_per_client)),
                    |before| Arc::clone(&before.misses),
                ),
            log_key: LogKey::new(keys),
            risk: Policy::open(&config.risk)?,
            apps: apps.collect(),
            edge: edge_policy(&config)?,
            login: LoginUrl::parse(&config.server.login_url)?,
            origin: origin.to_string(),
            proto: HeaderValue::from_static(origin.scheme.as_str()),
            port: HeaderValue::from(origin.port),
            config,
        })
    }

    /// How apps of this configuration are to see the session. The badge hangs on the cached entry; one that a request of
    /// another configuration has hung there, while a reload was under way, is not used.
    pub(crate) fn badge(&self, entry: &Entry, metrics: &Metrics) -> Arc<Badge> {
        let make = |session: &Session| {
            let badge = Badge::new(session, &self.config.identity.headers, self.generation);
            metrics.attributes_omitted(badge.omitted);
            badge
        };
        let badge = entry.attachment(make);
        if badge.generation == self.generation {
            badge
        } else {
            Arc::new(make(entry.session()))
        }
    }

    /// The app called `name`.
    #[must_use]
    pub(crate) fn app(&self, name: &str) -> Option<&Arc<App>> {
        self.apps.get(name)
    }

    /// Every app.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }
}

impl Legacy {
    fn new(config: &Config) -> Option<Self> {
        let migration = &config.migration;
        let wanted = migration.mode != MigrationMode::Off || migration.rollback_reissue;
        wanted.then(|| Self {
            rules: Rules::new(migration),
            clearing: Clearing::new(migration, &config.server.public_origin),
        })
    }
}

impl App {
    fn new(upstream: &Arc<Upstream>, config: &Config, keys: &Keyring) -> Self {
        let is_backend = upstream.name == config.backend.upstream.name;
        let claim = config.admin.claim.as_ref();
        Self {
            events: EventPermissions::new(is_backend, upstream.events.as_deref(), claim),
            references: ReferenceKeys::new(keys, &upstream.name),
            is_backend,
            name: upstream.name.as_str().into(),
            keys: AppKeys::new(&upstream.name, &keys.upstream(&upstream.name)),
            cookie_marker: upstream.cookie_marker.clone(),
            pool: Pool::new(Arc::clone(upstream)),
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

/// The site in use. Readers keep the one they began with to the end of their request.
#[derive(Debug)]
pub(crate) struct CurrentSite(ArcSwap<Site>);

impl CurrentSite {
    /// Starts with `site`.
    #[must_use]
    pub(crate) fn new(site: Arc<Site>) -> Self {
        Self(ArcSwap::new(site))
    }

    /// The site now.
    #[must_use]
    pub(crate) fn get(&self) -> Arc<Site> {
        self.0.load_full()
    }

    /// Exchanges it.
    pub(crate) fn put(&self, site: Arc<Site>) {
        self.0.store(site);
    }
}

fn edge_policy(config: &Config) -> Result<EdgePolicy, InvalidHost> {
    let server = &config.server;
    let hosts = HostSet::new(
        server.hosts.authorities(),
        server.public_origin.scheme.default_port(),
    )?
    .tolerate_root_dot();
    Ok(EdgePolicy {
        odd_header_names: config.edge.odd_header_names,
        passthrough_headers: config.edge.passthrough_headers.clone(),
        max_header_bytes: config.edge.max_header_bytes,
        max_header_count: config.edge.max_header_count,
        max_cookie_bytes: config.edge.max_cookie_bytes,
        max_body_bytes: config.edge.max_body_bytes,
        ..EdgePolicy::new(hosts, config.cookie.name.as_str())
    })
}

#[cfg(test)]
mod tests;
