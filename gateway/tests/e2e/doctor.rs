//! `sidgate doctor` on a whole stack: PostgreSQL, Redis, two Django apps under gunicorn, an app without a package, a certificate,
//! and the public way. Once with ten mistakes, each of which it has to name, and once without any.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use session_testing::{TestDatabase, TestPostgres, TestRedis};
use tempfile::TempDir;
use toml::Table;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sidgate_testkit::cli::{Outcome, sidgate};
use sidgate_testkit::config::Ports;
use sidgate_testkit::django::{DjangoApp, DjangoSettings};
use sidgate_testkit::pooler::{Pooler, Settings};
use sidgate_testkit::port::free_port;
use sidgate_testkit::stores::{sql, sql_text};
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::{Gateway, Reply, Request, Stage};

/// What differs from a stack as it should be.
struct Stack {
    /// Seconds by which the shop's clock is ahead.
    ahead: u32,
    /// Where Django listens.
    host: &'static str,
    /// The upstream whose key Django has been given.
    key_of: &'static str,
    /// Whether the app without a package believes plain headers.
    naive: bool,
    /// Days until the certificate ends.
    days: u32,
    /// Laid over the configuration.
    config: &'static str,
}

const SOUND: Stack = Stack {
    ahead: 0,
    host: "127.0.0.1",
    key_of: "django",
    naive: false,
    days: 365,
    config: "",
};

/// A stack that runs.
struct Running {
    gateway: Gateway,
    _apps: [DjangoApp; 2],
    _plain: RecordingUpstream,
}

impl Stack {
    fn start(self, store: &str, redis: &TestRedis) -> Running {
        let plain = plain_app(self.naive);
        let (django, shop, tls) = (free_port(), free_port(), free_port());
        let address = plain.address();
        let certificates = TempDir::new().unwrap();
        let (cert, key) = certificate(certificates.path(), self.days);
        let text = format!(
            r#"
            [store]
            url = "{store}"
            [cache]
            redis_url = "{}"
            [server.tls]
            listen = ["127.0.0.1:{tls}"]
            cert = "{cert}"
            key = "{key}"
            [upstreams.django]
            servers = ["127.0.0.1:{django}"]
            [upstreams.shop]
            servers = ["127.0.0.1:{shop}"]
            [upstreams.plain]
            servers = ["{address}"]
            "#,
            redis.url()
        );
        let gateway = Gateway::configured_by(Box::new(base)).with(&text);
        let gateway = gateway.with(self.config).start();
        let app = |name, key_of: &str, host, port, ahead| {
            let key = STANDARD.encode(gateway.upstream_key(key_of));
            DjangoApp::start(&DjangoSettings {
                key: &key,
                name,
                host,
                port,
                ahead,
                events_url: "",
            })
        };
        let apps = [
            app("django", self.key_of, self.host, django, 0),
            app("shop", "shop", "127.0.0.1", shop, self.ahead),
        ];
        // The configuration names the files for as long as the gateway runs.
        let _kept = certificates.keep();
        Running {
            gateway,
            _apps: apps,
            _plain: plain,
        }
    }
}

fn base(ports: Ports) -> Table {
    let Ports { public, admin } = ports;
    let text = format!(
        r#"
        [server]
        listen = ["127.0.0.1:{public}"]
        admin_listen = "127.0.0.1:{admin}"
        public_origin = "http://localhost:{public}"
        drain_timeout = "0s"
        [keys]
        master = "file:master.key"
        [backend]
        upstream = "django"
        [endpoints]
        password_login = true
        [[routes]]
        path = "/"
        upstream = "django"
        session = "optional"
        [[routes]]
        path = "/shop"
        upstream = "shop"
        session = "optional"
        [[routes]]
        path = "/plain"
        upstream = "plain"
        session = "required"
        "#
    );
    text.parse().unwrap()
}

/// An app that has no package. A naive one believes whoever says who they are.
fn plain_app(naive: bool) -> RecordingUpstream {
    RecordingUpstream::start(move |received| {
        let user = received.header("x-session-user-id").filter(|_| naive);
        match user {
            Some(user) => Reply::new(200, &[], &format!("Welcome back, {user}")),
            None => Reply::new(401, &[], "log in first"),
        }
    })
}

/// A certificate for localhost that ends in so many days, and its key.
fn certificate(folder: &Path, days: u32) -> (String, String) {
    let place = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let (cert, key) = (place("cert.pem"), place("key.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt"])
        .args(["ec_paramgen_curve:prime256v1", "-nodes", "-subj"])
        .args(["/CN=localhost", "-days", &days.to_string()])
        .args(["-keyout", &key, "-out", &cert])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (cert, key)
}

/// A role that may do what a gateway does, and nothing else.
fn modest_role(database: &TestDatabase) -> String {
    let name = sql_text(database, "SELECT current_database()::text");
    let role = format!("modest_{name}");
    sql(
        database,
        &format!("DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN"),
    );
    let folder = TempDir::new().unwrap();
    let grants = sidgate(folder.path(), &["schema", "grants", "--role", &role]).success();
    database.psql(&grants).unwrap();
    database.url_as(&role).expose().to_owned()
}

fn sound_redis() -> TestRedis {
    let redis = TestRedis::start();
    set(&redis, "maxmemory", "64mb");
    set(&redis, "maxmemory-policy", "volatile-lru");
    redis
}

fn set(redis: &TestRedis, name: &str, value: &str) {
    assert_eq!(redis.command(&["CONFIG", "SET", name, value]), "OK\n");
}

fn doctor(running: &Running, config: &Path, more: &[&str]) -> Outcome {
    let through = running.gateway.origin();
    let config = config.to_str().unwrap();
    let arguments = ["doctor", "--config", config, "--through", &through];
    sidgate(running.gateway.folder(), &[&arguments[..], more].concat())
}

/// The findings that are not well, as `topic verdict subject: answer`.
fn not_well(outcome: &Outcome) -> Vec<String> {
    let document: Value = serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", outcome.output()));
    let findings = document["findings"].as_array().unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap().to_owned();
    findings
        .iter()
        .filter(|finding| ["warn", "fail"].contains(&finding["verdict"].as_str().unwrap()))
        .map(|finding| {
            assert!(finding["why"].is_string(), "{finding}");
            assert!(finding["do"].is_string(), "{finding}");
            let [topic, verdict, subject, answer] =
                ["topic", "verdict", "subject", "answer"].map(|name| text(finding, name));
            format!("{topic} {verdict} {subject}: {answer}")
        })
        .collect()
}

#[test]
fn a_sound_stack_is_well() {
    let database = TestPostgres::shared().database();
    let redis = sound_redis();
    let running = SOUND.start(&modest_role(&database), &redis);
    let config = running.gateway.config_file();

    let outcome = doctor(&running, &config, &["--json"]);

    assert_eq!(not_well(&outcome), Vec::<String>::new());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let text = doctor(&running, &config, &[]).success();
    for line in [
        "PostgreSQL ",
        "Redis ",
        "sidgate-django 0.1.0, django ",
        "on loopback alone",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains(running.gateway.master().trim()), "{text}");
    assert!(!text.contains("do: "), "{text}");
}

/// What is wrong with the stack, the line about it, and the words that help.
const MISTAKES: [(&str, &str, &str); 12] = [
    (
        "app reachable past the gateway",
        "bypass fail app django",
        "listens at",
    ),
    (
        "app that trusts plain headers",
        "assertions fail app plain",
        "believes plain headers",
    ),
    (
        "clock 40 s off",
        "clock fail clock of shop",
        "s ahead of ours",
    ),
    ("Redis evicting", "eviction warn redis", "allkeys-lru"),
    (
        "prepared statements through a pooler",
        "store fail store",
        "mixes up prepared statements",
    ),
    (
        "limits that a pooler throws away",
        "limits warn store",
        "statement_timeout, idle_in_transaction_session_timeout not in force",
    ),
    (
        "NOTIFY through a pooler",
        "notify warn store",
        "pooler in transaction mode",
    ),
    (
        "wrong trusted_proxies",
        "trusted_proxies fail client",
        "believes what the client claims",
    ),
    (
        "certificate ending",
        "certificate warn certificate",
        "2 days from now",
    ),
    ("role with DDL", "rights warn store", "is a superuser"),
    (
        "max_stale without need",
        "max_stale warn route /board",
        "without need",
    ),
    (
        "backend key of another app",
        "key fail app django",
        "has the key of upstreams.shop",
    ),
];

#[test]
fn twelve_mistakes_are_named() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let Some(pooler) = Pooler::start(postgres.port(), Settings::TRANSACTION) else {
        return;
    };
    let redis = TestRedis::start();
    set(&redis, "maxmemory", "2mb");
    set(&redis, "maxmemory-policy", "allkeys-lru");
    let running = Stack {
        ahead: 40,
        host: "0.0.0.0",
        key_of: "shop",
        naive: true,
        days: 3,
        config: "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n[[routes]]\npath = \"/board\"\nupstream = \"django\"\n\
                 session = \"required\"\nmax_stale = \"5m\"",
    }
    .start(database.url().expose(), &redis);
    let config = running.gateway.folder().join("pooled.toml");
    let text = fs::read_to_string(running.gateway.config_file()).unwrap();
    let (direct, pooled) = (postgres.port(), pooler.port());
    let text = text.replace(
        &format!("127.0.0.1:{direct}/"),
        &format!("127.0.0.1:{pooled}/"),
    );
    fs::write(&config, text).unwrap();

    let outcome = doctor(&running, &config, &["--json"]);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let named = not_well(&outcome);
    for (mistake, start, said) in MISTAKES {
        let found = named.iter().find(|line| line.starts_with(start));
        let found = found.unwrap_or_else(|| panic!("{mistake}: {named:#?}"));
        assert!(found.contains(said), "{mistake}: {found}");
    }
    assert_eq!(named.len(), 12, "nothing else: {named:#?}");
}

/// What a request looks like on arrival is for holders of the master key.
#[test]
fn nobody_else_learns_how_a_request_arrives() {
    let stage = Stage::start();
    let path = "/__sidgate__/doctor";
    let elsewhere = stage.send(&Request::get("/__sidgate__/elsewhere"));

    for request in [
        Request::get(path),
        Request::get(path).header("Authorization", "Bearer x"),
        Request::get(path).header("Authorization", "Basic eDp5"),
        Request::post(path),
    ] {
        let answer = stage.send(&request);
        assert_eq!(answer.status, elsewhere.status, "{answer:?}");
        assert_eq!(answer.problem(404), "not_found");
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn another_gateway_at_the_public_address_is_not_taken_for_ours() {
    let (ours, another) = (Stage::start(), Stage::start());
    let config = ours.config_file();
    let told = |origin: &str| {
        let arguments = ["doctor", "--json", "--config", config.to_str().unwrap()];
        let outcome = sidgate(
            ours.folder(),
            &[&arguments[..], &["--through", origin]].concat(),
        );
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        let findings = document["findings"].as_array().unwrap().clone();
        let found = findings.into_iter().find(|it| it["topic"] == "public_way");
        found.unwrap()["verdict"].clone()
    };

    assert_eq!(told(&ours.origin()), "ok");
    assert_eq!(told(&another.origin()), "fail");
    let spoofs = ours.metrics().sum("sidgate_spoof_blocked_total", &[]);
    assert!(
        spoofs.abs() < f64::EPSILON,
        "what we send ourselves is no attack"
    );
}
