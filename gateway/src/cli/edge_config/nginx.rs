//! nginx: `auth_request`.

use std::fmt::Write as _;

use super::facts::Facts;
use super::{File, fill};

/// Its file.
pub(super) fn files(facts: &Facts) -> Vec<File> {
    let set = |_: &str, variable: &str| {
        format!("auth_request_set ${variable} $upstream_http_{variable};")
    };
    let cookie = |n| {
        format!("auth_request_set $sidgate_cookie_{n} $upstream_http_x_sidgate_set_cookie_{n};")
    };
    let further = [
        ("upstreams", upstreams(facts)),
        ("locations", locations(facts)),
        ("hosts", facts.hosts.join(" ")),
        ("identity_set", facts.each_name(set)),
        (
            "identity_headers",
            facts.each_name(|name, variable| format!("proxy_set_header {name} ${variable};")),
        ),
        (
            "identity_cleared",
            facts.each_name(|name, _| format!("proxy_set_header {name} \"\";")),
        ),
        ("cookies_set", facts.each_cookie(cookie)),
        (
            "cookies_add",
            facts.each_cookie(|n| format!("add_header Set-Cookie $sidgate_cookie_{n} always;")),
        ),
    ];
    let text = fill(include_str!("templates/nginx.conf"), facts, &further);
    vec![File {
        name: "nginx.conf",
        text,
    }]
}

fn upstreams(facts: &Facts) -> String {
    let upstreams = facts.apps.iter().map(|app| {
        let servers = app.servers.iter().map(|server| format!("server {server};"));
        let servers = servers.collect::<Vec<_>>().join(" ");
        format!(
            "upstream sidgate_app_{} {{ {servers} keepalive 32; }}",
            app.name
        )
    });
    upstreams.collect::<Vec<_>>().join("\n")
}

fn locations(facts: &Facts) -> String {
    let mut text = String::new();
    for (path, app) in &facts.routes {
        let pass = format!("{{ proxy_pass http://sidgate_app_{app}; }}");
        if path == "/" {
            let _written = writeln!(text, "location / {pass}");
        } else {
            let _written = writeln!(text, "location = {path} {pass}");
            let _written = writeln!(text, "location {path}/ {pass}");
        }
    }
    text.trim_end().to_owned()
}
