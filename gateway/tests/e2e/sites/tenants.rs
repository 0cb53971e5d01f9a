//! `tenant_from = "label"`: a session of one tenant is never admitted at the host of another.

use serde_json::json;
use sidgate_testkit::app::identity;
use sidgate_testkit::{Reply, Request, Response, SESSION, Stage};

use super::{log_in_at, seen_at, set};

const TENANTS: &str = r#"
[[sites]]
name = "app"
origin = "https://app.test"
hosts = ["app.test", "*.app.test"]
tenant_from = "label"
"#;

/// One cookie for all of them, which is not what one should do: so the sid comes to every host.
const SHARED: &str = r#"
[[sites]]
name = "app"
origin = "https://app.test"
hosts = ["app.test", "*.app.test"]
tenant_from = "label"
cookie = { domain = "app.test" }
"#;

/// Whoever logs in belongs to this tenant.
fn belongs_to(stage: &Stage, tenant: Option<&str>) {
    let mut who = identity("alice@example.com");
    who["tenant_id"] = json!(tenant);
    stage.app.on_authenticate(Reply::json(200, &who));
}

fn stage(sites: &str) -> Stage {
    let stage = Stage::with([sites]);
    belongs_to(&stage, Some("acme"));
    stage
}

fn log_in(stage: &Stage, host: &str) -> Response {
    log_in_at(stage, host, "alice@example.com")
}

#[test]
fn a_session_counts_at_the_host_of_its_tenant_alone() {
    let stage = stage(TENANTS);
    let cookie = format!(
        "sid={}",
        set(&log_in(&stage, "acme.app.test").must_be(201), "sid")
    );
    for (host, counts) in [
        ("acme.app.test", true),
        ("ACME.APP.test", true),
        ("beta.app.test", false),
        ("app.test", false),
        ("acm.app.test", false),
        ("acmee.app.test", false),
    ] {
        assert_eq!(seen_at(&stage, host, &cookie), counts, "{host}");
    }
    assert_eq!(
        stage.sum("sidgate_resolve_total", &[("result", "other_tenant")]),
        4.0
    );
    let request = Request::get("/required")
        .header("Host", "beta.app.test")
        .header("Cookie", &cookie);
    assert_eq!(stage.send(&request).problem(401), "unauthenticated");
    let request = Request::get("/page")
        .header("Host", "acme.app.test")
        .header("Cookie", &cookie);
    stage.send(&request).must_be(200);
    let received = stage.app.last_request();
    assert_eq!(received.header("host").as_deref(), Some("acme.app.test"));
    assert_eq!(
        received.header("x-forwarded-host").as_deref(),
        Some("acme.app.test")
    );
    assert_eq!(
        received.header("x-session-tenant-id").as_deref(),
        Some("acme")
    );
}

#[test]
fn a_login_at_the_host_of_another_tenant_is_refused() {
    let stage = stage(TENANTS);
    for host in ["beta.app.test", "app.test"] {
        let refused = log_in(&stage, host);
        assert!(refused.leaves_cookies_alone(), "{refused:?}");
        assert_eq!(refused.problem(403), "wrong_tenant", "{host}");
    }
    belongs_to(&stage, None);
    assert_eq!(log_in(&stage, "acme.app.test").problem(403), "wrong_tenant");
    log_in(&stage, "app.test").must_be(201);
}

/// An app that logs somebody in is told so too, and its page does not reach the browser.
#[test]
fn a_login_by_an_app_is_refused_in_the_same_way() {
    let stage = stage(TENANTS);
    let mut who = identity("alice@example.com");
    who["tenant_id"] = json!("acme");
    stage.says("/welcome", json!([{"type": "login", "identity": who}]));
    let at = |host: &str| stage.send(&Request::get("/welcome").header("Host", host));
    assert_eq!(at("beta.app.test").problem(403), "wrong_tenant");
    set(&at("acme.app.test").must_be(200), "sid");
}

/// The cookie of another tenant comes along where one is shared. Nothing that is done there may reach its session.
#[test]
fn a_session_of_another_tenant_can_be_neither_ended_nor_changed() {
    let stage = stage(SHARED);
    let cookie = format!("sid={}", set(&log_in(&stage, "acme.app.test"), "sid"));
    let at_beta = |request: Request| {
        stage.send(
            &request
                .header("Host", "beta.app.test")
                .header("Cookie", &cookie),
        )
    };
    at_beta(Request::delete(SESSION)).must_be(204);
    assert!(seen_at(&stage, "acme.app.test", &cookie), "after logout");
    for (path, session) in [("/none/x", "none"), ("/x", "optional")] {
        for kind in ["logout", "rotate", "update"] {
            stage.says(
                path,
                json!([{"type": kind, "scope": "all", "identity": {"attributes": {"x": 1}}}]),
            );
            at_beta(Request::get(path));
            assert!(
                seen_at(&stage, "acme.app.test", &cookie),
                "{kind} on {session}"
            );
        }
    }
    let devices = at_beta(Request::get("/api/auth/sessions"));
    assert_eq!(devices.problem(401), "unauthenticated");
    // A login of beta's begins a session, and ends none.
    belongs_to(&stage, Some("beta"));
    let request = sidgate_testkit::login("bob@example.com", sidgate_testkit::app::PASSWORD);
    let own = format!("sid={}", set(&at_beta(request).must_be(201), "sid"));
    assert!(seen_at(&stage, "beta.app.test", &own));
    assert!(seen_at(&stage, "acme.app.test", &cookie));
}

/// The app moves its user to another tenant: from then on the session counts there, and no longer here.
#[test]
fn a_session_that_changes_its_tenant_changes_its_host() {
    let stage = stage(SHARED);
    let cookie = format!("sid={}", set(&log_in(&stage, "acme.app.test"), "sid"));
    stage.says(
        "/move",
        json!([{"type": "update", "identity": {"tenant_id": "beta"}}]),
    );
    let request = Request::get("/move")
        .header("Host", "acme.app.test")
        .header("Cookie", &cookie);
    stage.send(&request).must_be(200);
    assert!(!seen_at(&stage, "acme.app.test", &cookie));
    assert!(seen_at(&stage, "beta.app.test", &cookie));
}
