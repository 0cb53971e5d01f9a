//! Keys of `[server]`, `[endpoints]` and `[edge]` that change what is let in and where it is sent, by their effect.

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::{App, Gateway, Request, SESSION, login};

#[test]
fn hosts_are_those_that_are_listed_and_no_others() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[server]\nhosts = [\"app.test\", \"other.test:8443\"]")
        .start();
    let port = gateway.public_port();
    let status = |host: &str| {
        let request = Request::get("/").header("Host", host);
        gateway.send(&request).status
    };

    assert_eq!(status("app.test"), 200);
    assert_eq!(status(&format!("app.test:{port}")), 200);
    assert_eq!(status("other.test:8443"), 200);
    assert_eq!(app.requests().len(), 3);
    for host in [
        "other.test".to_owned(),
        "app.test:8443".to_owned(),
        gateway.host(),
        format!("127.0.0.1:{port}"),
    ] {
        assert_eq!(status(&host), 421, "{host}");
    }
    assert_eq!(app.requests().len(), 3, "the app heard of none of them");
}

#[test]
fn login_url_is_where_visitors_are_sent() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[server]\nlogin_url = \"/welcome/in\"")
        .start();
    let visit = Request::get("/required/x?a=1")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Accept", "text/html");

    let response = gateway.send(&visit);

    assert_eq!(response.status, 303);
    let location = response.header("location").unwrap_or_default();
    assert!(
        location.starts_with("/welcome/in?next=/required/x"),
        "{location}"
    );
    assert_eq!(gateway.send(&Request::get("/welcome/in")).status, 200);
}

#[test]
fn base_path_is_where_the_endpoints_are() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[endpoints]\nbase_path = \"/gate/v1\"")
        .start();
    let here = "/gate/v1/session-v2";
    let credentials = serde_json::json!({"email": "alice@example.com", "password": PASSWORD});

    let created = gateway.send(&Request::post(here).json(&credentials));
    assert_eq!(created.status, 201, "{created:?}");
    let view = gateway.send(&Request::get(here).sid(&created.new_sid()));
    assert_eq!(view.json()["user"]["id"], "alice");
    assert!(app.requests().is_empty());

    // What was there by default is the app's now.
    assert_eq!(gateway.send(&Request::get(SESSION)).text(), "from the app");
    assert_eq!(app.only_request().target(), SESSION);
}

/// A gateway whose limits are far below the defaults.
fn narrow(app: &App) -> Gateway {
    Gateway::in_front_of(app)
        .with(
            "[edge]\nmax_header_bytes = 1024\nmax_header_count = 10\nmax_cookie_bytes = 200\nmax_body_bytes = 1000",
        )
        .start()
}

/// Sends what just fits and what does not.
fn limits(app: &App, gateway: &Gateway, fits: &Request, exceeds: &Request, status: u16) {
    assert_eq!(gateway.send(fits).status, 200, "{fits:?}");
    assert_eq!(app.requests().len(), 1);
    let host = gateway.host();
    let refused = gateway.send_refused(&exceeds.bytes(&host));
    assert_eq!(refused.status, status, "{exceeds:?}");
    assert_eq!(app.requests().len(), 1, "the app saw it: {exceeds:?}");
}

#[test]
fn max_header_bytes_limits_the_block() {
    let app = App::start();
    let gateway = narrow(&app);
    let of = |length: usize| Request::get("/").header("X-Large", &"x".repeat(length));
    limits(&app, &gateway, &of(900), &of(1024), 431);
}

#[test]
fn max_header_count_limits_the_fields() {
    let app = App::start();
    let gateway = narrow(&app);
    // And Host.
    let of = |count: usize| {
        (0..count).fold(Request::get("/"), |request, at| {
            request.header(&format!("X-F{at}"), "1")
        })
    };
    limits(&app, &gateway, &of(9), &of(10), 431);
}

#[test]
fn max_cookie_bytes_limits_all_cookie_fields_together() {
    let app = App::start();
    let gateway = narrow(&app);
    let pair = |length: usize| format!("a={}", "x".repeat(length - 2));
    let of = |first: usize, second: usize| {
        Request::get("/")
            .header("Cookie", &pair(first))
            .header("Cookie", &pair(second).replace("a=", "b="))
    };
    limits(&app, &gateway, &of(100, 90), &of(100, 101), 431);
}

#[test]
fn max_body_bytes_limits_the_body() {
    let app = App::start();
    let gateway = narrow(&app);
    let of = |length: usize| Request::post("/").body("x".repeat(length));
    limits(&app, &gateway, &of(1000), &of(1001), 413);
    assert_eq!(app.only_request().body.len(), 1000);
}

/// The limit is the app's; what a login may carry is the gateway's own matter.
#[test]
fn max_body_bytes_leaves_a_login_alone() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[edge]\nmax_body_bytes = 1000")
        .start();
    assert_eq!(
        gateway.send(&login("alice@example.com", PASSWORD)).status,
        201
    );
}
