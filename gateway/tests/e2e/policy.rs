//! What a route does with a request that has a session, has none, or is not asked.

use serde_json::json;

use sidgate_testkit::app::NAME;
use sidgate_testkit::{Reply, Request, Stage};

fn navigation(target: &str) -> Request {
    Request::get(target)
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .header("Sec-Fetch-Site", "none")
        .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
}

#[test]
fn required_route_sends_a_person_to_the_login_page() {
    let stage = Stage::start();

    let response = stage.send(&navigation("/required/page?a=1&b=//evil"));

    assert_eq!(response.status, 303, "{response:?}");
    assert_eq!(
        response.header("location"),
        Some("/login?next=/required/page%3Fa%3D1%26b%3D//evil")
    );
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.leaves_cookies_alone());
    assert!(stage.app.requests().is_empty());
}

#[test]
fn required_route_tells_a_script_401() {
    let stage = Stage::start();
    let scripts = [
        Request::get("/required"),
        Request::get("/required").header("Sec-Fetch-Mode", "cors"),
        Request::get("/required").header("Accept", "application/json"),
        Request::post("/required").header("Sec-Fetch-Mode", "cors"),
    ];
    for script in scripts {
        let response = stage.send(&script);
        assert_eq!(response.problem(401), "unauthenticated", "{script:?}");
        assert!(response.leaves_cookies_alone());
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn required_route_lets_a_session_through() {
    let (stage, sid) = Stage::start().and_alice();

    for path in ["/required", "/required/", "/required/deeper"] {
        let response = stage.get_as(&sid, path);
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(stage.app.last_request().user().unwrap(), "alice");
    }
}

#[test]
fn on_missing_can_be_fixed_for_a_route() {
    let stage = Stage::with([&format!(
        r#"
            [[routes]]
            path = "/api"
            upstream = "{NAME}"
            on_missing = "unauthorized"
            [[routes]]
            path = "/pages"
            upstream = "{NAME}"
            on_missing = "redirect"
            "#
    )]);

    assert_eq!(stage.send(&navigation("/api")).status, 401);
    assert_eq!(stage.get("/pages").status, 303);
}

#[test]
fn longest_prefix_of_whole_segments_decides() {
    let stage = Stage::start();

    assert_eq!(stage.get("/requiredx").status, 200);
    assert_eq!(stage.app.only_request().state(), "anonymous");
    assert_eq!(stage.get("/required/x").status, 401);
}

#[test]
fn optional_route_tells_the_app_that_nobody_is_there() {
    let stage = Stage::start();

    assert_eq!(stage.get("/").status, 200);

    let seen = stage.app.only_request();
    assert_eq!(
        seen.names(),
        [
            "host",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-request-id",
            "x-session-assertion",
            "x-session-state",
            "x-sidgate-hop",
        ]
    );
    assert_eq!(seen.state(), "anonymous");
    let claims = stage.app.assertion_in(&seen);
    let iat = claims["iat"].as_i64().unwrap();
    assert_eq!(
        claims,
        json!({"iss": "sidgate", "aud": NAME, "iat": iat, "exp": iat + 60, "state": "anonymous"})
    );
}

#[test]
fn route_without_session_makes_no_look_up() {
    let (stage, sid) = Stage::start().and_alice();
    let before = stage.metrics();

    stage.get_as(&sid, "/none/style.css").must_be(200);
    let seen = stage.app.only_request();
    assert_eq!(seen.state(), "none");
    assert_eq!(seen.user(), None);
    assert!(seen.all("cookie").is_empty(), "the sid stays here");
    let claims = stage.app.assertion_in(&seen);
    assert_eq!(claims["state"], "none");
    assert_eq!(claims.get("sub"), None);
    let after = stage.metrics();
    for tier in ["local", "shared", "store", "seal"] {
        let tier = [("tier", tier)];
        let lookups = |metrics: &sidgate_testkit::metrics::Metrics| {
            metrics.sum("sidgate_resolve_total", &tier)
        };
        assert_eq!(lookups(&before), lookups(&after), "{tier:?}");
    }
}

#[test]
fn path_without_a_route_is_served_by_nobody() {
    let stage = Stage::start();

    let response = stage.get("/api/auth/unknown");

    assert_eq!(response.problem(404), "not_found");
    assert!(stage.app.requests().is_empty());
}

#[test]
fn answer_made_for_somebody_is_private() {
    let (stage, sid) = Stage::start().and_alice();

    let response = stage.get_as(&sid, "/");

    assert_eq!(response.header("cache-control"), Some("private"));
    assert_eq!(response.header("vary"), Some("Cookie"));
}

#[test]
fn cache_rules_of_the_app_stay() {
    let (stage, sid) = Stage::start().and_alice();
    stage.on("/", |_| {
        let headers = [("Cache-Control", "no-cache"), ("Vary", "Accept")];
        Reply::new(200, &headers, "")
    });

    let response = stage.get_as(&sid, "/");

    assert_eq!(response.header("cache-control"), Some("no-cache"));
    let vary = response.all("vary").join(", ");
    assert_eq!(vary, "Accept, Cookie");
}

#[test]
fn csrf_check_of_a_route_keeps_other_sites_out() {
    let stage = Stage::with([&format!(
        r#"
            [[routes]]
            path = "/form"
            upstream = "{NAME}"
            session = "optional"
            csrf = "check"
            "#
    )]);
    let cross = |request: Request| request.header("Sec-Fetch-Site", "cross-site");

    let refused = stage.send(&cross(Request::post("/form")));
    assert_eq!(refused.problem(403), "cross_site");
    assert!(stage.app.requests().is_empty());

    assert_eq!(stage.send(&cross(Request::get("/form"))).status, 200);
    assert_eq!(stage.send(&Request::post("/form")).status, 200);
    assert_eq!(stage.send(&cross(Request::post("/unchecked"))).status, 200);
}

#[test]
fn app_that_is_down_is_a_bad_gateway_and_no_logout() {
    let (stage, sid) = Stage::start().and_alice();
    stage.on("/broken", |_| Reply::hang_up());

    let response = stage.send(&Request::post("/broken?token=secret").sid(&sid));

    assert_eq!(response.status, 502, "{response:?}");
    assert!(response.leaves_cookies_alone());
    assert_eq!(response.header("server"), None);
    assert!(stage.knows(&sid));
}
