//! What a route asks for beyond a session: a method, a login that is not too old, an identity with the right values.

use serde_json::{Value, json};

use sidgate_testkit::app::{NAME, identity};
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

fn navigation(target: &str) -> Request {
    Request::get(target)
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-Site", "none")
}

/// A closed route with these keys.
fn route(path: &str, keys: &str) -> String {
    format!("[[routes]]\npath = {path:?}\nupstream = \"{NAME}\"\n{keys}\n")
}

#[test]
fn other_methods_are_405_whoever_asks() {
    let (stage, sid) = Stage::with([&route("/form", "methods = [\"GET\", \"POST\"]")]).and_alice();

    let nobody = stage.send(&Request::delete("/form"));
    let alice = stage.send(&Request::new("PUT", "/form/x").sid(&sid));
    for refused in [nobody, alice] {
        assert_eq!(refused.problem(405), "method_not_allowed");
        assert_eq!(refused.header("allow"), Some("GET, POST, HEAD"));
    }
    assert!(stage.app.requests().is_empty());
    assert_eq!(stage.get("/form").status, 401);
    for method in ["GET", "HEAD", "POST"] {
        let served = stage.send(&Request::new(method, "/form").sid(&sid));
        assert_eq!(served.status, 200, "{method}");
    }
    let counted = [("route", "/form"), ("outcome", "method_not_allowed")];
    until_true("both to be counted", LONG, || {
        stage.sum("sidgate_requests_total", &counted) == 2.0
    });
}

#[test]
fn preflights_are_about_another_method_than_their_own() {
    let stage = Stage::with([
        &route("/app", "methods = [\"GET\"]\nsession = \"none\""),
        &route(
            "/listed",
            "methods = [\"GET\"]\nsession = \"none\"\ncors_origins = [\"https://a.test\"]",
        ),
    ]);
    let preflight = |path: &str| {
        Request::new("OPTIONS", path)
            .header("Origin", "https://a.test")
            .header("Access-Control-Request-Method", "GET")
    };
    assert_eq!(stage.send(&preflight("/app")).status, 200);
    assert_eq!(stage.app.only_request().request_line(), "OPTIONS /app");
    let answered = stage.send(&preflight("/listed")).must_be(204);
    assert_eq!(
        answered.header("access-control-allow-methods"),
        Some("GET, HEAD")
    );
    // Without the headers of a preflight it is a request like any other.
    assert_eq!(stage.send(&Request::new("OPTIONS", "/app")).status, 405);
    assert_eq!(stage.send(&Request::new("OPTIONS", "/listed")).status, 405);
    assert_eq!(stage.app.requests().len(), 1);
}

#[test]
fn a_login_that_is_too_old_is_asked_for_again() {
    let (stage, sid) = Stage::with([
        &route("/settings", "fresh = \"1s\""),
        &route("/reports", "fresh = \"1h\""),
        &route("/api", "fresh = \"1s\"\non_missing = \"unauthorized\""),
    ])
    .and_alice();
    assert_eq!(stage.get_as(&sid, "/reports").status, 200);

    let stale = until("an old login", LONG, || {
        let response = stage.get_as(&sid, "/settings/x?a=1");
        (response.status != 200).then_some(response)
    });
    assert_eq!(stale.problem(401), "reauthentication_required");
    assert!(stale.leaves_cookies_alone());
    let seen = stage.app.requests().len();
    let page = stage.send(&navigation("/settings/x?a=1").sid(&sid));
    assert_eq!(page.status, 303);
    assert_eq!(
        page.header("location"),
        Some("/login?reauth=1&next=/settings/x%3Fa%3D1")
    );
    assert!(page.leaves_cookies_alone());
    let script = stage.send(&navigation("/api").sid(&sid));
    assert_eq!(script.status, 401);
    assert!(
        script.text().contains("/login?reauth=1&amp;next=/api"),
        "{script:?}"
    );
    // Nobody is somebody without a session first.
    let nobody = stage.send(&navigation("/settings"));
    assert_eq!(nobody.header("location"), Some("/login?next=/settings"));
    assert_eq!(stage.get("/settings").problem(401), "unauthenticated");
    assert_eq!(stage.app.requests().len(), seen);
    // The session itself goes on.
    assert_eq!(stage.get_as(&sid, "/reports").status, 200);
    let again = stage.log_in("alice@example.com");
    assert_eq!(stage.get_as(&again, "/reports").status, 200);
}

/// Everybody logs in with these attributes.
fn with_attributes(app: &App, attributes: Value) {
    let mut identity = identity("alice@example.com");
    identity["attributes"] = attributes;
    app.on_authenticate(Reply::json(200, &identity));
}

#[test]
fn an_identity_without_a_listed_value_is_403() {
    let stage = Stage::with([
        &route(
            "/admin",
            "allow = { \"attributes.role\" = [\"admin\", \"owner\"] }",
        ),
        &route(
            "/both",
            "allow = { \"attributes.role\" = [\"admin\"], \"tenant_id\" = [\"t1\"], \"attributes.level\" = [\"3\"] }",
        ),
    ]);
    let cases = [
        (json!({"role": "admin"}), 200, 403),
        (json!({"role": "owner", "level": 3}), 200, 403),
        (json!({"role": ["staff", "admin"], "level": 3}), 200, 200),
        (json!({"role": "admin", "level": "3"}), 200, 200),
        (json!({"role": "Admin", "level": 3}), 403, 403),
        (json!({"role": ["staff"], "level": 3}), 403, 403),
        (json!({"role": {"admin": true}, "level": 3}), 403, 403),
        (json!({"role": null, "level": 3}), 403, 403),
        (json!({}), 403, 403),
    ];
    for (attributes, admin, both) in cases {
        with_attributes(&stage.app, attributes.clone());
        let sid = stage.log_in("alice@example.com");
        let before = stage.app.requests().len();
        let answers = ["/admin/x", "/both"].map(|path| stage.get_as(&sid, path));
        assert_eq!(answers[0].status, admin, "{attributes}");
        assert_eq!(answers[1].status, both, "{attributes}");
        let served = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(stage.app.requests().len(), before + served, "{attributes}");
        if admin == 403 {
            assert_eq!(answers[0].problem(403), "forbidden");
            assert!(answers[0].leaves_cookies_alone());
        }
    }
    // Nobody is 401, never 403.
    assert_eq!(stage.get("/admin").problem(401), "unauthenticated");
    assert_eq!(stage.send(&navigation("/admin")).status, 303);
}

/// A role that is taken away closes the route with the next request.
#[test]
fn an_update_of_the_identity_counts_at_once() {
    let stage = Stage::with([&route(
        "/admin",
        "allow = { \"attributes.role\" = [\"admin\"] }",
    )]);
    with_attributes(&stage.app, json!({"role": "admin"}));
    let sid = stage.log_in("alice@example.com");
    assert_eq!(stage.get_as(&sid, "/admin").status, 200);
    let update = json!([{"type": "update", "identity": {"attributes": {"role": null}}}]);
    stage.says("/demote", update);

    stage.get_as(&sid, "/demote");

    assert_eq!(stage.get_as(&sid, "/admin").problem(403), "forbidden");
}

/// Whoever could write the field could let themselves in.
#[test]
fn only_the_backend_writes_what_allow_reads() {
    let (backend, other) = (App::start(), App::start());
    let address = other.address();
    let gateway = Gateway::in_front_of(&backend)
        .with(&format!(
            "[upstreams.other]\nservers = [\"{address}\"]\nevents = [\"update\"]\n\
             [[routes]]\npath = \"/other/\"\nupstream = \"other\"\nsession = \"optional\"\n"
        ))
        .with(&route(
            "/admin",
            "allow = { \"attributes.role\" = [\"admin\"] }",
        ))
        .start();
    other.set_key(gateway.upstream_key("other"));
    let sid = gateway.log_in("alice@example.com");
    let promote = json!([{"type": "update", "identity": {"attributes": {"role": "admin"}}}]);
    other.on("/other/event", move |exchange| {
        let mut claims = exchange.event_claims(&promote);
        claims["iss"] = "other".into();
        Reply::new(
            200,
            &[("X-Session-Event", &exchange.sign(&claims))],
            "event",
        )
    });

    gateway.send(&Request::post("/other/event").sid(&sid));

    assert_eq!(gateway.get_as(&sid, "/admin").problem(403), "forbidden");
}

#[test]
fn explain_names_the_key_that_decided() {
    let (stage, sid) = Stage::with([
        &route("/admin", "allow = { \"attributes.role\" = [\"admin\"] }"),
        &route("/get", "methods = [\"GET\"]"),
    ])
    .and_alice();
    let explained = |question: &Value| {
        let asked = Request::post("/api/admin/explain").json(question);
        stage.send_to_admin(&asked).must_be(200).json()
    };
    let told = explained(&json!({"url": stage.origin() + "/admin", "sid": sid}));
    assert_eq!(
        (&told["status"], &told["code"]),
        (&json!(403), &json!("forbidden"))
    );
    assert!(told.to_string().contains("routes[3].allow"), "{told}");
    let told = explained(&json!({"method": "POST", "url": stage.origin() + "/get"}));
    assert_eq!(told["status"], 405);
    assert!(told.to_string().contains("routes[4].methods"), "{told}");
}
