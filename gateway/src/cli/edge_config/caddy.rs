//! Caddy: what its `forward_auth` stands for, written out.

use std::fmt::Write as _;

use super::facts::Facts;
use super::{File, fill};

/// Its file.
pub(super) fn files(facts: &Facts) -> Vec<File> {
    let copied =
        |name: &str, _: &str| format!("request_header {name} {{http.reverse_proxy.header.{name}}}");
    let kept = |n| {
        format!(
            "vars sidgate_cookie_{n} \"{{http.reverse_proxy.header.X-Sidgate-Set-Cookie-{n}}}\""
        )
    };
    let added = |n| {
        format!(
            "@sidgate_cookie_{n} expression `{{http.vars.sidgate_cookie_{n}}} != \"\"`\n\
             header @sidgate_cookie_{n} +Set-Cookie {{http.vars.sidgate_cookie_{n}}}"
        )
    };
    let further = [
        (
            "base_path_pattern",
            format!("^{}(/|$)", escaped(&facts.base_path)),
        ),
        ("locations", locations(facts)),
        ("identity_headers", facts.each_name(copied)),
        ("cookies_set", facts.each_cookie(kept)),
        ("cookies_add", facts.each_cookie(added)),
    ];
    let text = fill(include_str!("templates/Caddyfile"), facts, &further);
    vec![File {
        name: "Caddyfile",
        text,
    }]
}

fn locations(facts: &Facts) -> String {
    let mut text = String::new();
    for (index, (path, app)) in facts.routes.iter().enumerate() {
        let servers = facts.servers(app).join(" ");
        if path == "/" {
            let _written = writeln!(text, "reverse_proxy {servers}");
        } else {
            let _written = writeln!(text, "@app_{index} path_regexp ^{}(/|$)", escaped(path));
            let _written = writeln!(text, "reverse_proxy @app_{index} {servers}");
        }
    }
    text.trim_end().to_owned()
}

/// A path as a regular expression: Caddy's plain matchers take no notice of case.
fn escaped(path: &str) -> String {
    let mut escaped = String::new();
    for character in path.chars() {
        if !character.is_ascii_alphanumeric() && !matches!(character, '/' | '-' | '_') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
