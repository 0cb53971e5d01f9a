//! One loaded configuration, ready for use: what a SIGHUP exchanges as a whole.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use session_core::keys::Keyring;
use session_core::keys::handover::HandoverKeys;
use session_core::keys::request_id::RequestIdKeys;
use session_core::trust::TrustError;
use sidgate_policy::auth::doctor_token::DoctorKeys;
use sidgate_policy::auth::login_redirect::InvalidLoginUrl;
use sidgate_policy::edge::host::InvalidHost;
use sidgate_policy::edge::{EdgePolicy, HopMarks, SessionCookie};
use thiserror::Error;

use super::maintenance::Maintenance;
use super::site::{ActiveSite, Addressed, state_cookie_name};
use crate::apps::app::App;
use crate::apps::backend::{BackendError, Fault, Target};
use crate::apps::resolver::Resolver;
use crate::apps::standing::Now;
use crate::config::{Config, PerSite, Route};
use crate::legacy::cookies::OldCookies;
use crate::limits::logins::LoginLimits;
use crate::limits::unknown_sids::UnknownSidLimiter;
use crate::otlp::Tracing;
use crate::otlp::receiver::ReceiverError;
use crate::risk::state::{Policy, PolicyError};
use crate::telemetry::security::LogKey;
use crate::telemetry::servers::{ReadServers, ServerReading};

/// A configuration with everything derived from it.
#[derive(Debug)]
pub(crate) struct ActiveConfig {
    /// Counts the configurations of this process under which what is made of sessions looks different.
    pub generation: u64,
    /// As read.
    pub config: Config,
    /// What the edge enforces.
    pub edge: EdgePolicy,
    /// The same with hosts at any port, where requests in clear text are sent to https.
    pub edge_by_name: Option<EdgePolicy>,
    /// The sites.
    sites: PerSite<ActiveSite>,
    /// How often somebody may try to log in.
    pub login_limits: Arc<LoginLimits>,
    /// The cookies of the old system; `None` when neither migration nor rollback needs them.
    pub legacy: Option<OldCookies>,
    /// Limits how many unknown sids one client may send.
    pub unknown_sids: Arc<UnknownSidLimiter>,
    /// Digests names for the log, so that only holders of the keys can recognise them.
    pub log_key: LogKey,
    /// Seals what two sites tell each other through a browser.
    pub handover: HandoverKeys,
    /// Mark ids of requests that edges send to apps.
    pub request_ids: RequestIdKeys,
    /// Recognises an operator who asks what a request looked like on arrival.
    pub doctor: DoctorKeys,
    /// The risk policy; `None` when risk is switched off.
    pub risk: Option<Arc<Policy>>,
    /// Which requests are traced, and who takes their spans; `None`: nothing is.
    pub tracing: Option<Arc<Tracing>>,
    /// Whether the apps are out of service.
    pub maintenance: Maintenance,
    apps: HashMap<String, Arc<App>>,
    resolver: Resolver,
}

/// A configuration that parses but cannot be used.
#[derive(Debug, Error)]
pub(crate) enum UnusableConfig {
    /// See [`InvalidLoginUrl`].
    #[error("login_url: {0}")]
    Login(#[from] InvalidLoginUrl),
    /// See [`InvalidHost`].
    #[error("hosts: {0}")]
    Host(#[from] InvalidHost),
    /// See [`PolicyError`].
    #[error(transparent)]
    Risk(#[from] PolicyError),
    /// See [`ReceiverError`].
    #[error(transparent)]
    Receiver(#[from] ReceiverError),
    /// Certificates of an app.
    #[error("upstreams.{upstream}.tls: {why}")]
    Certificates {
        /// The app.
        upstream: String,
        /// See [`TrustError`].
        why: TrustError,
    },
}

impl ActiveConfig {
    /// Validates `config` without keeping the result.
    ///
    /// # Errors
    /// Those of [`ActiveConfig::new`].
    pub(crate) fn check(config: &Config) -> Result<(), UnusableConfig> {
        edge_policy(config, HopMarks::default())?;
        active_sites(config)?;
        Policy::open(&config.risk)?;
        Tracing::open(config)?;
        Ok(())
    }

    /// Derives everything once. Counts made under `before` are kept where the limits are the same.
    ///
    /// # Errors
    /// When a value that parsed cannot be used.
    pub(crate) fn new(
        config: Config,
        keys: &Keyring,
        before: Option<&Self>,
    ) -> Result<Self, UnusableConfig> {
        let apps = config
            .upstreams
            .iter()
            .enumerate()
            .map(|(number, upstream)| {
                let app = App::new((number, upstream), &config, keys);
                let app = app.map_err(|why| UnusableConfig::Certificates {
                    upstream: upstream.name.clone(),
                    why,
                })?;
                if let Some(same) = before.and_then(|before| before.app(&upstream.name)) {
                    app.pool.learn_from(&same.pool);
                }
                Ok((upstream.name.clone(), Arc::new(app)))
            })
            .collect::<Result<_, UnusableConfig>>()?;
        let counting = before.filter(|before| before.login_limits.are(&config.login_limits));
        Ok(Self {
            generation: before.map_or(0, |before| {
                before.generation + u64::from(looks_different(&before.config, &config))
            }),
            login_limits: counting.map_or_else(
                || Arc::new(LoginLimits::new(&config.login_limits)),
                |before| Arc::clone(&before.login_limits),
            ),
            legacy: OldCookies::new(&config),
            unknown_sids: before
                .filter(|before| before.unknown_sids.are(config.edge.misses_per_client))
                .map_or_else(
                    || Arc::new(UnknownSidLimiter::new(config.edge.misses_per_client)),
                    |before| Arc::clone(&before.unknown_sids),
                ),
            log_key: LogKey::new(keys),
            handover: keys.handover(),
            request_ids: keys.request_ids(),
            doctor: DoctorKeys::new(&keys.doctor()),
            risk: Policy::open(&config.risk)?,
            tracing: Tracing::open(&config)?,
            maintenance: Maintenance::new(
                &config.maintenance,
                before.map(|before| &before.maintenance),
            ),
            apps,
            resolver: Resolver::new(&config.server),
            edge: edge_policy(&config, HopMarks::new(keys.hop_marks()))?,
            edge_by_name: by_name(&config, keys)?,
            sites: active_sites(&config)?,
            config,
        })
    }

    /// The app called `name`.
    #[must_use]
    pub(crate) fn app(&self, name: &str) -> Option<&Arc<App>> {
        self.apps.get(name)
    }

    /// The largest body of a request to `route`, or to what is no route.
    #[must_use]
    pub(crate) fn max_body_bytes(&self, route: Option<&Arc<Route>>) -> u64 {
        route
            .and_then(|route| route.max_body_bytes)
            .unwrap_or(self.config.edge.max_body_bytes)
    }

    /// The site of this number.
    #[must_use]
    pub(crate) fn site(&self, number: usize) -> &ActiveSite {
        self.sites.get(number)
    }

    /// The app that knows the users, asked on behalf of a visitor who was sent to this host.
    ///
    /// # Errors
    /// When the name is unknown, which a valid configuration rules out.
    pub(crate) fn backend(&self, to: &Addressed) -> Result<Target<'_>, BackendError> {
        let backend = &self.config.backend;
        let app = self.app(&backend.upstream.name);
        let site = self.site(to.site);
        let own = to.host.as_deref().map(str::to_owned);
        Ok(Target {
            app: app.ok_or(Fault::NoApp)?,
            authority: own.unwrap_or_else(|| site.config.origin.authority()),
            proto: &site.proto,
            timeout: backend.timeout,
            max_answer_bytes: backend.max_answer_bytes,
        })
    }

    /// Looks up the names of servers whose turn it is.
    pub(crate) async fn resolve_names(&self, now: Now) {
        let every = self.config.server.resolve_every;
        let apps = self.apps.values();
        join_all(apps.map(|app| app.pool.resolve(&self.resolver, every, now))).await;
    }

    /// All apps.
    pub(crate) fn apps(&self) -> impl Iterator<Item = &Arc<App>> {
        self.apps.values()
    }
}

/// The configuration in use. Readers keep the one they began with to the end of their request.
#[derive(Debug)]
pub(crate) struct ConfigInUse(ArcSwap<ActiveConfig>);

impl ConfigInUse {
    /// Starts with `settings`.
    #[must_use]
    pub(crate) fn new(settings: Arc<ActiveConfig>) -> Self {
        Self(ArcSwap::new(settings))
    }

    /// The configuration now.
    #[must_use]
    pub(crate) fn get(&self) -> Arc<ActiveConfig> {
        self.0.load_full()
    }

    /// Exchanges it.
    pub(crate) fn put(&self, settings: Arc<ActiveConfig>) {
        self.0.store(settings);
    }
}

impl ReadServers for ConfigInUse {
    fn read_servers(&self) -> Vec<ServerReading> {
        let settings = self.get();
        let apps = settings.config.upstreams.iter();
        let apps = apps.filter_map(|upstream| settings.app(&upstream.name));
        let servers = apps.flat_map(|app| {
            let servers = app.pool.servers().into_iter();
            servers.map(|server| ServerReading {
                upstream: app.name.to_string(),
                server: server.to_string(),
                is_healthy: server.is_serving(),
                busy: server.busy(),
            })
        });
        servers.collect()
    }
}

/// The largest body that some route takes.
fn largest_body(config: &Config) -> u64 {
    let of_routes = config
        .routes
        .iter()
        .filter_map(|route| route.max_body_bytes);
    of_routes.fold(config.edge.max_body_bytes, u64::max)
}

/// Whether apps see something else of a session (its header values, its assertions, which the backend's has more of, and the
/// references that the keys open), or browsers are told something else about old cookies.
fn looks_different(before: &Config, now: &Config) -> bool {
    let names = |config: &Config| -> Vec<String> {
        let names = config.upstreams.iter();
        names.map(|upstream| upstream.name.clone()).collect()
    };
    before.identity != now.identity
        || before.sites != now.sites
        || before.migration != now.migration
        || before.keys.previous != now.keys.previous
        || before.backend.upstream.name != now.backend.upstream.name
        || names(before) != names(now)
}

/// For listeners on which nothing but a redirect is answered.
fn by_name(config: &Config, keys: &Keyring) -> Result<Option<EdgePolicy>, UnusableConfig> {
    if !config.server.redirect_https {
        return Ok(None);
    }
    let mut policy = edge_policy(config, HopMarks::new(keys.hop_marks()))?;
    policy.hosts = policy.hosts.at_any_port();
    Ok(Some(policy))
}

/// The names of cookies of handovers, which no app gets to see either.
fn of_handovers(config: &Config) -> impl Iterator<Item = &'static str> {
    let handed = config
        .sites
        .iter()
        .filter(|site| site.login.path().is_none());
    handed.map(|site| state_cookie_name(site.cookie.secure))
}

fn active_sites(config: &Config) -> Result<PerSite<ActiveSite>, InvalidLoginUrl> {
    config.sites.try_each(|site| ActiveSite::new(site, config))
}

fn edge_policy(config: &Config, hop: HopMarks) -> Result<EdgePolicy, InvalidHost> {
    let cookies = config.sites.iter().map(|site| site.cookie.name.as_str());
    let cookies: Vec<_> = cookies.collect();
    let of_handovers: Vec<_> = of_handovers(config).collect();
    Ok(EdgePolicy {
        odd_header_names: config.edge.odd_header_names,
        passthrough_headers: config.edge.passthrough_headers.clone(),
        max_header_bytes: config.edge.max_header_bytes,
        max_header_count: config.edge.max_header_count,
        max_cookie_bytes: config.edge.max_cookie_bytes,
        max_cookies: config.edge.max_cookies,
        max_one_cookie_bytes: config.edge.max_one_cookie_bytes,
        max_target_bytes: config.edge.max_target_bytes,
        slashes: config.routes.slashes(),
        max_body_bytes: largest_body(config),
        hop,
        session_cookies: SessionCookie::of_sites(&cookies, &of_handovers),
        ..EdgePolicy::new(config.sites.host_set()?, &cookies)
    })
}
