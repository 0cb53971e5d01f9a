//! What a file means that says little, and what the file of the design means.

use std::time::Duration;

use super::super::*;
use super::{CERT, KEY, KEY_A, MINIMAL, Place};

const DESIGN: &str = r#"
[server]
listen = ["127.0.0.1:3000"]            # HTTP/1.1 and h2c
admin_listen = "127.0.0.1:9901"        # /livez /readyz /metrics, admin API, dashboard
public_origin = "http://localhost:3000"
trusted_proxies = []
redirect_https = false                 # true: the plain listener answers 308 to public_origin, without cookies
threads = 0                            # 0 = one per core
[server.tls]                           # optional
listen = ["0.0.0.0:8443"]
cert = "fullchain.pem"
key = "privkey.pem"
[keys]
master = "file:master.key"             # created on first start if the file is absent and the store is SQLite
[store]
url = "sqlite:sidgate.db"              # or postgres://...
[cache]
local_ttl = "5m"
local_max_entries = 100_000
local_max_bytes = "256MiB"
redis_url = ""                         # empty: no Redis tier. redis:// rediss:// redis-cluster:// redis-sentinel://
redis_ttl = "30m"
[session]
absolute_timeout = "24h"
idle_timeout = "12h"
max_per_user = 0                       # 0 = unlimited
over_limit = "evict_oldest"            # or "deny"
[cookie]
name = "sid"
secure = true
same_site = "lax"
[backend]
upstream = "django"
timeout = "3s"
[identity.headers]
"X-Session-Email" = "user.email"
[upstreams.django]
servers = ["127.0.0.1:8000"]
[upstreams.next]
servers = ["127.0.0.1:3001"]
[[routes]]
path = "/admin/"
upstream = "django"
session = "required"                   # none | optional | required
on_missing = "auto"                    # auto: 401 JSON or 303 to login_url by Sec-Fetch/Accept | unauthorized | redirect
[[routes]]
path = "/"
upstream = "next"
session = "optional"
"#;

const MIGRATION: &str = r#"
[migration]
mode = "on"                       # off: old cookies pass through untouched (rollback) | shadow: introspect and count, change nothing | on
rollout_percent = 100             # stable per legacy credential value
companions_passthrough = []       # legacy names the app still wants to see; all others are hidden from it once the session is active
tombstone_ttl = "180d"
credentials = ["dott_auth_session", "session_token"]          # their presence, without a valid sid, triggers migration
companions  = ["onboarding_status", "businessInfoCompleted", "onboardingStep", "dott_*"]   # sent along, cleared with them
clear_domains = [".dottapps.com"] # besides host-only
clear_paths = ["/"]
redirect = "never"                # never: this very request goes upstream with the new identity | navigation: 303 to the same path for top-level GETs
keep_until_confirmed = false      # true: clear the old cookies only after the browser has returned the new sid once
"#;

#[test]
fn the_file_of_the_design_loads() {
    let place = Place::new()
        .file("fullchain.pem", CERT)
        .file("privkey.pem", KEY)
        .file("master.key", KEY_A);
    let config = place.good(&format!("{DESIGN}{MIGRATION}"));

    let tls = config.server.tls.expect("there is TLS");
    assert_eq!(tls.certificates[0].cert, place.path().join("fullchain.pem"));
    assert!(matches!(config.keys.master, MasterSource::Key(_)));
    assert_eq!(config.migration.mode, MigrationMode::On);
    assert!(
        config
            .migration
            .companions
            .iter()
            .any(|pattern| pattern.matches("dott_x"))
    );
    assert_eq!(
        config.migration.clear_domains[0].to_string(),
        "dottapps.com"
    );
    let admin = config
        .routes
        .route_for("localhost", "/admin")
        .expect("a route");
    assert_eq!(
        (admin.app().expect("an app").name.as_str(), admin.session),
        ("django", SessionPolicy::Required)
    );
    let (header, field) = &config.identity.headers[0];
    assert_eq!(
        (header.as_str(), field.to_string().as_str()),
        ("x-session-email", "user.email")
    );
}

#[test]
fn the_file_of_the_design_says_the_defaults() {
    let place = Place::new();
    let spoken = DESIGN
        .replace("[server.tls]                           # optional\nlisten = [\"0.0.0.0:8443\"]\ncert = \"fullchain.pem\"\nkey = \"privkey.pem\"\n", "")
        .replace("\"X-Session-Email\" = \"user.email\"", "")
        .replace("session = \"required\"                   # none", "# none");
    assert!(!spoken.contains("tls") && !spoken.contains("\"required\""));
    let routes = DESIGN
        .split_once("[upstreams.django]")
        .expect("upstreams")
        .1;
    let routes = routes
        .replace("session = \"required\"", "")
        .replace("on_missing = \"auto\"", "");
    let silent = format!("[backend]\nupstream = \"django\"\n[upstreams.django]{routes}");
    assert_eq!(
        format!("{:?}", place.good(&spoken)),
        format!("{:?}", place.good(&silent))
    );
}

#[test]
fn a_small_file_gets_the_documented_numbers() {
    let place = Place::new();
    let config = place.good(MINIMAL);
    assert_eq!(config.server.listen[0].to_string(), "127.0.0.1:3000");
    assert_eq!(config.server.admin_listen.to_string(), "127.0.0.1:9901");
    assert_eq!(
        config.server.public_origin.to_string(),
        "http://localhost:3000"
    );
    assert_eq!(config.server.drain_timeout, Duration::from_secs(15));
    assert_eq!(
        config.store.url,
        StoreUrl::Sqlite(place.path().join("sidgate.db"))
    );
    assert_eq!(
        config.keys.master,
        MasterSource::CreateAt(place.path().join("master.key"))
    );
    assert_eq!(config.cache.redis_url, None);
    assert_eq!(config.cache.local_max_entries.get(), 100_000);
    assert_eq!(config.cache.local_max_bytes, 256 << 20);
    assert_eq!(config.session.absolute_timeout, Duration::from_secs(86_400));
    assert_eq!(config.session.max_per_user, None);
    assert_eq!(config.login_limits.per_account.count.get(), 20);
    assert_eq!(config.edge.max_body_bytes, 10_485_760);
    assert_eq!(config.endpoints.base_path.as_str(), "/api/auth");
    assert_eq!(config.migration.mode, MigrationMode::Off);
    assert!(config.admin.metrics && config.admin.token.is_none());
    assert_eq!(
        config.upstreams[0].idle_timeout,
        Duration::from_millis(1500)
    );
}

#[test]
fn a_default_gives_way_to_a_shorter_session() {
    let config = Place::new().good(&super::with("session.absolute_timeout", "\"2m\""));
    assert_eq!(config.session.idle_timeout, Duration::from_secs(120));
    assert_eq!(config.cache.local_ttl, Duration::from_secs(120));
}

#[test]
fn a_route_that_does_not_say_is_closed() {
    let text = format!("{MINIMAL}[[routes]]\npath = \"/app\"\nupstream = \"django\"\n");
    let config = Place::new().good(&text);
    let route = config
        .routes
        .route_for("localhost", "/app/x")
        .expect("a route");
    assert_eq!(route.session, SessionPolicy::Required);
}

#[test]
fn the_environment_wins_over_the_file() {
    let place = Place::new()
        .env("REDIS_URL", "rediss-cluster://user:pw@cache:6380")
        .env("SESSION_CACHE_TTL", "1800000")
        .env("ENABLE_SESSION_METRICS", "false");
    let text = super::Draft::minimal()
        .set("cache.redis_url", "\"redis://other\"")
        .set("cache.redis_ttl", "\"1m\"")
        .text();
    let config = place.good(&text);
    let redis = config.cache.redis_url.expect("Redis");
    assert_eq!((redis.topology, redis.tls), (RedisTopology::Cluster, true));
    assert_eq!(redis.url.expose(), "rediss-cluster://user:pw@cache:6380");
    assert_eq!(config.cache.redis_ttl, Duration::from_secs(1800));
    assert!(!config.admin.metrics);
}

#[test]
fn an_empty_variable_is_no_override() {
    let place = Place::new()
        .env("REDIS_URL", "")
        .env("SESSION_CACHE_TTL", "")
        .env("ENABLE_SESSION_METRICS", "");
    let config = place.good(&super::with("cache.redis_url", "\"redis://cache\""));
    assert!(config.cache.redis_url.is_some() && config.admin.metrics);
}

#[test]
fn a_strange_override_is_a_fault_of_its_own() {
    let place = Place::new()
        .env("REDIS_URL", "http://hunter2@x")
        .env("SESSION_CACHE_TTL", "30m")
        .env("ENABLE_SESSION_METRICS", "no");
    let faults = place.bad(MINIMAL);
    assert_eq!(
        faults,
        [
            "ENABLE_SESSION_METRICS: \"no\" is neither \"true\" nor \"false\"",
            "REDIS_URL: is not a redis://, rediss://, redis-cluster:// or redis-sentinel:// URL",
            "SESSION_CACHE_TTL: \"30m\" is not a number of milliseconds",
        ]
    );
    let place = Place::new().env("SESSION_CACHE_TTL", "3600000");
    place.one_fault(MINIMAL, "SESSION_CACHE_TTL", "must be at most 30m");
}

#[test]
fn health_checks_have_defaults_of_their_own() {
    let text = super::with("upstreams.django.health.path", "\"/healthz\"");
    let health = Place::new().good(&text).upstreams[0].health.clone();
    let health = health.expect("it is asked for");
    assert_eq!(
        (health.interval, health.timeout),
        (Duration::from_secs(5), Duration::from_secs(2))
    );
    assert_eq!((health.healthy, health.unhealthy), (2, 3));
    let silent = &Place::new().good(MINIMAL).upstreams[0];
    assert_eq!(silent.health, None, "without the section nobody asks");
}
