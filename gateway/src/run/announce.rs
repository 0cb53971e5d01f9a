//! What the log says of the process as a whole: the line when it listens, and the line when it ends.

use std::path::Path;

use session_core::cache::redis;
use session_core::clock::Boot;
use session_core::store::{SCHEMA_VERSION, postgres};
use tracing::info;

use super::stop::Stop;
use crate::config::{Config, RedisTopology, RedisUrl, StoreUrl};
use crate::state::Gateway;
use crate::telemetry::build::Build;

/// Everything listens. Names where, in front of what, and with what behind: no user, no password, no key.
pub(crate) fn started(gateway: &Gateway, build: Build, path: &Path) {
    let settings = gateway.settings.get();
    let config = &settings.config;
    let server = &config.server;
    let tls = server.tls.as_ref().map_or(&[][..], |tls| &tls.listen);
    let store = Store::of(&config.store.url);
    let redis = config.cache.redis_url.as_ref();
    let Build {
        version, commit, ..
    } = build;
    info!(
        version,
        commit,
        http = addresses(&server.listen),
        tls = addresses(tls),
        admin = %server.admin_listen,
        authz = config.authz.as_ref().map(|authz| addresses(&authz.listen)),
        origin = origins(config),
        hosts = hosts(config),
        store = store.kind,
        store_host = store.host,
        store_database = store.database,
        schema = SCHEMA_VERSION,
        redis = redis.map_or("none", redis_kind),
        redis_host = redis.and_then(redis_servers),
        upstreams = upstreams(config),
        node = %gateway.sessions.node(),
        config = %path.display(),
        pid = std::process::id(),
        "sidgate {version} ({commit}) started"
    );
}

fn origins(config: &Config) -> String {
    let origins = config.sites.iter().map(|site| site.origin.to_string());
    origins.collect::<Vec<_>>().join(" ")
}

fn hosts(config: &Config) -> String {
    let hosts = config
        .sites
        .iter()
        .flat_map(|site| site.hosts.authorities());
    hosts.collect::<Vec<_>>().join(" ")
}

/// The process is about to end.
pub(crate) fn stopped(gateway: &Gateway, started: Boot, why: Option<Stop>) {
    let uptime = gateway.sessions.clock().boot().since(started);
    info!(
        reason = why.map_or("server_ended", Stop::as_str),
        uptime_seconds = uptime.as_secs(),
        "stopped"
    );
}

/// Where the store is.
struct Store {
    kind: &'static str,
    host: Option<String>,
    database: Option<String>,
}

impl Store {
    fn of(url: &StoreUrl) -> Self {
        match url {
            StoreUrl::Sqlite(file) => Self {
                kind: "sqlite",
                host: None,
                database: Some(file.display().to_string()),
            },
            StoreUrl::Postgres(url) => {
                let place = postgres::place(url);
                Self {
                    kind: "postgres",
                    host: place.as_ref().map(|place| place.servers.join(" ")),
                    database: place.and_then(|place| place.database),
                }
            }
        }
    }
}

const fn redis_kind(url: &RedisUrl) -> &'static str {
    match url.topology {
        RedisTopology::Single => "single",
        RedisTopology::Cluster => "cluster",
        RedisTopology::Sentinel => "sentinel",
    }
}

fn redis_servers(url: &RedisUrl) -> Option<String> {
    let url = redis::RedisUrl::read(&url.url).ok()?;
    Some(url.servers().join(" "))
}

/// `None` where there are none, so that the line leaves the field out.
fn addresses<A: ToString>(of: &[A]) -> Option<String> {
    let shown: Vec<_> = of.iter().map(ToString::to_string).collect();
    (!shown.is_empty()).then(|| shown.join(" "))
}

/// `NAME=host:port,host:port`, one word for each app.
fn upstreams(config: &Config) -> String {
    let each = config.upstreams.iter().map(|upstream| {
        let servers: Vec<_> = upstream.servers.iter().map(ToString::to_string).collect();
        format!("{}={}", upstream.name, servers.join(","))
    });
    each.collect::<Vec<_>>().join(" ")
}
