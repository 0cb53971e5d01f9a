//! What of an app's answer reaches the browser.

use serde_json::json;

use sidgate_testkit::app;
use sidgate_testkit::{Reply, Request, Stage};

/// The answer that a browser gets when the app answers with these fields.
fn answer_to(
    sid: bool,
    headers: &'static [(&'static str, &'static str)],
) -> sidgate_testkit::Response {
    let stage = Stage::start();
    let request = Request::get("/page");
    let request = if sid {
        request.sid(&stage.log_in("alice@example.com"))
    } else {
        request
    };
    stage.on("/page", move |_| Reply::new(200, headers, "page"));
    let response = stage.send(&request).must_be(200);
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
    let stage = Stage::start();
    stage.on("/page", |_| {
        Reply::new(200, &[("Set-Cookie", "sid=chosen")], "")
    });

    stage.get("/page");

    let dropped = stage.sum("sidgate_upstream_cookies_dropped_total", &[]);
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
    let stage = Stage::start();
    for cache_control in ["public, max-age=60", "s-maxage=60", "max-age=60, immutable"] {
        stage.on("/login", move |exchange| {
            let events = json!([{"type": "login", "identity": app::identity("alice@example.com")}]);
            let token = exchange.sign(&exchange.event_claims(&events));
            let headers = [
                ("X-Session-Event", &*token),
                ("Cache-Control", cache_control),
            ];
            Reply::new(200, &headers, "")
        });

        let response = stage.send(&Request::post("/login"));

        assert!(stage.knows(&response.new_sid()));
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
    let stage = Stage::start();

    let response = stage.get("/");

    let seen = stage.app.only_request().header("x-request-id");
    assert_eq!(response.header("x-request-id"), seen.as_deref());
}

#[test]
fn answers_of_the_gateway_do_not_say_what_it_is() {
    let stage = Stage::start();
    let refused = Request::get("/").header("X_Odd", "1");
    for request in [
        Request::get("/required"),
        Request::get("/api/auth/x"),
        refused,
    ] {
        let response = stage.send(&request);
        assert_eq!(response.header("server"), None, "{response:?}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(response.header("referrer-policy"), Some("no-referrer"));
        let policy = response.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert_eq!(
            response.header("strict-transport-security"),
            None,
            "not over http"
        );
        assert!(!response.text().to_lowercase().contains("pingora"));
        let id = response.header("x-request-id").unwrap();
        assert_eq!(response.json()["request_id"], id);
    }
}

#[test]
fn a_person_gets_a_page_with_the_id_of_the_request() {
    let stage = Stage::start();
    stage.on("/page", |_| Reply::hang_up());
    let by_a_browser = |request: Request| {
        let accepts = "text/html,application/xhtml+xml,*/*;q=0.8";
        stage.send(&request.header("Accept", accepts))
    };

    for (status, response) in [
        (502, by_a_browser(Request::get("/page"))),
        (404, by_a_browser(Request::get("/api/auth/canary?q=canary"))),
        (
            431,
            by_a_browser(Request::get("/").header("Cookie", &"a=1; ".repeat(70))),
        ),
    ] {
        assert_eq!(response.status, status, "{response:?}");
        assert_eq!(
            response.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        let page = response.text();
        assert!(
            page.contains(response.header("x-request-id").unwrap()),
            "{page}"
        );
        assert!(!page.contains("canary"), "nothing of the request: {page}");
    }
}

#[test]
fn browsers_are_told_to_stay_with_tls_where_the_origin_has_it() {
    let stage = Stage::with(["[server]\npublic_origin = \"https://app.test\""]);

    let response = stage.send(&Request::get("/required").header("Host", "app.test"));

    assert_eq!(response.problem(401), "unauthenticated");
    let hsts = response.header("strict-transport-security");
    assert_eq!(hsts, Some("max-age=31536000"));
}

#[test]
fn software_of_the_app_is_not_named() {
    let response = answer_to(
        false,
        &[
            ("Server", "gunicorn/27.0"),
            ("X-Powered-By", "Next.js"),
            ("X-Other", "stays"),
        ],
    );
    assert_eq!(response.header("server"), None);
    assert_eq!(response.header("x-powered-by"), None);
    assert_eq!(response.header("x-other"), Some("stays"));
}

/// A shared cache that keeps such an answer hands one user's cookie to the next.
#[test]
fn cookie_never_leaves_on_an_answer_that_may_be_shared() {
    for cache_control in [
        "public, max-age=60",
        "S-MaxAge=60",
        "max-age=60, Immutable",
        "no-cache, PUBLIC",
    ] {
        let stage = Stage::start();
        stage.on("/page", move |_| {
            let headers = [
                ("Set-Cookie", "csrftoken=x"),
                ("Cache-Control", cache_control),
                ("CDN-Cache-Control", "max-age=60"),
                ("Surrogate-Control", "max-age=60"),
            ];
            Reply::new(200, &headers, "")
        });

        let response = stage.get("/page");

        assert_eq!(response.all("set-cookie"), ["csrftoken=x"]);
        assert_eq!(
            response.all("cache-control"),
            ["private, no-store"],
            "{cache_control}"
        );
        assert_eq!(response.header("cdn-cache-control"), None);
        assert_eq!(response.header("surrogate-control"), None);
    }
    let kept = answer_to(
        false,
        &[("Set-Cookie", "a=1"), ("Cache-Control", "max-age=60")],
    );
    assert_eq!(kept.all("cache-control"), ["max-age=60"]);
}

#[test]
fn app_cannot_open_what_the_list_of_origins_keeps_shut() {
    let config = format!(
        "[[routes]]\npath = \"/shared\"\nupstream = \"{}\"\nsession = \"optional\"\ncors_origins = [\"https://front.test\"]",
        app::NAME
    );
    let stage = Stage::with([&config]);
    for path in ["/shared", "/own"] {
        stage.on(path, |_| {
            let headers = [
                ("Access-Control-Allow-Origin", "*"),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Expose-Headers", "X-Total"),
            ];
            Reply::new(200, &headers, "")
        });
    }
    let from = |path: &str, origin: &str| stage.send(&Request::get(path).header("Origin", origin));

    let listed = from("/shared", "https://front.test");
    assert_eq!(
        listed.all("access-control-allow-origin"),
        ["https://front.test"]
    );
    assert_eq!(listed.all("access-control-allow-credentials"), ["true"]);
    assert_eq!(listed.all("access-control-expose-headers"), ["X-Total"]);
    assert_eq!(listed.all("vary"), ["Origin"]);

    let other = from("/shared", "https://evil.test");
    assert!(other.all("access-control-allow-origin").is_empty());
    assert!(other.all("access-control-allow-credentials").is_empty());

    let unmanaged = from("/own", "https://evil.test");
    assert_eq!(
        unmanaged.all("access-control-allow-origin"),
        ["*"],
        "the app's business"
    );
}
