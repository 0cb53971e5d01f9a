//! The configuration: one TOML file, parsed into types that cannot be wrong.
//!
//! [`Config::load`] either returns a configuration the gateway can run with, or every fault of the file at once, each
//! with its key and line. Unknown keys, wrong types, values out of bounds and contradictions between keys are faults;
//! a [`Config`] needs no further check. Secrets come from the environment or from private files, stay in types that cannot
//! be printed, and never appear in a fault.
//!
//! ```text
//! file, reader                     TOML tables, read key by key, faults gathered
//! variables                        ${NAME} in the texts of the file
//! duration, size, ratio, host, host_pattern, domain, listen_address, path, secret, certificate
//!                                  values that several sections use
//! server, tls, keys, store, cache, session, cookie, sites, upstreams, identity, routes, edge, login_limits, admin, authz, audit,
//! access_log,
//! pages, maintenance, compression, migration, risk, telemetry, insecure
//!                                  one section each: its type and how it is read
//! secret_file, client_tls          files that are read again, certificates for servers of the house
//! rules                            contradictions between sections
//! faults, lines, suggest, hints, repeated
//!                                  what the operator is told
//! catalog, handbook                every key: what the readers ask for, and what the page says
//! json_schema, show, masked_url    the same for editors, and with the values of one file
//! reload                           what SIGHUP may change
//! advice                           what works and could be better
//! ```
//!
//! Every key is documented in `docs/configuration.md`; a test holds the two together.

mod access_log;
mod admin;
mod admin_place;
mod advice;
mod audit;
mod authz;
mod cache;
mod catalog;
mod certificate;
mod client_tls;
mod compression;
mod cookie;
mod domain;
mod draft;
mod duration;
mod edge;
mod faults;
mod file;
mod handbook;
mod hints;
mod host;
mod host_pattern;
mod hosts;
mod identity;
mod insecure;
mod json_schema;
mod keys;
mod lines;
mod listen_address;
mod login_limits;
mod maintenance;
mod masked_url;
mod migration;
mod networks;
mod own_listeners;
pub(crate) mod pages;
mod path;
mod pem;
pub(crate) mod permissions;
mod ratio;
mod reader;
mod reload;
mod repeated;
mod risk;
mod routes;
mod rules;
mod secret;
mod secret_file;
mod server;
mod session;
mod show;
mod sites;
mod size;
mod store;
mod suggest;
mod telemetry;
mod tls;
mod upstreams;
mod variables;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use sidgate_policy::auth::decide::{OnUnknown, SessionPolicy};
pub use sidgate_policy::auth::event::EventKind;
pub use sidgate_policy::auth::identity_field::IdentityField;
pub use sidgate_policy::auth::on_missing::OnMissing;
pub use sidgate_policy::edge::OddHeaderNames;

pub use self::access_log::{AccessField, AccessFields, AccessLogConfig};
pub use self::admin::AdminConfig;
pub use self::admin_place::AdminPlace;
pub use self::audit::AuditConfig;
pub use self::authz::AuthzConfig;
pub use self::cache::{CacheConfig, RedisTopology, RedisUrl};
pub use self::certificate::{BadCertificate, Certificate, CertificateFacts, CertificateFiles};
pub use self::client_tls::{ClientTls, PemFile};
pub use self::compression::{Coding, Compress, CompressionConfig};
pub use self::cookie::{CookieConfig, CookieName, SameSite};
pub(crate) use self::duration::parse_duration;
pub use self::edge::{EdgeConfig, EndpointsConfig, PasswordLogin, StreamLimits};
pub use self::faults::{Fault, Faults};
pub use self::host::{Host, HostPort, Origin, Scheme};
pub use self::hosts::Hosts;
pub use self::identity::IdentityConfig;
pub use self::insecure::InsecureConfig;
pub use self::keys::{KeysConfig, MasterSource};
pub use self::lines::Lines;
pub use self::listen_address::{ListenAddress, UnixAddress};
pub use self::login_limits::{LoginLimitsConfig, Rate};
pub use self::maintenance::MaintenanceConfig;
pub use self::migration::{
    ClearPath, CookiePattern, MigrationConfig, MigrationMode, MigrationRedirect,
};
pub use self::pages::PagesConfig;
pub(crate) use self::path::PRIVATE_PREFIX;
pub use self::path::PathPrefix;
pub use self::ratio::Ratio;
pub use self::reload::{changed, restart_needed};
pub use self::risk::{
    BurstRule, NewcomerRule, ParallelRule, RiskAction, RiskConfig, RiskRules, TravelRule, Webhook,
};
pub use self::routes::{
    CsrfPolicy, Destination, Gaps, LogPolicy, Methods, Redirect, Route, Routes,
};
pub(crate) use self::secret::connection_url;
pub use self::secret_file::{Password, SecretFile};
pub use self::server::{RequestIdFrom, ServerConfig};
pub use self::session::SessionConfig;
pub(crate) use self::sites::PerSite;
pub use self::sites::{LoginPage, Site, Sites, TenantFrom};
pub use self::store::{StoreConfig, StoreUrl};
pub use self::telemetry::{OtlpConfig, OtlpProtocol, TelemetryConfig, TraceparentFrom};
pub use self::tls::{TlsConfig, TlsVersion};
pub use self::upstreams::{
    BackendConfig, Balance, HealthConfig, Http2Config, PassiveConfig, Protocol, RetryConfig,
    RetryOn, ServerAddress, Upstream, UpstreamServer, UpstreamTls,
};

use self::reader::Reader;
use self::secret::Sources;
use self::upstreams::Upstreams;

/// A configuration the gateway can run with. Fields are named after their sections of the file.
#[derive(Debug, Clone)]
pub struct Config {
    /// `[server]`
    pub server: ServerConfig,
    /// `[keys]`
    pub keys: KeysConfig,
    /// `[store]`
    pub store: StoreConfig,
    /// `[cache]`
    pub cache: CacheConfig,
    /// `[session]`
    pub session: SessionConfig,
    /// `[cookie]`: what sites do not say themselves.
    pub(crate) cookie: CookieConfig,
    /// `[[sites]]`; at least one.
    pub sites: Sites,
    /// `[backend]`
    pub backend: BackendConfig,
    /// `[identity]`
    pub identity: IdentityConfig,
    /// `[upstreams.NAME]`, in the order of their names.
    pub upstreams: Vec<Arc<Upstream>>,
    /// `[[routes]]`; at least one.
    pub routes: Routes,
    /// `[endpoints]`
    pub endpoints: EndpointsConfig,
    /// `[edge]`
    pub edge: EdgeConfig,
    /// `[login_limits]`
    pub login_limits: LoginLimitsConfig,
    /// `[admin]`
    pub admin: AdminConfig,
    /// `[authz]`; `None`: no edge may ask.
    pub authz: Option<AuthzConfig>,
    /// `[audit]`
    pub audit: AuditConfig,
    /// `[access_log]`
    pub access_log: AccessLogConfig,
    /// `[pages]`
    pub pages: PagesConfig,
    /// `[maintenance]`
    pub maintenance: MaintenanceConfig,
    /// `[compression]`
    pub compression: CompressionConfig,
    /// `[migration]`
    pub migration: MigrationConfig,
    /// `[risk]`
    pub risk: RiskConfig,
    /// `[telemetry]`
    pub telemetry: TelemetryConfig,
    /// `[insecure]`
    pub insecure: InsecureConfig,
    /// The configuration file, where it holds a password and everybody may read it.
    pub open_password: Option<PathBuf>,
    /// Where each key stands in the file.
    pub lines: Lines,
}

impl Config {
    /// Reads the file at `path`. `env` looks environment variables up, so that a test brings its own.
    ///
    /// Opens the files that secrets, TLS and pages name, and writes nothing.
    ///
    /// # Errors
    ///
    /// Every fault of the file at once.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, Faults> {
        Self::load_from(path, Sources::new(folder_of(path), env))
    }

    /// The same for a process that runs with `in_use`. The files of a certificate that it uses already may be in the middle
    /// of a renewal, so what is wrong with them is no fault of the configuration.
    ///
    /// # Errors
    ///
    /// Every fault of the file at once.
    pub fn load_again(
        path: &Path,
        env: &dyn Fn(&str) -> Option<String>,
        in_use: &Self,
    ) -> Result<Self, Faults> {
        let mut sources = Sources::new(folder_of(path), env);
        let tls = in_use.server.tls.as_ref();
        sources.certificates_in_use = tls.map_or_else(Vec::new, |tls| tls.certificates.clone());
        Self::load_from(path, sources)
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "what was found in one file is not for another"
    )]
    fn load_from(path: &Path, sources: Sources<'_>) -> Result<Self, Faults> {
        let whole = |message: String| {
            let fault = Fault {
                key: String::new(),
                line: None,
                message,
            };
            Faults::new(path, vec![fault])
        };
        let unreadable = |error: io::Error| whole(format!("cannot be read: {error}"));
        let mut file = File::open(path).map_err(unreadable)?;
        // Whoever can change the file can have every secret sent to them.
        permissions::check_unchangeable(&file, path)
            .map_err(|exposed| whole(exposed.to_string()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(unreadable)?;
        let config = Reader::read(&text, sources.env, |root| Self::read(root, &sources))
            .map_err(|faults| Faults::new(path, faults))?;
        sources.check_way(path).map_err(whole)?;
        let is_open = sources.holds_password.get() && permissions::is_readable_by_all(&file);
        Ok(Self {
            open_password: is_open.then(|| path.to_owned()),
            ..config
        })
    }

    /// Every section is read before the first absent one ends the attempt, so that all faults are found.
    fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Option<Self> {
        let insecure = InsecureConfig::read(root);
        sources.shared_folders.set(insecure.shared_folders);
        let server = ServerConfig::read(root, sources);
        let store = StoreConfig::read(root, sources);
        let keys = KeysConfig::read(root, sources, &store.url);
        let session = SessionConfig::read(root);
        let cache = CacheConfig::read(root, sources, session.absolute_timeout);
        let cookie = CookieConfig::read(root, &CookieConfig::default());
        let sites = Sites::read(root, &server, &cookie);
        let identity = IdentityConfig::read(root);
        let upstreams = Upstreams::read(root, sources, root.has("authz"));
        let backend = BackendConfig::read(root, &upstreams);
        let endpoints = EndpointsConfig::read(root);
        let routes = Routes::read(root, &upstreams, &endpoints, &sites);
        let edge = EdgeConfig::read(root);
        let login_limits = LoginLimitsConfig::read(root);
        let admin = AdminConfig::read(root, sources);
        let authz = AuthzConfig::read(root);
        let audit = AuditConfig::read(root, sources);
        let access_log = AccessLogConfig::read(root, sources);
        let pages = PagesConfig::read(root, sources);
        let maintenance = MaintenanceConfig::read(root, sources);
        let compression = CompressionConfig::read(root);
        let migration = MigrationConfig::read(root);
        let risk = RiskConfig::read(root, sources);
        let telemetry = TelemetryConfig::read(root, sources);

        let document = root.document();
        sites::check(document, &sites);
        let edges = authz.as_ref();
        rules::listeners(document, (&server, edges), (&admin, &insecure), &sites);
        rules::login(document, &sites, &routes, &endpoints);
        rules::health_path(document, &server, &endpoints);
        rules::migration(document, &migration, &session, &sites);
        rules::headers(document, &edge, &identity);
        let upstreams = upstreams.into_all();
        rules::markers(document, &upstreams, &sites, &migration);
        rules::backend(document, (backend.as_ref(), edges), &endpoints, &migration);
        own_listeners::check(document, (&server, edges), &upstreams);
        insecure.check(document, &upstreams);

        Some(Self {
            server,
            keys: keys?,
            store,
            cache,
            session,
            cookie,
            sites,
            backend: backend?,
            identity,
            upstreams,
            routes,
            endpoints,
            edge,
            login_limits,
            admin,
            authz,
            audit,
            access_log,
            pages,
            maintenance,
            compression,
            migration,
            risk,
            telemetry,
            insecure,
            open_password: None,
            lines: document.lines(),
        })
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests;
