//! What operators read: every request once, and what is counted. That no secret is in it, `canary.rs` says.

use serde_json::{Value, json};

use sidgate_testkit::{Gateway, Request, Response, SESSION, Stage};

/// The access lines written so far.
fn access_lines(gateway: &Gateway) -> Vec<Value> {
    let lines = gateway.stdout();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}")))
        .filter(|line| line["target"] == "sidgate::access")
        .collect()
}

#[test]
fn every_request_has_one_access_line() {
    let (mut stage, sid) = Stage::start().and_alice();
    let handle = stage.session_of(&sid)["session"]["id"].clone();
    let page = stage.get_as(&sid, "/required/page?token=x");
    let closed = stage.get("/required");
    let refused = stage.send(&Request::get("/page").header("X_Odd", "1"));
    stage.stop();

    let lines = access_lines(&stage);
    assert_eq!(lines.len(), 5, "{lines:#?}");
    let line_of = |response: &Response| {
        let id = response.header("x-request-id").expect("an id");
        let mut of_id = lines.iter().filter(|line| line["request_id"] == id);
        (of_id.next().expect("a line"), of_id.next())
    };
    let (line, None) = line_of(&page) else {
        panic!("two lines for one request: {lines:#?}");
    };
    assert_eq!(line["session"], handle);
    assert_eq!(line["route"], "/required");
    assert_eq!(line["status"], 200);
    assert_eq!(line["tier"], "local");
    assert_eq!(line["outcome"], "active");
    assert_eq!(line["path"], "/required/page");
    assert!(
        line["duration_us"]
            .as_u64()
            .is_some_and(|micros| micros > 0)
    );
    let (line, _) = line_of(&closed);
    assert_eq!(line["status"], 401);
    assert_eq!(line["session"], Value::Null);
    let (line, _) = line_of(&refused);
    assert_eq!(line["status"], 400);
}

/// The gateway's own endpoints know whose request it was, like every other path.
#[test]
fn endpoints_of_the_gateway_log_the_session_and_count_the_look_up() {
    let (mut stage, sid) = Stage::start().and_alice();
    let looked_up = |tier| {
        let labels = [("tier", tier), ("result", "active")];
        stage.sum("sidgate_resolve_total", &labels)
    };
    let handle = stage.session_of(&sid)["session"]["id"].clone();
    assert_eq!((looked_up("store"), looked_up("local")), (1.0, 0.0));
    stage.session_of(&sid);
    assert_eq!((looked_up("store"), looked_up("local")), (1.0, 1.0));
    stage.get(SESSION);
    stage.stop();

    let lines = access_lines(&stage);

    let seen: Vec<_> = lines
        .iter()
        .map(|line| (&line["method"], &line["session"], &line["tier"]))
        .collect();
    let (post, get) = (json!("POST"), json!("GET"));
    let (store, local, none) = (json!("store"), json!("local"), json!("none"));
    assert_eq!(
        seen,
        [
            (&post, &handle, &store),
            (&get, &handle, &store),
            (&get, &handle, &local),
            (&get, &Value::Null, &none)
        ]
    );
}

#[test]
fn metrics_of_the_contract_exist() {
    let (stage, sid) = Stage::start().and_alice();
    stage.send(&Request::get("/").sid(&sid).header("X-Session-User-Id", "1"));
    stage.log_out(&sid);

    let metrics = stage.metrics();

    for name in [
        "requests_total",
        "resolve_total",
        "resolve_seconds_count",
        "lease_remaining_seconds",
        "applied_seq",
        "head_seq",
        "hard_reset_total",
        "shared_reject_total",
        "bulkhead_in_use",
        "sessions_created_total",
        "sessions_revoked_total",
        "spoof_blocked_total",
    ] {
        let name = format!("sidgate_{name}");
        assert!(metrics.knows(&name), "{name}");
    }
    let lease = metrics.sum("sidgate_lease_remaining_seconds", &[]);
    assert!(lease > 0.0 && lease <= 2.0, "{lease}");
    let login = [("how", "login")];
    assert_eq!(metrics.sum("sidgate_sessions_created_total", &login), 1.0);
    let logout = [("reason", "logout")];
    assert_eq!(metrics.sum("sidgate_sessions_revoked_total", &logout), 1.0);
    let outcome = [("route", "/"), ("outcome", "active")];
    assert_eq!(metrics.sum("sidgate_requests_total", &outcome), 1.0);
}

#[test]
fn metrics_can_be_turned_off_by_the_environment() {
    let stage = Stage::built(|it| it.env("ENABLE_SESSION_METRICS", "false"));

    assert_eq!(stage.admin("/metrics").status, 404);
    assert_eq!(stage.admin("/readyz").status, 200);
}

#[test]
fn readiness_names_its_checks() {
    let stage = Stage::start();

    let readyz = stage.admin("/readyz").must_be(200);

    let checks = readyz.json()["checks"].clone();
    for check in ["schema", "rights", "window", "lease"] {
        assert_eq!(checks[check], "ok", "{checks}");
    }
}

#[test]
fn admin_paths_are_not_public() {
    let stage = Stage::start();

    for path in ["/metrics", "/readyz", "/livez"] {
        stage.get(path);
        assert_eq!(
            stage.app.last_request().target(),
            path,
            "just a path of the app"
        );
    }
}

/// A link that logs somebody in is a password that stands in a path.
#[test]
fn path_that_is_a_secret_is_not_written() {
    const SECRET: &str = "c4pab1l1ty-t0ken";
    let (mut stage, sid) = Stage::with([
        "[[routes]]\npath = \"/reset\"\nupstream = \"app\"\nsession = \"optional\"\nlog_path = false",
        "[[routes]]\npath = \"/magic\"\nupstream = \"app\"\nlog_path = false\ncsrf = \"check\"",
        "[risk]",
    ])
    .and_alice();
    stage.on("/reset/hang-up", |_| sidgate_testkit::Reply::hang_up());
    stage.on(&format!("/reset/broken/{SECRET}"), |_| {
        sidgate_testkit::Reply::hang_up()
    });
    let path = format!("/reset/MQ/{SECRET}/");
    let sent = [
        Request::get(&path),
        Request::get(&path).sid(&sid),
        Request::get(&format!("/reset/broken/{SECRET}")),
        Request::get(&format!("/magic/{SECRET}")),
        Request::post(&format!("/magic/{SECRET}")).header("Origin", "https://evil.test"),
        Request::get(&path).header("X-Session-User-Id", "root"),
        Request::get(&path).header("X_Odd", "1"),
        Request::get(&path).header("Host", "evil.test"),
        Request::get(&format!("/reset//{SECRET}")),
        Request::get("/page").header("Referer", &format!("http://localhost{path}")),
    ];
    for request in &sent {
        stage.send(request);
    }
    let metrics = stage.send_to_admin(&Request::get("/metrics")).text();
    stage.stop();

    assert!(!stage.output().contains(SECRET), "{}", stage.output());
    assert!(!metrics.contains(SECRET));
    let lines = access_lines(&stage);
    let paths: Vec<_> = lines
        .iter()
        .filter_map(|line| line["path"].as_str())
        .collect();
    assert!(
        paths.contains(&"/reset") && paths.contains(&"/magic"),
        "{paths:?}"
    );
    assert!(paths.contains(&"/page"), "other paths are written");
}
