//! What a reload may change, and what it has changed.
//!
//! Most of a configuration is read afresh for every request, so a new file may change it while the gateway runs. The rest is
//! built into listeners, pools, keys, cookies and caches at start. A file that changes both is refused whole: half of it could
//! contradict what is running, and the rules check whole files only.

use super::routes::same_name;
use super::{BackendConfig, Config, Sites};

/// Compares fields that carry the name of their key.
macro_rules! compare {
    ($old:ident, $new:ident: $($section:ident.$key:ident),* $(,)?) => {
        [$((concat!(stringify!($section), ".", stringify!($key)), $old.$section.$key != $new.$section.$key)),*]
    };
}

/// Compares sections as a whole.
macro_rules! compare_sections {
    ($old:ident, $new:ident: $($section:ident),* $(,)?) => {
        [$((stringify!($section), $old.$section != $new.$section)),*]
    };
}

/// Keys whose new value takes effect only after a restart, roughly in the order of the documentation.
///
/// Secrets are compared by value: a new key behind an unchanged `file:` counts as a change. Passwords of store and Redis
/// behind a `file:` do not: those are read again for each new connection.
#[must_use]
pub fn restart_needed(old: &Config, new: &Config) -> Vec<&'static str> {
    let first = compare!(old, new:
        server.listen,
        server.admin_listen,
        server.public_origin,
        server.threads,
        server.keepalive_requests,
        keys.master,
    );
    let store = compare!(old, new:
        store.password,
        store.max_connections,
        store.acquire_timeout,
        store.connect_timeout,
        store.read_timeout,
        store.write_timeout,
        store.auto_migrate,
        cache.local_ttl,
        cache.local_max_entries,
        cache.local_max_bytes,
        cache.negative_ttl,
        cache.redis_url,
        cache.key_prefix,
        cache.redis_ttl,
        cache.password,
        cache.command_timeout,
        cache.connect_timeout,
        cache.breaker_failures,
        cache.breaker_max_pause,
    );
    let last = compare!(old, new:
        session.absolute_timeout,
        session.idle_timeout,
        cookie.name,
        cookie.secure,
        cookie.same_site,
        cookie.domain,
        endpoints.base_path,
        admin.metrics,
        insecure.trust_everybody,
        insecure.shared_folders,
    );
    let tls = |config: &Config| config.server.tls.as_ref().map(|tls| tls.listen.clone());
    let edges = |config: &Config| config.authz.as_ref().map(|authz| authz.listen.clone());
    let compared = first
        .into_iter()
        .chain([
            ("server.tls.listen", tls(old) != tls(new)),
            ("authz.listen", edges(old) != edges(new)),
        ])
        .chain(ways_to_servers(old, new))
        .chain(store)
        .chain(last);
    named(compared)
}

/// How store and Redis are reached, and which certificates prove it.
fn ways_to_servers(old: &Config, new: &Config) -> [(&'static str, bool); 7] {
    let (store, redis) = (
        (&old.store.tls, &new.store.tls),
        (&old.cache.tls, &new.cache.tls),
    );
    [
        ("store.url", !old.store.leads_where(&new.store)),
        ("store.ca", store.0.ca != store.1.ca),
        (
            "store.client_cert",
            store.0.client_cert != store.1.client_cert,
        ),
        ("store.client_key", store.0.client_key != store.1.client_key),
        ("cache.ca", redis.0.ca != redis.1.ca),
        (
            "cache.client_cert",
            redis.0.client_cert != redis.1.client_cert,
        ),
        ("cache.client_key", redis.0.client_key != redis.1.client_key),
    ]
}

/// Keys, and sections of many keys, that are different and need no restart, in the order of the documentation.
#[must_use]
pub fn changed(old: &Config, new: &Config) -> Vec<&'static str> {
    let upstreams_differ = old.upstreams != new.upstreams;
    // Backend and routes hold their apps; what is different about those is told once.
    let old = &in_front_of(old, new);
    let tls = |config: &Config| {
        let tls = config.server.tls.as_ref();
        tls.map(|tls| {
            let shown = (tls.certificates.clone(), tls.check_every);
            (shown, tls.min_version, tls.client_ca.clone())
        })
    };
    let keys = compare!(old, new:
        server.hosts,
        server.login_url,
        server.trusted_proxies,
        server.proxy_protocol_from,
        server.request_id_from,
        server.redirect_https,
        server.health_path,
        server.acme_dir,
        server.keepalive_timeout,
        server.unready_before_drain,
        server.drain_timeout,
        server.name_servers,
        server.resolve_every,
        server.resolve_timeout,
        keys.previous,
    );
    let apps = compare_sections!(old, new: session, backend, identity);
    let routes = compare_sections!(old, new: routes, endpoints, edge, login_limits);
    let token = compare!(old, new: admin.token, admin.claim, admin.fresh, admin.drills);
    let rest = compare_sections!(old, new:
        audit,
        access_log,
        pages,
        maintenance,
        compression,
        migration,
        risk,
        telemetry,
    );
    let edges = |config: &Config| {
        let authz = config.authz.as_ref();
        authz.map(|authz| authz.trusted_edges.clone())
    };
    let unverified = compare!(old, new: insecure.unverified_upstreams);
    let compared = keys
        .into_iter()
        .chain([("server.tls", tls(old) != tls(new))])
        .chain([("sites", named_sites(old) != named_sites(new))])
        .chain(apps)
        .chain([("upstreams", upstreams_differ)])
        .chain(routes)
        .chain(token)
        .chain([("authz.trusted_edges", edges(old) != edges(new))])
        .chain(rest)
        .chain(unverified);
    named(compared)
}

/// The sites, where the file has them. The keys of the one site are compared by themselves.
fn named_sites(config: &Config) -> Option<&Sites> {
    Some(&config.sites).filter(|sites| sites.are_named)
}

/// `old`, with the apps that have the same names in `new`.
fn in_front_of(old: &Config, new: &Config) -> Config {
    Config {
        backend: BackendConfig {
            upstream: same_name(&new.upstreams, &old.backend.upstream),
            ..old.backend.clone()
        },
        routes: old.routes.in_front_of(&new.upstreams),
        ..old.clone()
    }
}

fn named(compared: impl Iterator<Item = (&'static str, bool)>) -> Vec<&'static str> {
    compared
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| key)
        .collect()
}
