//! Origins of sites: whose pages may write, and which others a site trusts.

use serde_json::json;
use sidgate_testkit::{Request, Response, SESSION, Stage};

use super::{log_in_at, set};

const SITES: &str = r#"
[[sites]]
name = "shop"
origin = "https://shop.test"
hosts = ["shop.test", "*.shop.test"]
trusted_origins = ["capacitor://localhost", "https://partner.test"]
[[sites]]
name = "blog"
origin = "https://blog.test"
group = "shop"
"#;

fn from(stage: &Stage, host: &str, origin: &str, request: Request) -> Response {
    stage.send(&request.header("Host", host).header("Origin", origin))
}

/// Each host is an origin of its own: what a page of one may do to itself, it may not do to its siblings.
#[test]
fn a_page_writes_to_its_own_host_alone() {
    let stage = Stage::with([SITES]);
    for (host, origin, status) in [
        ("shop.test", "https://shop.test", 204),
        ("acme.shop.test", "https://acme.shop.test", 204),
        ("blog.test", "https://blog.test", 204),
        ("acme.shop.test", "https://shop.test", 403),
        ("shop.test", "https://acme.shop.test", 403),
        ("blog.test", "https://shop.test", 403),
        ("shop.test", "http://shop.test", 403),
        ("shop.test", "https://shop.test:8443", 403),
        ("shop.test", "null", 403),
    ] {
        let answer = from(&stage, host, origin, Request::delete(SESSION));
        assert_eq!(answer.status, status, "{origin} to {host}");
    }
}

#[test]
fn a_trusted_origin_calls_the_endpoints_of_its_site() {
    let stage = Stage::with([SITES]);
    for origin in ["capacitor://localhost", "https://partner.test"] {
        let body =
            json!({"email": "alice@example.com", "password": sidgate_testkit::app::PASSWORD});
        let login = Request::post(SESSION)
            .header("Sec-Fetch-Site", "cross-site")
            .json(&body);
        let answer = from(&stage, "shop.test", origin, login).must_be(201);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        assert_eq!(
            answer.header("access-control-allow-credentials"),
            Some("true")
        );
        assert_eq!(answer.header("vary"), Some("Origin"));
        let cookie = format!("sid={}", set(&answer, "sid"));
        for request in [
            Request::get(SESSION),
            Request::get("/api/auth/sessions"),
            Request::delete(SESSION),
        ] {
            let answer = from(
                &stage,
                "shop.test",
                origin,
                request.header("Cookie", &cookie),
            );
            assert!(answer.status < 300, "{answer:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        }
    }
}

#[test]
fn everybody_else_is_told_nothing() {
    let stage = Stage::with([SITES]);
    let sid = set(&log_in_at(&stage, "shop.test", "alice@example.com"), "sid");
    for (host, origin) in [
        ("shop.test", "null"),
        ("shop.test", "https://evil.test"),
        ("shop.test", "https://partner.test.evil.test"),
        ("shop.test", "https://partner.test:444"),
        ("shop.test", "http://partner.test"),
        ("shop.test", "capacitor://evil"),
        // Trusted by another site.
        ("blog.test", "https://partner.test"),
    ] {
        let read = Request::get(SESSION).sid(&sid);
        let answer = from(&stage, host, origin, read);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            None,
            "{origin}"
        );
        let write = from(&stage, host, origin, Request::delete(SESSION).sid(&sid));
        assert_eq!(write.problem(403), "cross_site", "{origin} to {host}");
    }
    assert!(super::seen_at(&stage, "shop.test", &format!("sid={sid}")));
}

#[test]
fn preflights_are_answered_for_trusted_origins() {
    let stage = Stage::with([SITES]);
    let preflight = |host: &str, origin: &str| {
        let request = Request::new("OPTIONS", SESSION)
            .header("Access-Control-Request-Method", "DELETE")
            .header("Access-Control-Request-Headers", "content-type");
        from(&stage, host, origin, request)
    };
    let answer = preflight("shop.test", "https://partner.test").must_be(204);
    assert_eq!(
        answer.header("access-control-allow-methods"),
        Some("GET, HEAD, POST, DELETE")
    );
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("content-type")
    );
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("https://partner.test")
    );
    let refused = preflight("shop.test", "https://evil.test");
    assert_eq!(refused.problem(403), "origin_not_allowed");
    // Where nobody is trusted a preflight is a method like any other.
    preflight("blog.test", "https://partner.test").must_be(405);
    assert!(stage.app.requests().is_empty());
}

/// Without a list of sites nothing of this is there.
#[test]
fn a_gateway_of_one_site_knows_none_of_this() {
    let stage = Stage::start();
    assert_eq!(
        stage.get("/api/auth/handover?next=/").problem(404),
        "not_found"
    );
    let answer = stage.get("/x").must_be(200);
    assert_eq!(answer.header("vary"), None);
    let claims = stage.app.assertion_in(&stage.app.last_request());
    assert_eq!(claims.get("site"), None, "{claims}");
    assert_eq!(stage.sum("sidgate_site_requests_total", &[]), 0.0);
}
