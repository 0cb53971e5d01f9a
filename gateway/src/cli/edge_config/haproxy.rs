//! HAProxy: an action in Lua, which asks by HAProxy's own HTTP client.

use std::fmt::Write as _;

use super::facts::Facts;
use super::{File, fill};

/// Its files. `folder`: where they are going to be.
pub(super) fn files(facts: &Facts, folder: &str) -> Vec<File> {
    let further = [
        ("locations", locations(facts)),
        ("backends", backends(facts)),
        ("folder", folder.to_owned()),
    ];
    let names = facts.each_name(|name, _| format!("\"{}\",", name.to_ascii_lowercase()));
    vec![
        File {
            name: "haproxy.cfg",
            text: fill(include_str!("templates/haproxy.cfg"), facts, &further),
        },
        File {
            name: "sidgate.lua",
            text: fill(
                include_str!("templates/sidgate.lua"),
                facts,
                &[("names", names)],
            ),
        },
    ]
}

fn locations(facts: &Facts) -> String {
    let mut text = String::new();
    for (path, app) in &facts.routes {
        if path == "/" {
            let _written = writeln!(text, "default_backend app_{app}");
        } else {
            let _written = writeln!(
                text,
                "use_backend app_{app} if {{ path {path} }} or {{ path_beg {path}/ }}"
            );
        }
    }
    text.trim_end().to_owned()
}

fn backends(facts: &Facts) -> String {
    let mut text = String::new();
    for app in &facts.apps {
        let _written = writeln!(text, "\nbackend app_{}", app.name);
        for (index, server) in app.servers.iter().enumerate() {
            let _written = writeln!(text, "    server s{index} {server}");
        }
    }
    text.trim_end().to_owned()
}
