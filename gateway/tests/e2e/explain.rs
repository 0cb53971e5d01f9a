//! `sidgate explain`: the decision on one request, and which key of the configuration made it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use sidgate_testkit::cli::{Outcome, sidgate, sidgate_fed};

/// The line of each key counts.
const CONFIG: &str = r#"[server]
public_origin = "https://app.test"
hosts = ["app.test", "www.app.test"]
trusted_proxies = ["10.0.0.0/8"]
[store]
url = "postgres://nobody@127.0.0.1:1/none"
[keys]
master = "${MASTER}"
[admin]
claim = "user.is_staff"
[backend]
upstream = "django"
[upstreams.django]
servers = ["127.0.0.1:1"]
[[routes]]
path = "/"
upstream = "django"
session = "optional"
[[routes]]
path = "/admin"
upstream = "django"
session = "required"
csrf = "check"
cors_origins = ["https://front.test"]
[[routes]]
path = "/api"
upstream = "django"
on_missing = "unauthorized"
"#;

/// A configuration on its own: no store answers.
pub(crate) struct Offline(pub(crate) TempDir);

impl Offline {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let outcome = sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]);
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let text = CONFIG.replace("${MASTER}", "file:master.key");
        fs::write(folder.path().join("sidgate.toml"), text).unwrap();
        Self(folder)
    }

    pub(crate) fn ask(&self, arguments: &[&str]) -> Outcome {
        explain(self.0.path(), b"", arguments)
    }

    /// The document, whose exit code must be `code`.
    fn told(&self, code: i32, arguments: &[&str]) -> Value {
        let arguments = [&["--json"], arguments].concat();
        let outcome = self.ask(&arguments);
        assert_eq!(outcome.code, Some(code), "{outcome:?}");
        serde_json::from_str(&outcome.stdout).unwrap()
    }
}

/// Runs the command with the configuration of `folder`.
pub(crate) fn explain(folder: &Path, input: &[u8], arguments: &[&str]) -> Outcome {
    let arguments = [&["explain", "--config", "sidgate.toml"], arguments].concat();
    sidgate_fed(input, folder, &arguments)
}

/// The step at which the decision fell.
fn deciding(told: &Value) -> &Value {
    let mut steps = told["steps"].as_array().unwrap().iter();
    steps.rfind(|step| step["decided"] == true).unwrap()
}

/// What the question called `name` has found.
pub(crate) fn step<'a>(told: &'a Value, name: &str) -> &'a Value {
    let mut steps = told["steps"].as_array().unwrap().iter();
    steps
        .find(|step| step["step"] == name)
        .unwrap_or(&Value::Null)
}

/// Arguments, parted by commas; status, reason and the step of the decision; its first key, and the line of that, `-` where
/// the default decides.
const REFUSED: &str = "
https://evil.test/ | 421 host_unknown | host | server.hosts 3
TRACE, / | 405 method | method |
/a/../admin | 400 target_dot_segment | target |
/, --header, X_Y: 1 | 400 header_name | header names | edge.odd_header_names -
/admin/users, --header, Accept: text/html | 303 login_redirect | policy | routes[1].session 22
/api | 401 unauthenticated | policy | routes[2].session -
POST, /admin, --header, Origin: https://evil.test | 403 cross_site | cross-site | routes[1].csrf 23
/__sidgate__/x | 404 not_found | place |
/api/admin/sessions | 401 unauthenticated | needs | admin.claim 10
PUT, /api/auth/session-v2 | 405 method_not_allowed | endpoint |
DELETE, /api/auth/session-v2, --header, Origin: null | 403 cross_site | endpoint | server.public_origin 2
/x, --peer, 10.1.1.1, --header, X-Forwarded-Proto: http | 308 https_redirect | https | server.redirect_https -
POST, /x, --peer, 10.1.1.1, --header, X-Forwarded-Proto: http | 403 https_required | https | server.redirect_https -
OPTIONS, /admin, --header, Origin: https://evil.test, --header, Access-Control-Request-Method: PUT | 403 origin_not_allowed | preflight | routes[1].cors_origins 24
";

#[test]
fn each_refusal_is_told_with_its_reason_its_key_and_its_line() {
    let offline = Offline::new();
    for row in REFUSED.trim().lines() {
        let columns: Vec<&str> = row.split('|').map(str::trim).collect();
        let arguments: Vec<&str> = columns[0].split(", ").collect();

        let told = offline.told(3, &arguments);

        let decided = deciding(&told);
        let answer = format!("{} {}", told["status"], told["reason"].as_str().unwrap());
        assert_eq!(told["verdict"], "refused", "{row}: {told}");
        assert_eq!(answer, columns[1], "{row}: {told}");
        assert_eq!(decided["step"], columns[2], "{row}: {told}");
        let key = decided["keys"].get(0).map(|key| {
            let line = key["line"].as_u64();
            let line = line.map_or("-".to_owned(), |line| line.to_string());
            format!("{} {line}", key["key"].as_str().unwrap())
        });
        assert_eq!(key.unwrap_or_default(), columns[3], "{row}: {told}");
    }
}

#[test]
fn what_is_served_is_told_with_what_the_app_gets() {
    let offline = Offline::new();

    let told = offline.told(
        0,
        &[
            "https://www.app.test/x?a=1",
            "--header",
            "X-Session-User-Id: root",
        ],
    );

    assert_eq!(told["verdict"], "allowed", "{told}");
    assert_eq!(told["reason"], "anonymous");
    assert_eq!(told["app"]["upstream"], "django");
    assert_eq!(
        told["app"]["fields"],
        json!(["x-session-state", "x-session-assertion"])
    );
    assert_eq!(told["app"]["removed"], json!(["x-session-user-id"]));
    assert_eq!(
        step(&told, "place")["keys"],
        json!([{"key": "routes[0].path", "line": 16}])
    );
    assert_eq!(
        step(&told, "upstream")["keys"][1],
        json!({"key": "upstreams.django", "line": 13})
    );

    let preflight = [
        "OPTIONS",
        "/admin",
        "--header",
        "Origin: https://front.test",
        "--header",
        "Access-Control-Request-Method: PUT",
    ];
    assert_eq!(offline.told(0, &preflight)["status"], 204);
    let endpoint = offline.told(0, &["/api/auth/session-v2"]);
    assert_eq!(
        (&endpoint["status"], &endpoint["app"]),
        (&Value::Null, &Value::Null),
        "{endpoint}"
    );
}

#[test]
fn lines_for_people_name_keys_and_defaults() {
    let outcome = Offline::new().ask(&["https://app.test/admin"]);

    assert_eq!(outcome.code, Some(3), "{outcome:?}");
    for words in [
        "host          app.test  [server.hosts (line 3)]",
        "routes[1], path \"/admin\"  [routes[1].path (line 20)]",
        "routes[1].on_missing (default)",
        "refused: 401 unauthenticated",
    ] {
        assert!(
            outcome.stdout.contains(words),
            "{words}: {}",
            outcome.stdout
        );
    }
}

#[test]
fn the_client_and_scheme_of_a_trusted_proxy_are_believed() {
    let offline = Offline::new();
    let forwarded = [
        "/",
        "--header",
        "X-Forwarded-For: 192.0.2.7",
        "--header",
        "X-Forwarded-Proto: https",
    ];

    let believed = offline.told(0, &[&forwarded[..], &["--peer", "10.1.1.1"]].concat());
    let ignored = offline.told(0, &[&forwarded[..], &["--peer", "192.0.2.1"]].concat());

    let client = step(&believed, "client");
    assert_eq!(
        client["found"],
        "192.0.2.7, says the trusted proxy 10.1.1.1"
    );
    assert_eq!(
        client["keys"],
        json!([{"key": "server.trusted_proxies", "line": 4}])
    );
    assert_eq!(
        step(&believed, "scheme")["found"],
        "https, says the trusted proxy"
    );
    assert_eq!(
        step(&ignored, "client")["found"],
        "192.0.2.1, not a trusted proxy"
    );
}

#[test]
fn a_redirect_is_told_without_the_sid_and_the_query_of_the_request() {
    let target = "/0123456f-89ab-4def-8123-456789abcdef/x?next=canary-query";
    let proxied = [
        target,
        "--peer",
        "10.1.1.1",
        "--header",
        "X-Forwarded-Proto: http",
    ];

    let told = Offline::new().told(3, &proxied);

    assert_eq!(told["location"], "https://app.test/***/x?***", "{told}");
    assert_eq!(step(&told, "target")["found"], "/***/x");
}
