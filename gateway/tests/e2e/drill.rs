//! `sidgate drill`: what it refuses, what it leaves behind when it is killed, and one node with SQLite.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;
use session_testing::{TestPostgres, TestRedis};
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::drill::{ALLOWED, Drill, nodes_of, status};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request};

/// One node with SQLite.
fn alone(app: &App, config: &str) -> Gateway {
    Gateway::in_front_of(app).with(config).start()
}

fn drill_without_a_word(gateway: &Gateway, arguments: &[&str]) -> sidgate_testkit::cli::Outcome {
    let config = gateway.config_file();
    let fixed = ["drill", "--config", config.to_str().unwrap()];
    sidgate(gateway.folder(), &[&fixed, arguments].concat())
}

#[test]
fn without_the_word_nothing_is_done_and_what_would_be_is_said() {
    let app = App::start();
    let gateway = alone(&app, ALLOWED);
    let outcome = drill_without_a_word(&gateway, &[]);
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    for words in [
        "--yes-this-is-staging",
        "canary: makes a session",
        "heartbeat: has the last node",
        "bulkhead: takes every place",
    ] {
        assert!(
            outcome.stderr.contains(words),
            "{words}: {}",
            outcome.stderr
        );
    }
    assert!(status(&gateway)["drill"].is_null());
    let events = gateway.security_events();
    assert!(events.iter().all(|event| event["event"] != "drill"));
}

#[test]
fn a_node_whose_configuration_does_not_allow_it_is_not_drilled() {
    let app = App::start();
    let gateway = alone(&app, "");
    let outcome = Drill::start(&[&gateway], &[]).end();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("admin.drills = true"),
        "{}",
        outcome.stderr
    );
    let body = serde_json::json!({
        "drill": "00000000-0000-0000-0000-000000000001", "step": "hold_heartbeat", "seconds": 15
    });
    let order = Request::post("/api/admin/drill").json(&body);
    let refused = gateway.send_to_admin(&order).must_be(403);
    assert!(
        refused.text().contains("admin.drills"),
        "{}",
        refused.text()
    );
    gateway.admin("/api/admin/drill").must_be(403);
    assert!(gateway.is_ready());
}

#[test]
fn a_node_takes_orders_of_one_drill_and_only_for_seconds() {
    let app = App::start();
    let gateway = alone(&app, ALLOWED);
    let order = |drill: u8, rest: &str| {
        let body = format!(r#"{{"drill":"00000000-0000-0000-0000-00000000000{drill}",{rest}}}"#);
        let body: Value = serde_json::from_str(&body).unwrap();
        gateway.send_to_admin(&Request::post("/api/admin/drill").json(&body))
    };
    for wrong in [
        r#""step":"hold_heartbeat""#,
        r#""step":"hold_heartbeat","seconds":0"#,
        r#""step":"hold_heartbeat","seconds":16"#,
        r#""step":"undo","seconds":5"#,
        r#""step":"stop","seconds":5"#,
        r#""step":"begin","seconds":5,"more":1"#,
    ] {
        order(1, wrong).must_be(400);
    }
    order(1, r#""step":"begin","seconds":15"#).must_be(200);
    let taken = order(2, r#""step":"begin","seconds":15"#)
        .must_be(409)
        .json();
    assert!(taken["ends_in_ms"].as_u64() <= Some(15_000), "{taken}");
    order(2, r#""step":"end""#).must_be(409);
    let other = Drill::start(&[&gateway], &["--only", "canary"]).end();
    assert_eq!(other.code, Some(2));
    assert!(
        other.stderr.contains("belongs to another drill"),
        "{other:?}"
    );
    order(1, r#""step":"fill_bulkhead","seconds":15"#).must_be(200);
    until_true("it is full", LONG, || {
        status(&gateway)["bulkhead_in_use"] == 80
    });
    order(1, r#""step":"end""#).must_be(200);
    until_true("it is not", LONG, || {
        status(&gateway)["bulkhead_in_use"] == 0
    });
    order(2, r#""step":"begin","seconds":1"#).must_be(200);
    until_true("it gives itself back", LONG, || {
        status(&gateway)["drill"].is_null()
    });
}

#[test]
fn one_node_with_sqlite() {
    let app = App::start();
    let gateway = alone(&app, ALLOWED);
    let file = gateway.folder().join("report.json");
    let arguments = ["--only", "canary", "--out", file.to_str().unwrap()];
    let outcome = Drill::start(&[&gateway], &arguments).end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["store"], "SQLite");
    let node = &nodes_of(&report, "canary")[0];
    assert!(node["measured"]["first_refusal_ms"].is_u64(), "{node}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), outcome.stdout);
}

/// Two nodes on one PostgreSQL, with a Redis.
struct Two {
    nodes: [Gateway; 2],
    redis: TestRedis,
    _database: session_testing::TestDatabase,
    _app: App,
}

impl Two {
    fn start() -> Self {
        let (app, redis) = (App::start(), TestRedis::start());
        let database = TestPostgres::shared().database();
        let config = format!(
            "{ALLOWED}[store]\nurl = \"{}\"\n[cache]\nredis_url = \"{}\"\n",
            database.url().expose(),
            redis.url()
        );
        let first = Gateway::in_front_of(&app).with(&config).start();
        let second = Gateway::in_front_of(&app)
            .with(&config)
            .master_of(&first)
            .start();
        Self {
            nodes: [first, second],
            redis,
            _database: database,
            _app: app,
        }
    }

    fn all(&self) -> [&Gateway; 2] {
        self.nodes.each_ref()
    }
}

/// Whether it answers a new client within a moment.
fn answers(redis: &TestRedis) -> bool {
    let mut client = TcpStream::connect(("127.0.0.1", redis.port())).unwrap();
    let moment = Some(Duration::from_millis(300));
    client.set_read_timeout(moment).unwrap();
    client.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    client
        .read_exact(&mut answer)
        .is_ok_and(|()| &answer == b"+PONG\r\n")
}

#[test]
fn a_drill_that_is_killed_leaves_nothing_behind() {
    let two = Two::start();
    let held = &two.nodes[1];
    let mut drill = Drill::start(&two.all(), &["--only", "heartbeat"]);
    until_true("a node without a lease", LONG, || !held.is_ready());
    drill.kill();
    assert!(!status(held)["drill"].is_null(), "nobody has undone it");
    until_true("the node is back by itself", LONG, || held.is_ready());

    let free = || two.nodes.iter().all(|node| status(node)["drill"].is_null());
    until_true("the nodes are given back", LONG, free);
    let pong = || answers(&two.redis);
    assert!(pong());
    let url = two.redis.url();
    let mut drill = Drill::start(&two.all(), &["--only", "redis", "--redis-url", &url]);
    until_true("a Redis that answers nobody", LONG, || !pong());
    drill.kill();
    until_true("Redis is back by itself", LONG, pong);
}

#[test]
fn a_drill_that_is_broken_off_undoes_what_it_has_done() {
    let two = Two::start();
    let held = &two.nodes[1];
    let drill = Drill::start(&two.all(), &["--only", "heartbeat"]);
    until_true("a node without a lease", LONG, || !held.is_ready());
    drill.interrupt();
    let outcome = drill.end();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("broken off"), "{}", outcome.stderr);
    for node in two.all() {
        assert!(status(node)["drill"].is_null());
    }
    until_true("the node is back", LONG, || held.is_ready());
}

#[test]
fn a_drill_of_half_a_fleet_is_none() {
    let two = Two::start();
    let outcome = Drill::start(&[&two.nodes[0]], &["--only", "canary"]).end();
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(
        outcome.stderr.contains("2 nodes report"),
        "{}",
        outcome.stderr
    );
    let twice = Drill::start(&[&two.nodes[0], &two.nodes[0]], &[]).end();
    assert_eq!(twice.code, Some(2), "{twice:?}");
    assert!(twice.stderr.contains("the same node"), "{}", twice.stderr);
}

/// Whoever may end sessions need not be somebody who may take a node out of service.
#[test]
fn an_operator_on_the_public_listener_drills_nothing() {
    let app = App::start();
    app.on("/__sidgate__/authenticate", |exchange| {
        let email = exchange.json()["email"].as_str().unwrap().to_owned();
        let mut identity = sidgate_testkit::app::identity(&email);
        identity["user"]["is_staff"] = Value::Bool(true);
        sidgate_testkit::Reply::json(200, &identity)
    });
    let config = "[admin]\ndrills = true\nclaim = \"user.is_staff\"\n";
    let gateway = alone(&app, config);
    let sid = gateway.log_in("root@example.com");
    let body = serde_json::json!({
        "drill": "00000000-0000-0000-0000-000000000001", "step": "begin", "seconds": 15
    });
    let order = Request::post("/api/admin/drill").json(&body).sid(&sid);
    let order = order.header("Origin", &gateway.origin());
    assert_eq!(gateway.get_as(&sid, "/api/admin/nodes").status, 200);
    assert_eq!(gateway.send(&order).problem(404), "not_found");
    let asked = gateway.get_as(&sid, "/api/admin/drill");
    assert_eq!(asked.problem(404), "not_found");
    let page = Request::post("/api/admin/drill").json(&body);
    let page = page.header("Sec-Fetch-Site", "cross-site");
    assert_eq!(gateway.send_to_admin(&page).problem(403), "cross_site");
    assert!(status(&gateway)["drill"].is_null());
}
