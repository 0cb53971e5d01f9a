//! What a SIGHUP may change.
//!
//! Routes, upstreams, backend, migration, identity headers, the limits of the edge and those of logins are read afresh
//! for every request, so a new file may change them while the gateway runs. Everything else is built into listeners,
//! pools, keys, cookies and caches at start. A file that changes both is refused whole: half of it could contradict
//! what is running, and the rules check whole files only.

use super::Config;

/// Compares fields that carry the name of their key.
macro_rules! compare {
    ($old:ident, $new:ident: $($section:ident.$key:ident),* $(,)?) => {
        [$((concat!(stringify!($section), ".", stringify!($key)), $old.$section.$key != $new.$section.$key)),*]
    };
}

/// Keys whose new value takes effect only after a restart, in the order of the documentation.
///
/// Secrets are compared by value: a new key behind an unchanged `file:` counts as a change.
#[must_use]
pub fn restart_needed(old: &Config, new: &Config) -> Vec<&'static str> {
    let compared = compare!(old, new:
        server.listen,
        server.admin_listen,
        server.public_origin,
        server.hosts,
        server.login_url,
        server.trusted_proxies,
        server.redirect_https,
        server.threads,
        server.drain_timeout,
        server.tls,
        keys.master,
        keys.previous,
        store.url,
        store.auto_migrate,
        cache.local_ttl,
        cache.local_max_entries,
        cache.local_max_bytes,
        cache.negative_ttl,
        cache.redis_url,
        cache.redis_ttl,
        session.absolute_timeout,
        session.idle_timeout,
        cookie.name,
        cookie.secure,
        cookie.same_site,
        endpoints.base_path,
        admin.token,
        admin.claim,
        admin.metrics,
        insecure.trust_everybody,
        insecure.shared_folders,
    );
    let changed = compared.into_iter().filter(|(_, changed)| *changed);
    changed.map(|(key, _)| key).collect()
}
