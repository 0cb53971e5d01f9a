//! A session of one group is never admitted on a site of another.

use serde_json::json;
use sidgate_testkit::{Request, SESSION, Stage};

use super::{log_in_at, seen_at, set};

/// Two products, one of which has a second name.
const PRODUCTS: &str = r#"
[[sites]]
name = "shop"
origin = "https://shop.test"
[[sites]]
name = "market"
origin = "https://market.test"
group = "shop"
[[sites]]
name = "admin"
origin = "https://admin.test"
"#;

#[test]
fn a_sid_counts_on_the_sites_of_its_group_alone() {
    let stage = Stage::with([PRODUCTS]);
    let sid = set(
        &log_in_at(&stage, "shop.test", "alice@example.com").must_be(201),
        "sid",
    );
    let cookie = format!("sid={sid}");
    assert!(seen_at(&stage, "shop.test", &cookie));
    assert!(seen_at(&stage, "market.test", &cookie));
    assert!(!seen_at(&stage, "admin.test", &cookie));
    assert_eq!(
        stage.sum("sidgate_resolve_total", &[("result", "other_group")]),
        1.0
    );
    for (host, expected) in [("market.test", "active"), ("admin.test", "anonymous")] {
        let request = Request::get("/page")
            .header("Host", host)
            .header("Cookie", &cookie);
        let answer = stage.send(&request).must_be(200);
        assert!(answer.leaves_cookies_alone(), "{answer:?}");
        let received = stage.app.last_request();
        assert_eq!(
            received.header("x-session-state").as_deref(),
            Some(expected)
        );
        assert_eq!(
            received.header("cookie"),
            None,
            "the sid is hidden everywhere"
        );
    }
    let request = Request::get("/required")
        .header("Host", "admin.test")
        .header("Cookie", &cookie);
    assert_eq!(stage.send(&request).problem(401), "unauthenticated");
}

/// Nothing that somebody does on a site of another group reaches the session, although the sid came along.
#[test]
fn a_sid_of_another_group_can_be_neither_ended_nor_exchanged() {
    let stage = Stage::with([PRODUCTS]);
    let sid = set(&log_in_at(&stage, "shop.test", "alice@example.com"), "sid");
    let cookie = format!("sid={sid}");
    let at_admin = |request: Request| {
        stage.send(
            &request
                .header("Host", "admin.test")
                .header("Cookie", &cookie),
        )
    };
    at_admin(Request::delete(SESSION)).must_be(204);
    assert_eq!(
        at_admin(Request::get("/api/auth/sessions")).problem(401),
        "unauthenticated"
    );
    let all = Request::delete("/api/auth/sessions?scope=all");
    assert_eq!(at_admin(all).problem(401), "unauthenticated");
    for kind in ["logout", "rotate"] {
        stage.says(
            &format!("/{kind}"),
            json!([{"type": kind, "scope": "this"}]),
        );
        at_admin(Request::get(&format!("/{kind}")));
    }
    // A login there begins a session of its own, in place of none.
    let request = sidgate_testkit::login("alice@example.com", sidgate_testkit::app::PASSWORD);
    at_admin(request).must_be(201);
    assert!(seen_at(&stage, "shop.test", &cookie));
}

#[test]
fn lists_and_ends_concern_the_group() {
    let stage = Stage::with([PRODUCTS]);
    let at = |host: &str| {
        format!(
            "sid={}",
            set(&log_in_at(&stage, host, "alice@example.com"), "sid")
        )
    };
    let (shop, market, admin) = (at("shop.test"), at("market.test"), at("admin.test"));
    let devices = |host: &str, cookie: &str| {
        let request = Request::get("/api/auth/sessions")
            .header("Host", host)
            .header("Cookie", cookie);
        let body = stage.send(&request).must_be(200).json();
        let mut sites: Vec<String> = body["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|device| device["site"].as_str().unwrap().to_owned())
            .collect();
        sites.sort();
        sites
    };
    assert_eq!(devices("shop.test", &shop), ["market", "shop"]);
    assert_eq!(devices("admin.test", &admin), ["admin"]);

    let request = Request::delete("/api/auth/sessions?scope=all")
        .header("Host", "shop.test")
        .header("Cookie", &shop);
    stage.send(&request).must_be(200);
    assert!(!seen_at(&stage, "shop.test", &shop));
    assert!(!seen_at(&stage, "market.test", &market));
    assert!(seen_at(&stage, "admin.test", &admin), "another group");

    // An operator ends all of a user's sessions, whatever their group.
    let body = json!({"user": stage_user(&stage, &admin), "reason": "test"});
    stage
        .send_to_admin(&Request::post("/api/admin/revocations").json(&body))
        .must_be(200);
    assert!(!seen_at(&stage, "admin.test", &admin));
}

fn stage_user(stage: &Stage, admin: &str) -> String {
    let request = Request::get(SESSION)
        .header("Host", "admin.test")
        .header("Cookie", admin);
    let view = stage.send(&request).json();
    view["user"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn the_limit_of_sessions_counts_those_of_the_group() {
    let limit = "[session]\nmax_per_user = 1\nover_limit = \"deny\"";
    let stage = Stage::with([PRODUCTS, limit]);
    log_in_at(&stage, "shop.test", "alice@example.com").must_be(201);
    log_in_at(&stage, "admin.test", "alice@example.com").must_be(201);
    let denied = log_in_at(&stage, "market.test", "alice@example.com");
    assert_eq!(denied.problem(409), "session_limit");
}
