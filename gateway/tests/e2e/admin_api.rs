//! The admin API: on the admin listener, and on the public one for whoever carries the claim.

use serde_json::{Value, json};
use session_testing::TestPostgres;

use sidgate_testkit::app;
use sidgate_testkit::http::Response;
use sidgate_testkit::stores::{sql, store_config};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

const SESSIONS: &str = "/api/admin/sessions";
const REVOCATIONS: &str = "/api/admin/revocations";
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn sessions(response: &Response) -> Vec<Value> {
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["sessions"].as_array().unwrap().clone()
}

fn revoke(what: &Value) -> Request {
    Request::post(REVOCATIONS).json(what)
}

fn id_of(gateway: &Gateway, sid: &str) -> Value {
    gateway.session_of(sid)["session"]["id"].clone()
}

/// The security event of the last revocation.
fn revoked_line(gateway: &Gateway) -> Value {
    until("the line", LONG, || {
        let events = gateway.security_events();
        events
            .into_iter()
            .rfind(|event| event["event"] == "revoked")
    })
}

/// An app in which everybody named `root` may administer sessions.
fn app_with_an_admin() -> App {
    let app = App::start();
    app.on("/__sidgate__/authenticate", |exchange| {
        let email = exchange.json()["email"].as_str().unwrap().to_owned();
        let mut identity = app::identity(&email);
        identity["user"]["is_staff"] = json!(email.starts_with("root"));
        Reply::json(200, &identity)
    });
    app
}

#[test]
fn sessions_are_found_by_user_tenant_and_address() {
    let stage = Stage::start();
    let [first, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let other = stage.log_in("bob@example.com");

    let response = stage.admin(SESSIONS);

    let all = sessions(&response);
    assert_eq!(all.len(), 3);
    for sid in [&first, &second, &other] {
        assert!(!response.text().contains(sid.as_str()), "a secret is shown");
    }
    assert_eq!(
        all[0]["id"],
        id_of(&stage, &other),
        "the latest login first"
    );
    assert_eq!(all[0]["userId"], "bob");
    assert_eq!(all[0]["email"], "bob@example.com");
    assert_eq!(all[0]["tenantId"], "t1");
    assert_eq!(all[0]["alive"], true);
    let count = |query: &str| sessions(&stage.admin(&format!("{SESSIONS}?{query}"))).len();
    assert_eq!(count("user=alice"), 2);
    assert_eq!(count("user=alice&tenant=t2"), 0);
    assert_eq!(count("tenant=t1"), 3);
    assert_eq!(count("ip=127.0.0.1"), 3);
    assert_eq!(count("ip=127.0.0.2"), 0);
    let page = stage.admin(&format!("{SESSIONS}?limit=2")).json();
    let next = page["next"].as_str().unwrap();
    assert_eq!(count(&format!("limit=2&after={next}")), 1);
    assert_eq!(
        stage.admin(&format!("{SESSIONS}?usr=alice")).problem(400),
        "invalid_request"
    );
}

#[test]
fn one_session_is_shown_also_when_it_has_ended() {
    let (stage, sid) = Stage::start().and_alice();
    let id = id_of(&stage, &sid);
    let path = format!("{SESSIONS}/{}", id.as_str().unwrap());
    assert_eq!(stage.admin(&path).json()["alive"], true);

    let receipt = stage.send_to_admin(&revoke(&json!({"id": id, "reason": "lost phone"})));

    assert_eq!(receipt.status, 200, "{receipt:?}");
    assert_eq!(receipt.json()["revoked"], 1);
    assert_eq!(receipt.json()["acked"], receipt.json()["nodes"]);
    assert!(!stage.knows(&sid));
    let shown = stage.admin(&path).json();
    assert_eq!(
        (&shown["alive"], &shown["revokeReason"]),
        (&json!(false), &json!("admin"))
    );
    let line = revoked_line(&stage);
    for (name, value) in [
        ("actor", "local"),
        ("comment", "lost phone"),
        ("session", id.as_str().unwrap()),
    ] {
        assert_eq!(line[name], value, "{line}");
    }
    assert_eq!((&line["nodes"], &line["acked"]), (&json!(1), &json!(1)));
    let again = stage.send_to_admin(&revoke(&json!({"id": id})));
    assert_eq!(again.problem(404), "not_found");
    let nobody = format!("{SESSIONS}/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b");
    assert_eq!(stage.admin(&nobody).problem(404), "not_found");
}

#[test]
fn a_user_a_tenant_and_everybody_are_ended() {
    let stage = Stage::start();
    for (what, ends_alice, ends_bob) in [
        (json!({"user": "alice"}), true, false),
        (json!({"tenant": "t1"}), true, true),
        (json!({"tenant": "t2"}), false, false),
        (json!({"all": true}), true, true),
    ] {
        let [alice, bob] = ["alice@example.com", "bob@example.com"].map(|who| stage.log_in(who));
        stage.send_to_admin(&revoke(&what)).must_be(200);
        let lives = [&alice, &bob].map(|sid| stage.knows(sid));
        assert_eq!(lives, [!ends_alice, !ends_bob], "{what}");
    }
}

#[test]
fn nodes_and_the_document_are_shown() {
    let stage = Stage::start();

    let nodes = stage.admin("/api/admin/nodes").json();

    let node = &nodes["nodes"][0];
    assert_eq!((&node["self"], &node["behind"]), (&json!(true), &json!(0)));
    let document = stage.admin("/api/admin/openapi.json");
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.json()["openapi"], "3.1.0");
    let unknown = stage.admin("/api/admin/nothing");
    assert_eq!(unknown.problem(404), "not_found");
    let method = stage.send_to_admin(&Request::delete(SESSIONS));
    assert_eq!(method.problem(405), "method_not_allowed");
}

#[test]
fn a_token_that_is_set_must_be_brought() {
    let stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${ADMIN_TOKEN}\"")
            .env("ADMIN_TOKEN", TOKEN)
    });
    let sid = stage.log_in("alice@example.com");
    let bearer = |request: Request, token: &str| {
        stage.send_to_admin(&request.header("Authorization", &format!("Bearer {token}")))
    };
    let everybody = || revoke(&json!({"all": true}));

    for refused in [
        stage.admin(SESSIONS),
        stage.send_to_admin(&everybody()),
        bearer(everybody(), "wrong"),
        bearer(everybody(), &TOKEN[1..]),
        bearer(everybody(), ""),
        stage.send_to_admin(&everybody().header("Authorization", TOKEN)),
        stage.send_to_admin(&everybody().sid(&sid)),
    ] {
        assert_eq!(refused.problem(401), "token_required");
    }
    assert!(stage.knows(&sid));
    assert_eq!(stage.admin("/api/admin/openapi.json").status, 200);

    assert_eq!(sessions(&bearer(Request::get(SESSIONS), TOKEN)).len(), 1);
    assert_eq!(bearer(everybody(), TOKEN).json()["revoked"], 1);
    assert!(!stage.output().contains(TOKEN), "the token is in no log");
}

#[test]
fn a_web_page_cannot_use_the_open_listener_of_its_visitor() {
    let (stage, sid) = Stage::start().and_alice();

    for (name, value) in [
        ("Host", "evil.test"),
        ("Host", "localhost.evil.test:9901"),
        ("Origin", "http://evil.test"),
        ("Origin", "null"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let everybody = revoke(&json!({"all": true})).header(name, value);
        assert_eq!(
            stage.send_to_admin(&everybody).problem(403),
            "cross_site",
            "{name}: {value}"
        );
        let list = stage.send_to_admin(&Request::get(SESSIONS).header(name, value));
        assert_eq!(list.problem(403), "cross_site");
    }
    // What a plain HTML form can send is not JSON.
    let form = Request::post(REVOCATIONS)
        .header("Content-Type", "text/plain")
        .body(r#"{"all":true}"#);
    assert_eq!(
        stage.send_to_admin(&form).problem(415),
        "unsupported_media_type"
    );

    assert!(stage.knows(&sid));
}

#[test]
fn bodies_are_small_json() {
    let stage = Stage::start();
    for bad in [
        json!({}),
        json!({"all": false}),
        json!({"user": "7", "all": true}),
        json!({"usr": "7"}),
    ] {
        assert_eq!(
            stage.send_to_admin(&revoke(&bad)).problem(400),
            "invalid_request",
            "{bad}"
        );
    }
    let huge = revoke(&json!({"user": "x".repeat(5_000)}));
    assert_eq!(stage.send_to_admin(&huge).problem(413), "too_large");
}

#[test]
fn public_paths_belong_to_the_apps_without_a_claim() {
    let stage = Stage::start();

    assert_eq!(stage.get(SESSIONS).status, 200);

    assert_eq!(stage.app.only_request().target(), SESSIONS);
}

#[test]
fn claim_opens_the_public_listener_to_fresh_logins_only() {
    let app = app_with_an_admin();
    let database = TestPostgres::shared().database();
    let gateway = Gateway::in_front_of(&app)
        .with(&store_config(&database))
        .with("[admin]\nclaim = \"user.is_staff\"")
        .start();
    let [root, alice] = ["root@example.com", "alice@example.com"].map(|who| gateway.log_in(who));
    let list = |sid: &str| gateway.get_as(sid, SESSIONS);

    assert_eq!(gateway.get(SESSIONS).problem(401), "unauthenticated");
    assert_eq!(list(&alice).problem(403), "forbidden");
    assert_eq!(sessions(&list(&root)).len(), 2);
    assert!(app.requests().is_empty(), "no app sees these");

    let ended = revoke(&json!({"user": "alice"}));
    for (name, value) in [
        ("Origin", "http://evil.test"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let foreign = gateway.send(&ended.clone().sid(&root).header(name, value));
        assert_eq!(foreign.problem(403), "cross_site");
    }
    assert_eq!(
        gateway.send(&ended.clone().sid(&alice)).problem(403),
        "forbidden"
    );
    assert!(gateway.knows(&alice));
    assert_eq!(gateway.send(&ended.sid(&root)).json()["revoked"], 1);
    assert!(!gateway.knows(&alice));
    assert_eq!(revoked_line(&gateway)["actor"], "user:root");

    sql(
        &database,
        "UPDATE sidgate_session SET auth_time = auth_time - interval '16 minutes'",
    );
    let stale = || list(&root).status == 403;
    until_true("the change to be heard", LONG, stale);
    assert_eq!(list(&root).problem(403), "reauthentication_required");
}

#[test]
fn dashboard_is_one_page_under_a_strict_policy() {
    let stage = Stage::start();

    let page = stage.admin("/api/admin/session-dashboard").must_be(200);

    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    for file in [
        "dashboard.js",
        "charts.js",
        "uPlot.iife.min.js",
        "dashboard.css",
        "uPlot.min.css",
    ] {
        let answer = stage.admin(&format!("/api/admin/assets/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let stats = stage.admin("/api/admin/stats").json();
    assert_eq!(
        (&stats["step"], &stats["now"]["lease"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(
        stage.admin("/api/admin/stats?window=24h").json()["step"],
        60
    );
    assert_eq!(
        stage.admin("/api/admin/stats?window=1h").problem(400),
        "invalid_request"
    );
}

#[test]
fn dashboard_goes_with_the_metrics() {
    let stage = Stage::built(|it| it.env("ENABLE_SESSION_METRICS", "false"));
    for path in [
        "/api/admin/session-dashboard",
        "/api/admin/assets/charts.js",
        "/api/admin/stats",
    ] {
        assert_eq!(stage.admin(path).problem(404), "not_found", "{path}");
    }
    assert_eq!(stage.admin(SESSIONS).status, 200, "the API stays");
}

#[test]
fn data_of_the_dashboard_takes_the_token() {
    let stage = Stage::built(|it| {
        it.with("[admin]\ntoken = \"${ADMIN_TOKEN}\"")
            .env("ADMIN_TOKEN", TOKEN)
    });
    assert_eq!(
        stage.admin("/api/admin/session-dashboard").status,
        200,
        "the page has no data"
    );
    assert_eq!(
        stage.admin("/api/admin/stats").problem(401),
        "token_required"
    );
}
