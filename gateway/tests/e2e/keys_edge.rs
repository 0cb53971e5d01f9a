//! Keys of `[server]`, `[endpoints]` and `[edge]` that change what is let in and where it is sent, by their effect.

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::{Request, SESSION, Stage};

#[test]
fn hosts_are_those_that_are_listed_and_no_others() {
    let stage = Stage::with(["[server]\nhosts = [\"app.test\", \"other.test:8443\"]"]);
    let port = stage.public_port();
    let status = |host: &str| {
        let request = Request::get("/").header("Host", host);
        stage.send(&request).status
    };

    assert_eq!(status("app.test"), 200);
    assert_eq!(status(&format!("app.test:{port}")), 200);
    assert_eq!(status("other.test:8443"), 200);
    assert_eq!(stage.app.requests().len(), 3);
    for host in [
        "other.test".to_owned(),
        "app.test:8443".to_owned(),
        stage.host(),
        format!("127.0.0.1:{port}"),
    ] {
        assert_eq!(status(&host), 421, "{host}");
    }
    assert_eq!(
        stage.app.requests().len(),
        3,
        "the app heard of none of them"
    );
}

#[test]
fn login_url_is_where_visitors_are_sent() {
    let stage = Stage::with(["[server]\nlogin_url = \"/welcome/in\""]);
    let visit = Request::get("/required/x?a=1")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html");

    let response = stage.send(&visit).must_be(303);

    let location = response.header("location").unwrap_or_default();
    assert!(
        location.starts_with("/welcome/in?next=/required/x"),
        "{location}"
    );
    assert_eq!(stage.get("/welcome/in").status, 200);
}

#[test]
fn base_path_is_where_the_endpoints_are() {
    let stage = Stage::with(["[endpoints]\nbase_path = \"/gate/v1\""]);
    let here = "/gate/v1/session-v2";
    let credentials = serde_json::json!({"email": "alice@example.com", "password": PASSWORD});

    let created = stage.send(&Request::post(here).json(&credentials));
    assert_eq!(created.status, 201, "{created:?}");
    let view = stage.get_as(&created.new_sid(), here);
    assert_eq!(view.json()["user"]["id"], "alice");
    assert!(stage.app.requests().is_empty());

    // What was there by default is the app's now.
    assert_eq!(stage.get(SESSION).text(), "from the app");
    assert_eq!(stage.app.only_request().target(), SESSION);
}

/// A gateway whose limits are far below the defaults.
fn narrow() -> Stage {
    Stage::with([
        "[edge]\nmax_header_bytes = 1024\nmax_header_count = 10\nmax_cookie_bytes = 200\nmax_body_bytes = 1000",
    ])
}

/// Sends what just fits and what does not.
fn limits(stage: &Stage, fits: &Request, exceeds: &Request, status: u16) {
    assert_eq!(stage.send(fits).status, 200, "{fits:?}");
    assert_eq!(stage.app.requests().len(), 1);
    let host = stage.host();
    let refused = stage.send_refused(&exceeds.bytes(&host));
    assert_eq!(refused.status, status, "{exceeds:?}");
    assert_eq!(stage.app.requests().len(), 1, "the app saw it: {exceeds:?}");
}

#[test]
fn max_header_bytes_limits_the_block() {
    let stage = narrow();
    let of = |length: usize| Request::get("/").header("X-Large", &"x".repeat(length));
    limits(&stage, &of(900), &of(1024), 431);
}

#[test]
fn max_header_count_limits_the_fields() {
    let stage = narrow();
    // And Host.
    let of = |count: usize| {
        (0..count).fold(Request::get("/"), |request, at| {
            request.header(&format!("X-F{at}"), "1")
        })
    };
    limits(&stage, &of(9), &of(10), 431);
}

#[test]
fn max_cookie_bytes_limits_all_cookie_fields_together() {
    let stage = narrow();
    let pair = |length: usize| format!("a={}", "x".repeat(length - 2));
    let of = |first: usize, second: usize| {
        Request::get("/")
            .header("Cookie", &pair(first))
            .header("Cookie", &pair(second).replace("a=", "b="))
    };
    limits(&stage, &of(100, 90), &of(100, 101), 431);
}

#[test]
fn max_body_bytes_limits_the_body() {
    let stage = narrow();
    let of = |length: usize| Request::post("/").body("x".repeat(length));
    limits(&stage, &of(1000), &of(1001), 413);
    assert_eq!(stage.app.only_request().body.len(), 1000);
}

/// The limit is the app's; what a login may carry is the gateway's own matter.
#[test]
fn max_body_bytes_leaves_a_login_alone() {
    let stage = Stage::with(["[edge]\nmax_body_bytes = 1000"]);
    assert_eq!(stage.try_login("alice@example.com").status, 201);
}
