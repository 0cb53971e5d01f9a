//! What operators read: every request once, and no secret at any level.

use serde_json::{Value, json};
use session_core::testing::{TestPostgres, TestRedis};

use crate::support::app::{self, PASSWORD};
use crate::support::cli::sidgate_with;
use crate::support::port::free_port;
use crate::support::stores::{redis_config, redis_values, sql_text, store_config};
use crate::support::wait::{LONG, until};
use crate::support::{App, Gateway, Reply, Request, Response, SESSION, login};

const STORE_PASSWORD: &str = "canary-store-password";

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
fn no_secret_is_logged_even_at_trace() {
    let app = App::start();
    let redis = TestRedis::start();
    let password = "canary-redis-password";
    let with_password = redis
        .url()
        .replace("redis://", &format!("redis://user:{password}@"));
    let postgres = TestPostgres::shared();
    let database = postgres.database();
    let mut gateway = Gateway::in_front_of(&app)
        .with("[store]\nurl = \"${CANARY_STORE_URL}\"")
        .env(
            "CANARY_STORE_URL",
            &with_store_password(database.url().expose()),
        )
        .with(&redis_config(&redis).replace(&redis.url(), "${CANARY_REDIS_URL}"))
        .env("CANARY_REDIS_URL", &with_password)
        .start();
    let sids = live_through_everything(&app, &gateway);
    let upstream_key = gateway.upstream_key(app::NAME);
    gateway.stop();

    let output = gateway.output();
    assert!(
        output.contains("\"TRACE\"") || output.contains("\"DEBUG\""),
        "not at trace"
    );
    let mut secrets = vec![
        PASSWORD.to_owned(),
        "canary-wrong-password".to_owned(),
        "canary-cookie".to_owned(),
        "canary-query".to_owned(),
        "canary-authorization".to_owned(),
        "canary-body".to_owned(),
        password.to_owned(),
        STORE_PASSWORD.to_owned(),
        gateway.master().trim().to_owned(),
        encode(&upstream_key),
    ];
    secrets.extend(sids.iter().cloned());
    secrets.extend(sids.iter().map(|sid| sid.replace('-', "")));
    for request in app.wait_for(1) {
        secrets.extend(request.header("x-session-assertion"));
        secrets.extend(request.header("x-sidgate-request"));
    }
    let leaked = |secret: &String| {
        let line = output.lines().find(|line| line.contains(secret))?;
        Some(format!("{secret} in {line}"))
    };
    let leaks: Vec<_> = secrets.iter().filter_map(leaked).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
}

/// Whoever reads the database, Redis or the metrics cannot log in with what is there (O01).
#[test]
fn no_secret_is_stored_or_counted() {
    let app = App::start();
    let redis = TestRedis::start();
    let postgres = TestPostgres::shared();
    let database = postgres.database();
    let gateway = Gateway::in_front_of(&app)
        .with(&store_config(&database))
        .with(&redis_config(&redis))
        .start();
    let mut sids = live_through_everything(&app, &gateway);
    app.on_authenticate(Reply::json(200, &app::identity("alice@example.com")));
    // Redis may still be connecting, or too slow once.
    let values = until("a session in Redis", LONG, || {
        let sid = gateway.log_in("alice@example.com");
        gateway.send(&Request::get("/page").sid(&sid));
        sids.push(sid);
        Some(redis_values(&redis)).filter(|values| !values.is_empty())
    });

    let names = "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'";
    let tables = sql_text(&database, names);
    let tables = tables.split(' ').map(|table| {
        let query = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} t");
        sql_text(&database, &query)
    });
    let tables: String = tables.collect();
    assert!(tables.contains("alice"), "the sessions are there");
    let shown = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|&byte| char::from(byte))
            .collect::<String>()
    };
    let values = values.iter().map(|(key, value)| shown(key) + &shown(value));
    let metrics = gateway.admin("/metrics").text();
    let everything = [tables, values.collect(), metrics].concat();

    let mut secrets = vec![
        PASSWORD.to_owned(),
        "canary-wrong-password".to_owned(),
        "canary-cookie".to_owned(),
        gateway.master().trim().to_owned(),
    ];
    for sid in sids {
        secrets.push(sid.replace('-', ""));
        secrets.push(sid);
    }
    for secret in secrets {
        assert!(!everything.contains(&secret), "{secret}");
    }
}

#[test]
fn passwords_of_a_store_that_is_away_are_not_shown() {
    let app = App::start();
    let port = free_port();
    let url = with_store_password(&format!("postgres://sidgate@127.0.0.1:{port}/sidgate"));
    let mut gateway = Gateway::in_front_of(&app)
        .with("[store]\nurl = \"${CANARY_STORE_URL}\"")
        .env("CANARY_STORE_URL", &url)
        .not_ready()
        .start();
    gateway.send(&login("alice@example.com", PASSWORD));
    let config = gateway.config_file();
    let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
    let environment = [("CANARY_STORE_URL".to_owned(), url)];
    let outcome = sidgate_with(&environment, gateway.folder(), &arguments);
    gateway.stop();

    assert_eq!(
        outcome.code,
        Some(1),
        "not a fault of the file: {outcome:?}"
    );
    for output in [gateway.output(), outcome.output()] {
        assert!(!output.contains(STORE_PASSWORD), "{output}");
    }
}

fn with_store_password(url: &str) -> String {
    let (user, rest) = url.split_once('@').unwrap();
    format!("{user}:{STORE_PASSWORD}@{rest}")
}

fn encode(key: &[u8]) -> String {
    use base64::Engine as _;

    base64::engine::general_purpose::STANDARD.encode(key)
}

/// Logins, requests, events, logouts and every kind of error; returns all sids.
fn live_through_everything(app: &App, gateway: &Gateway) -> Vec<String> {
    let first = gateway.log_in("alice@example.com");
    let send = |request: Request| {
        let request = request
            .header("Authorization", "Bearer canary-authorization")
            .header("Cookie", &format!("sid={first}; other=canary-cookie"));
        gateway.send(&request)
    };
    app.on("/broken", |_| Reply::hang_up());
    app.on("/rubbish", |_| Reply::Last(b"canary-body\r\n\r\n".to_vec()));
    let identity = app::identity("bob@example.com");
    app.says("/event", json!([{"type": "login", "identity": identity}]));
    send(Request::get("/page?token=canary-query"));
    send(Request::post("/page?token=canary-query").body("canary-body"));
    send(Request::get("/broken?token=canary-query"));
    send(Request::get("/rubbish?token=canary-query"));
    send(Request::get("/bad\\path?token=canary-query"));
    send(Request::get("/page").header("X_Odd", "canary-body"));
    send(Request::get("/page").header("Connection", "cookie"));
    send(login("alice@example.com", "canary-wrong-password"));
    send(
        Request::post(SESSION)
            .header("Content-Type", "application/json")
            .body("{canary-body"),
    );
    for reply in [Reply::hang_up(), Reply::new(500, &[], "canary-body")] {
        app.on_authenticate(reply);
        send(login("alice@example.com", PASSWORD));
    }
    app.on_authenticate(Reply::json(200, &json!({"user": {"id": "canary-body "}})));
    send(login("alice@example.com", PASSWORD));
    let garbage = format!("GET /canary-query HTTP/9.9\r\nCookie: sid={first}\r\n\r\n");
    let mut connection = gateway.connect();
    connection.write(garbage.as_bytes());
    connection.try_read(false);
    let second = send(Request::post("/event")).new_sid();
    gateway.send(&Request::delete(SESSION).sid(&second));
    gateway.send(&Request::get("/required").sid(&second));
    vec![first, second]
}

#[test]
fn every_request_has_one_access_line() {
    let app = App::start();
    let mut gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    let handle = gateway.session_of(&sid)["session"]["id"].clone();
    let page = gateway.send(&Request::get("/required/page?token=x").sid(&sid));
    let closed = gateway.send(&Request::get("/required"));
    let refused = gateway.send(&Request::get("/page").header("X_Odd", "1"));
    gateway.stop();

    let lines = access_lines(&gateway);
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
    let app = App::start();
    let mut gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    let looked_up = |tier| {
        let labels = [("tier", tier), ("result", "active")];
        gateway.metrics().sum("sidgate_resolve_total", &labels)
    };
    let handle = gateway.session_of(&sid)["session"]["id"].clone();
    assert_eq!((looked_up("store"), looked_up("local")), (1.0, 0.0));
    gateway.session_of(&sid);
    assert_eq!((looked_up("store"), looked_up("local")), (1.0, 1.0));
    gateway.send(&Request::get(SESSION));
    gateway.stop();

    let lines = access_lines(&gateway);

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
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    gateway.send(&Request::get("/").sid(&sid).header("X-Session-User-Id", "1"));
    gateway.send(&Request::delete(SESSION).sid(&sid));

    let metrics = gateway.metrics();

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
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .env("ENABLE_SESSION_METRICS", "false")
        .start();

    assert_eq!(gateway.admin("/metrics").status, 404);
    assert_eq!(gateway.admin("/readyz").status, 200);
}

#[test]
fn readiness_names_its_checks() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();

    let readyz = gateway.admin("/readyz");

    assert_eq!(readyz.status, 200);
    let checks = readyz.json()["checks"].clone();
    for check in ["schema", "window", "lease"] {
        assert_eq!(checks[check], "ok", "{checks}");
    }
}

#[test]
fn admin_paths_are_not_public() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();

    for path in ["/metrics", "/readyz", "/livez"] {
        gateway.send(&Request::get(path));
        assert_eq!(app.last_request().target(), path, "just a path of the app");
    }
}
