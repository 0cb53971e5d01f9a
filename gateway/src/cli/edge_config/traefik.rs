//! Traefik: its `ForwardAuth` middleware.

use std::fmt::Write as _;

use super::facts::Facts;
use super::{File, fill};

/// Its files. `folder`: where they are going to be.
pub(super) fn files(facts: &Facts, folder: &str) -> Vec<File> {
    let further = [
        ("routers", routers(facts)),
        ("services", services(facts)),
        (
            "identity_headers",
            facts.each_name(|name, _| format!("- {name}")),
        ),
        ("cookies", cookies(facts)),
    ];
    let (dynamic, fixed) = (
        include_str!("templates/traefik.yml"),
        include_str!("templates/traefik-static.yml"),
    );
    vec![
        File {
            name: "traefik.yml",
            text: fill(dynamic, facts, &further),
        },
        File {
            name: "static.yml",
            text: fill(fixed, facts, &[("folder", folder.to_owned())]),
        },
    ]
}

/// Whatever is not `websocket`, in an expression that knows no negation; one such line among several is enough.
const OTHER_UPGRADE: &str = "(?i)^(.{0,8}|.{10,}|[^w].{8}|.[^e].{7}|.{2}[^b].{6}|.{3}[^s].{5}|.{4}[^o].{4}|.{5}[^c].{3}|.{6}[^k].{2}|.{7}[^e].|.{8}[^t])$";
/// No path is that long.
const OTHERS_FIRST: usize = 5_000;

fn routers(facts: &Facts) -> String {
    let mut text = String::new();
    for (index, (path, app)) in facts.routes.iter().enumerate() {
        let rule = if path == "/" {
            "PathPrefix(`/`)".to_owned()
        } else {
            format!("Path(`{path}`) || PathPrefix(`{path}/`)")
        };
        let priority = path.len();
        text += &router(&format!("app-{index}"), &rule, priority, "sidgate", app);
        text += &router(
            &format!("app-{index}-plain"),
            &format!("({rule}) && HeaderRegexp(`Upgrade`, `{OTHER_UPGRADE}`)"),
            priority + OTHERS_FIRST,
            "sidgate, sidgate-no-upgrade",
            app,
        );
    }
    text.trim_end().to_owned()
}

fn router(name: &str, rule: &str, priority: usize, middlewares: &str, app: &str) -> String {
    format!(
        "{name}:\n  rule: {rule}\n  priority: {priority}\n  middlewares: [{middlewares}, sidgate-hide]\n  service: app-{app}\n"
    )
}

fn services(facts: &Facts) -> String {
    let mut text = String::new();
    for app in &facts.apps {
        let _written = write!(
            text,
            "app-{}:\n  loadBalancer:\n    passHostHeader: true\n    servers:\n",
            app.name
        );
        for server in &app.servers {
            let _written = writeln!(text, "      - url: http://{server}");
        }
    }
    text.trim_end().to_owned()
}

fn cookies(facts: &Facts) -> String {
    let names = facts.cookie_names.iter();
    let lines = names.map(|name| format!("- {name}"));
    lines.collect::<Vec<_>>().join("\n")
}
