//! Words from other proxies: what somebody who writes one of them is looking for here.

/// Table (as in [`Entry::model`](super::catalog::Entry::model)), its words, and what is said about them.
type Hint = (&'static str, &'static [&'static str], &'static str);

#[rustfmt::skip]
const HINTS: &[Hint] = &[
    ("", &["tls", "ssl", "https", "certificates"], "certificate and key are in [server.tls]"),
    ("", &["listen", "listeners", "bind", "port", "address", "http", "entrypoints", "threads", "workers"], "listeners and names are in [server]"),
    ("", &["rate_limit", "rate_limits", "ratelimit", "limits", "timeouts"], "limits are in [edge] and [login_limits]"),
    ("", &["headers", "request_headers"], "headers that apps get are in [identity.headers]"),
    ("", &["log", "logs", "logging", "log_level"], "the log goes to stdout, lines of requests where [access_log] says; its level is the environment variable RUST_LOG"),
    ("", &["metrics", "prometheus"], "metrics are at /metrics of server.admin_listen"),
    ("", &["database", "db", "postgres", "postgresql", "sqlite"], "the database is store.url"),
    ("", &["redis"], "Redis is cache.redis_url"),
    ("", &["services", "backends", "clusters", "proxy"], "apps are in [upstreams.NAME]"),
    ("", &["locations", "rules", "paths"], "paths are in [[routes]]"),
    ("", &["auth", "authentication", "login", "oauth", "oauth2", "oidc"], "the app that knows the users is named in [backend]"),
    ("", &["include", "includes", "import"], "one file is the whole configuration"),
    ("server", &["host", "hostname", "server_name", "server_names", "domain", "domains", "names"], "the host in the address bar is in public_origin; further ones are in hosts"),
    ("server", &["port", "bind", "address", "addr", "http_port"], "addresses and ports are in listen, such as [\"0.0.0.0:8080\"]"),
    ("server", &["ssl", "https", "cert", "certificate", "key", "tls_cert", "tls_key"], "certificate and key are in [server.tls]"),
    ("server", &["url", "base_url", "external_url", "root_url", "origin"], "what browsers have in their address bar is public_origin"),
    ("server", &["workers", "worker_processes", "worker_threads", "processes"], "the number of threads is threads"),
    ("server", &["trust_proxy", "real_ip", "real_ip_from", "set_real_ip_from", "trusted_ips", "forwarded_allow_ips"], "proxies that are believed are in trusted_proxies"),
    ("server", &["timeout", "read_timeout", "idle_timeout"], "waits for clients are in [edge], waits for apps in [upstreams.NAME]"),
    ("server", &["proxy_protocol"], "peers that speak the PROXY protocol are in proxy_protocol_from"),
    ("server", &["log_level", "access_log", "error_log"], "the log goes to stdout; its level is the environment variable RUST_LOG"),
    ("server.tls", &["certificate", "cert_file", "certfile", "ssl_certificate", "fullchain", "chain"], "the file with the certificate chain is cert"),
    ("server.tls", &["key_file", "keyfile", "private_key", "ssl_certificate_key"], "the file with the private key is key"),
    ("server.tls", &["acme", "letsencrypt", "auto", "email"], "certificates are files; have certbot or another client of ACME write them"),
    ("keys", &["secret", "secret_key", "key", "current"], "the key is master"),
    ("store", &["dsn", "host", "port", "user", "username", "password", "database", "path", "type", "driver", "connection"], "all of it is in url, such as \"postgres://user:${PASSWORD}@host/database\""),
    ("cache", &["url", "redis", "host", "port", "address", "password", "db"], "Redis is redis_url, such as \"redis://:${PASSWORD}@host:6379/0\""),
    ("cache", &["ttl", "max_age"], "how long is local_ttl in this process and redis_ttl in Redis"),
    ("session", &["ttl", "max_age", "lifetime", "timeout", "duration", "expires", "expiration"], "how long a session lives is absolute_timeout; how long unused, idle_timeout"),
    ("session", &["secret", "secret_key", "key"], "the key is keys.master"),
    ("session", &["cookie", "cookie_name", "name", "secure", "same_site", "domain"], "the cookie is in [cookie]"),
    ("cookie", &["domain", "domains"], "the cookie never has a Domain: it belongs to one host, so that no other host can read or plant it"),
    ("cookie", &["path"], "the cookie always has Path=/"),
    ("cookie", &["http_only", "httponly"], "the cookie is always HttpOnly"),
    ("cookie", &["max_age", "expires", "expire", "ttl", "lifetime"], "how long a session lives is session.absolute_timeout"),
    ("cookie", &["secret", "key", "hash_key", "block_key", "encrypt"], "the key is keys.master"),
    ("backend", &["url", "address", "server", "servers", "host", "service"], "its servers are in [upstreams.NAME]; name it with upstream"),
    ("upstreams.NAME", &["url", "urls", "uri", "address", "addresses", "addr", "host", "hosts", "endpoints", "target", "targets", "nodes", "backends"], "where the app runs is servers, such as [\"127.0.0.1:8000\"]"),
    ("upstreams.NAME", &["timeout", "proxy_read_timeout", "response_timeout"], "waits are connect_timeout, read_timeout and write_timeout; for WebSockets websocket_idle"),
    ("upstreams.NAME", &["keepalive", "keepalive_timeout", "keep_alive", "idle"], "how long an unused connection is kept is idle_timeout"),
    ("upstreams.NAME", &["ssl", "scheme", "https", "use_tls"], "a server that speaks TLS is \"https://host:port\" in servers"),
    ("upstreams.NAME", &["ca", "ca_cert", "root_ca", "cert", "key", "client_cert", "client_key", "server_name", "sni"], "it belongs into [upstreams.NAME.tls]"),
    ("upstreams.NAME", &["insecure_skip_verify", "tls_insecure_skip_verify", "ssl_verify", "verify", "verify_tls"], "certificates are verified; tls.ca names an authority of your own, insecure.unverified_upstreams switches it off"),
    ("upstreams.NAME", &["http2", "h2", "h2c", "grpc", "http_version"], "HTTP/2, and so gRPC, is protocol = \"h2\""),
    ("upstreams.NAME", &["socket", "unix", "sock"], "a unix socket is \"unix:/run/app.sock\" in servers"),
    ("upstreams.NAME", &["health", "health_check", "healthcheck", "health_checks", "passive", "weight", "weights", "balance", "lb", "lb_policy", "policy", "load_balancing", "strategy", "retry", "retries"], "servers take turns, and one that cannot be connected to is passed over for that request; there is nothing to set"),
    ("upstreams.NAME", &["strip_prefix", "path", "prefix", "rewrite"], "which paths are the app's own, and whether it gets them without their prefix, is in [[routes]]"),
    ("upstreams.NAME", &["headers", "request_headers"], "headers that apps get are in [identity.headers]"),
    ("routes[]", &["host", "domain", "domains", "server_name"], "the hosts of a route are hosts, such as [\"app.example.com\"]"),
    ("routes[]", &["method", "limit_except", "allowed_methods"], "the methods of a route are methods, such as [\"GET\"]"),
    ("routes[]", &["strip_path", "rewrite", "rewrite_path", "replace_path", "path_rewrite", "add_prefix"], "the app gets the path as it was sent, or with strip_prefix = true without the prefix; there are no other rewrites"),
    ("routes[]", &["redirect_to", "return"], "where visitors are sent is redirect = { to = \"https://..\" }"),
    ("routes[]", &["headers", "request_headers", "add_headers", "set_headers", "header"], "headers that apps get are in [identity.headers]; those that answers get are response_headers"),
    ("routes[]", &["rate_limit", "ratelimit", "rate", "limit", "limits", "throttle"], "limits hold for all routes: [edge] and [login_limits]"),
    ("routes[]", &["body_limit", "max_body_size", "client_max_body_size"], "the size of bodies is max_body_bytes"),
    ("routes[]", &["timeout", "timeouts", "connect_timeout"], "how long an app may be silent is read_timeout; other waits are in its [upstreams.NAME]"),
    ("routes[]", &["roles", "groups", "claims", "require", "acl"], "who gets through is allow, such as { \"attributes.role\" = [\"admin\"] }"),
    ("routes[]", &["backend", "service", "proxy_pass", "to", "target", "cluster", "app", "forward_to"], "the app is upstream"),
    ("routes[]", &["prefix", "location", "match", "uri", "url", "pattern", "paths"], "the prefix is path"),
    ("routes[]", &["auth", "authentication", "require_auth", "auth_required", "login", "protected", "policy", "public"], "who gets through is session: \"required\", \"optional\" or \"none\""),
    ("routes[]", &["priority", "order", "weight"], "the longest path decides, wherever it stands"),
    ("routes[]", &["cors", "allowed_origins", "allow_origins", "origins"], "other sites that may read answers are cors_origins"),
    ("routes[]", &["websocket", "websockets", "upgrade"], "WebSockets pass; there is nothing to set"),
    ("", &["errors", "error_page", "error_pages", "custom_errors"], "pages of your own are in the folder that pages.dir names"),
    ("", &["gzip", "brotli", "zstd", "encode", "compress"], "what answers are compressed with is compression.algorithms"),
    ("routes[]", &["cache", "caching"], "answers are not cached here; let a CDN do it"),
    ("routes[]", &["gzip", "brotli", "compression", "encode"], "whether answers are compressed is compress, and with what is compression.algorithms"),
    ("edge", &["rate_limit", "ratelimit", "rate", "requests_per_second"], "failed logins are limited by [login_limits], sids that are no session by misses_per_client; other requests are not"),
    ("edge", &["client_max_body_size", "body_limit", "max_body_size", "max_body"], "the size of bodies is max_body_bytes"),
    ("edge", &["timeout", "read_timeout", "request_timeout"], "waits for clients are header_timeout, body_timeout and write_timeout"),
    ("admin", &["password", "username", "user", "api_key"], "what opens the admin listener is token"),
    ("admin", &["listen", "port", "address", "bind"], "where it listens is server.admin_listen"),
];

/// What is said about `key` in the table `model`, if it is a word of other proxies.
pub(super) fn of_other_proxies(model: &str, key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase().replace('-', "_");
    HINTS
        .iter()
        .find(|(table, words, _)| *table == model && words.contains(&key.as_str()))
        .map(|(_, _, said)| *said)
}
