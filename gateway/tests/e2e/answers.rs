//! What of an app's answer reaches the browser.

use serde_json::json;

use crate::support::app;
use crate::support::{App, Gateway, Reply, Request};

/// The answer that a browser gets when the app answers with these fields.
fn answer_to(
    sid: bool,
    headers: &'static [(&'static str, &'static str)],
) -> crate::support::Response {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let request = Request::get("/page");
    let request = if sid {
        request.sid(&gateway.log_in("alice@example.com"))
    } else {
        request
    };
    app.on("/page", move |_| Reply::new(200, headers, "page"));
    let response = gateway.send(&request);
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.text(), "page");
    response
}

#[test]
fn app_cannot_set_the_cookie_of_the_gateway() {
    let response = answer_to(
        false,
        &[
            ("Set-Cookie", "sid=chosen; Path=/"),
            ("Set-Cookie", "SID=chosen"),
            ("Set-Cookie", " sid =chosen"),
            ("Set-Cookie", "sid; Path=/"),
            ("Set-Cookie", "csrftoken=x; Path=/; Secure"),
            ("Set-Cookie", "sidebar=open"),
        ],
    );
    assert_eq!(
        response.all("set-cookie"),
        ["csrftoken=x; Path=/; Secure", "sidebar=open"]
    );
}

#[test]
fn cookies_that_an_app_tried_to_set_are_counted() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    app.on("/page", |_| {
        Reply::new(200, &[("Set-Cookie", "sid=chosen")], "")
    });

    gateway.send(&Request::get("/page"));

    let dropped = gateway
        .metrics()
        .sum("sidgate_upstream_cookies_dropped_total", &[]);
    assert_eq!(dropped, 1.0);
}

#[test]
fn headers_between_gateway_and_app_stay_there() {
    let response = answer_to(
        true,
        &[
            ("X-Session-User-Id", "alice"),
            ("X-Session-Assertion", "a.b.c"),
            ("X-Session-Anything", "1"),
            ("X-Sidgate-Request", "a.b.c"),
            ("X-Other", "stays"),
        ],
    );
    let is_ours = |name: &str| name.starts_with("x-session-") || name.starts_with("x-sidgate-");
    let leaked: Vec<_> = response
        .headers
        .iter()
        .filter(|(name, _)| is_ours(&name.to_lowercase()))
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert_eq!(response.header("x-other"), Some("stays"));
}

#[test]
fn public_answer_with_a_login_becomes_private() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for cache_control in ["public, max-age=60", "s-maxage=60", "max-age=60, immutable"] {
        app.on("/login", move |exchange| {
            let events = json!([{"type": "login", "identity": app::identity("alice@example.com")}]);
            let token = exchange.sign(&exchange.event_claims(&events));
            let headers = [
                ("X-Session-Event", &*token),
                ("Cache-Control", cache_control),
            ];
            Reply::new(200, &headers, "")
        });

        let response = gateway.send(&Request::post("/login"));

        assert!(gateway.knows(&response.new_sid()));
        assert_eq!(response.all("cache-control"), ["private, no-store"]);
    }
}

#[test]
fn answer_to_a_known_user_is_private_and_varies() {
    let response = answer_to(true, &[]);
    assert_eq!(response.all("cache-control"), ["private"]);
    assert_eq!(response.all("vary"), ["Cookie"]);
}

#[test]
fn answer_to_nobody_is_left_as_it_is() {
    let response = answer_to(false, &[("Cache-Control", "public, max-age=60")]);
    assert_eq!(response.all("cache-control"), ["public, max-age=60"]);
    assert!(response.leaves_cookies_alone());
}

#[test]
fn answer_names_the_request() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();

    let response = gateway.send(&Request::get("/"));

    let seen = app.only_request().header("x-request-id");
    assert_eq!(response.header("x-request-id"), seen.as_deref());
}

#[test]
fn answers_of_the_gateway_do_not_say_what_it_is() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let refused = Request::get("/").header("X_Odd", "1");
    for request in [
        Request::get("/required"),
        Request::get("/api/auth/x"),
        refused,
    ] {
        let response = gateway.send(&request);
        assert_eq!(response.header("server"), None, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(!response.text().to_lowercase().contains("pingora"));
    }
}
