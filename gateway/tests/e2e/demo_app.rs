//! `sidgate demo-app` behind a gateway, with the configuration that `sidgate config init --demo` writes.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use toml::Table;

use sidgate_testkit::cli::{clean_environment, sidgate};
use sidgate_testkit::client::Connection;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::program;
use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, Response, SESSION, login};

const EMAIL: &str = "test@example.com";
const DEVICES: &str = "/api/auth/sessions";

/// The configuration, for an app on `port`.
fn init(port: u16) -> Table {
    let folder = TempDir::new().unwrap();
    let upstream = format!("app={port}");
    let arguments = ["config", "init", "--demo", "--upstream", &upstream];
    sidgate(folder.path(), &arguments)
        .success()
        .parse()
        .unwrap()
}

fn start(folder: &Path, port: u16, config: &Path) -> Process {
    let mut command = guarded(&program());
    command
        .args(["demo-app", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--config")
        .arg(config)
        .env_remove("SIDGATE_KEY");
    clean_environment(&mut command);
    Process::start("demo-app", &mut command, folder)
}

/// The app and the gateway in front of it.
struct Demo {
    // Dropped in this order.
    gateway: Gateway,
    app: Process,
    port: u16,
}

impl Demo {
    fn start() -> Self {
        let port = free_port();
        let written = init(port);
        let gateway = Gateway::configured_by(Box::new(move |ports| {
            let mut config = written.clone();
            let server = config["server"].as_table_mut().unwrap();
            let public = ports.public;
            server["listen"] = vec![format!("127.0.0.1:{public}")].into();
            server["admin_listen"] = format!("127.0.0.1:{}", ports.admin).into();
            server["public_origin"] = format!("http://localhost:{public}").into();
            config
        }))
        .first_start()
        .start();
        let mut app = start(gateway.folder(), port, &gateway.config_file());
        app.wait_until(|| is_open(port));
        Self { gateway, app, port }
    }

    /// A form of the app's own pages.
    fn submit(&self, path: &str, sid: Option<&str>, fields: &str) -> Response {
        let form = Request::post(path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", &self.gateway.origin())
            .body(fields);
        match sid {
            Some(sid) => self.gateway.send(&form.sid(sid)),
            None => self.gateway.send(&form),
        }
    }

    fn whoami(&self, sid: &str) -> Value {
        self.gateway.get_as(sid, "/whoami").must_be(200).json()
    }

    /// Past the gateway.
    fn straight(&self, request: &Request) -> Response {
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let mut connection = Connection::open(address);
        connection.write(&request.bytes("localhost"));
        connection.read(false)
    }
}

#[test]
fn what_the_app_received_is_shown_field_by_field() {
    let demo = Demo::start();
    let gateway = &demo.gateway;
    let sid = gateway
        .send(&login(EMAIL, "password"))
        .must_be(201)
        .new_sid();
    let request = Request::get("/whoami")
        .sid(&sid)
        .header("X-Session-User-Id", "2")
        .header("User-Agent", "<b>curl</b>");
    let seen = gateway.send(&request).must_be(200).json();

    let mut headers = seen["headers"].as_object().unwrap().clone();
    let mut take = |name: &str| headers.remove(name).unwrap_or_default();
    let claims = take("x-session-assertion");
    assert_eq!(claims["aud"], "app");
    assert_eq!(claims["attrs"], json!({"name": "Test", "role": "member"}));
    assert_eq!(claims["sid"], take("x-session-id"));
    for made_up in ["x-request-id", "x-session-expires-at", "x-sidgate-hop"] {
        assert!(!take(made_up).as_str().unwrap().is_empty(), "{made_up}");
    }
    let port = gateway.public_port();
    assert_eq!(
        Value::Object(headers),
        json!({
            "host": format!("localhost:{port}"),
            "user-agent": "<b>curl</b>",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-host": format!("localhost:{port}"),
            "x-forwarded-port": port.to_string(),
            "x-forwarded-proto": "http",
            "x-session-state": "active",
            "x-session-user-id": "demo-1",
        })
    );
    assert_eq!(
        seen["session"],
        json!({"state": "active", "verified": true})
    );
    assert_eq!(seen["user"]["email"], EMAIL);
    let home = gateway.get_as(&sid, "/").must_be(200).text();
    assert!(home.contains("Hello, Test"), "{home}");
    let wrong = gateway.send(&login(EMAIL, "wrong"));
    assert_eq!(wrong.problem(401), "invalid_credentials");
}

#[test]
fn its_own_form_logs_in_and_out_by_events() {
    let demo = Demo::start();
    let gateway = &demo.gateway;
    let away = gateway
        .send(&Request::get("/account").navigation())
        .must_be(303);
    assert_eq!(away.header("location"), Some("/login?next=/account"));
    let page = gateway.get("/login?next=/account").must_be(200).text();
    assert!(page.contains("value=\"/account\""), "{page}");

    let wrong = demo.submit("/login", None, "email=test@example.com&password=x");
    assert!(
        wrong
            .must_be(401)
            .text()
            .contains("name or password is wrong")
    );
    let fields = "email=admin%40example.com&password=password&next=%2Faccount";
    let done = demo.submit("/login", None, fields).must_be(303);
    assert_eq!(done.header("location"), Some("/account"));
    assert_eq!(done.header("x-session-event"), None);
    let sid = done.new_sid();
    let account = gateway.get_as(&sid, "/account").must_be(200).text();
    assert!(account.contains("The account of Admin"), "{account}");

    let elsewhere = "email=admin%40example.com&password=password&next=%2F%2Fevil.test";
    let other = demo.submit("/login", None, elsewhere).must_be(303);
    assert_eq!(other.header("location"), Some("/"));
    let other = other.new_sid();

    let out = demo
        .submit("/logout", Some(&sid), "scope=this")
        .must_be(303);
    assert!(out.clears_the_sid(), "{out:?}");
    assert!(!gateway.knows(&sid));
    assert!(gateway.knows(&other));
    demo.submit("/logout", Some(&other), "scope=all")
        .must_be(303);
    assert!(!gateway.knows(&other));

    let cross = Request::post("/logout").header("Origin", "http://evil.test");
    assert_eq!(gateway.send(&cross).problem(403), "cross_site");
}

#[test]
fn devices_are_listed_and_ended() {
    let demo = Demo::start();
    let gateway = &demo.gateway;
    let (phone, laptop) = (log_in(gateway), log_in(gateway));
    let list = gateway.get_as(&laptop, DEVICES).must_be(200).json();
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2, "{list}");
    let other = sessions.iter().find(|session| session["current"] == false);
    let other = other.unwrap()["id"].as_str().unwrap().to_owned();

    let end = Request::delete(&format!("{DEVICES}/{other}")).sid(&laptop);
    gateway.send(&end).must_be(204);
    assert_eq!(demo.whoami(&phone)["user"], Value::Null);
    assert_eq!(demo.whoami(&phone)["session"]["state"], "anonymous");
    assert_eq!(demo.whoami(&laptop)["user"]["id"], "demo-1");
    let all = Request::delete(&format!("{DEVICES}?scope=all")).sid(&laptop);
    gateway.send(&all).must_be(200);
    assert!(!gateway.knows(&laptop));
    let view = gateway.get_as(&laptop, SESSION).must_be(200).json();
    assert_eq!(view["authenticated"], false);
}

fn log_in(gateway: &Gateway) -> String {
    gateway
        .send(&login(EMAIL, "password"))
        .must_be(201)
        .new_sid()
}

#[test]
fn nobody_comes_past_the_gateway_and_the_doctor_is_content() {
    let mut demo = Demo::start();
    let forged = Request::get("/account")
        .header("X-Session-State", "active")
        .header("X-Session-User-Id", "2")
        .header("X-Session-Assertion", "a.b.c");
    let refused = demo.straight(&forged).must_be(403);
    let plain = demo.straight(&Request::get("/")).must_be(403);
    assert_eq!(refused.text(), plain.text());
    let question = json!({"email": EMAIL, "password": "password"});
    let question = Request::post("/__sidgate__/authenticate").json(&question);
    demo.straight(&question).must_be(404);

    let config = demo.gateway.config_file();
    let arguments = ["doctor", "--config", config.to_str().unwrap()];
    let doctor = sidgate(demo.gateway.folder(), &arguments).success();
    for line in ["configuration is good", "sidgate demo-app"] {
        assert!(doctor.contains(line), "{doctor}");
    }
    assert!(!doctor.contains("warn"), "{doctor}");

    let first = demo.app.stdout().lines().next().unwrap().to_owned();
    assert!(first.contains("demonstration"), "{first}");
    assert!(demo.app.stop().success());
}

#[test]
fn the_key_may_come_later() {
    let (folder, port) = (TempDir::new().unwrap(), free_port());
    let config = folder.path().join("sidgate.toml");
    fs::write(&config, init(port).to_string()).unwrap();
    let mut app = start(folder.path(), port, &config);
    until_true("the app to wait", LONG, || {
        app.stdout().contains("It waits for the master key")
    });
    assert!(!is_open(port));
    sidgate(folder.path(), &["keys", "generate", "--out", "master.key"]).success();
    app.wait_until(|| is_open(port));
}

#[test]
fn known_passwords_are_not_offered_to_other_machines() {
    let folder = TempDir::new().unwrap();
    let outcome = sidgate(folder.path(), &["demo-app", "--listen", "0.0.0.0:8000"]);
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("--allow-remote"), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
}

/// What the gateway of a real site is asked comes from everywhere, so the app must not get the key of that site's app.
#[test]
fn known_passwords_are_not_offered_to_a_real_site() {
    let (folder, port) = (TempDir::new().unwrap(), free_port());
    let config = folder.path().join("sidgate.toml");
    let mut real = init(port);
    let server = real["server"].as_table_mut().unwrap();
    server.insert("public_origin".to_owned(), "https://app.test".into());
    fs::write(&config, real.to_string()).unwrap();
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["demo-app", "--listen", &listen, "--config"];
    let arguments = [&arguments[..], &[config.to_str().unwrap()]].concat();

    let outcome = sidgate(folder.path(), &arguments);

    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("https://app.test"), "{outcome:?}");
    assert!(outcome.stderr.contains("--allow-remote"), "{outcome:?}");
}
