//! Routes that send their visitors elsewhere.

use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Request, Stage};

const OLD: &str = r#"
[[routes]]
path = "/old"
methods = ["GET", "POST"]
[routes.redirect]
to = "https://www.example.com{path}{query}"
[[routes]]
path = "/moved"
[routes.redirect]
to = "/new{path}{query}"
status = 302
[[routes]]
path = "/same"
[routes.redirect]
to = "http://{host}/there{query}"
status = 307
"#;

#[test]
fn visitors_are_sent_where_the_operator_says() {
    let stage = Stage::with([OLD]);
    let host = stage.host();
    for (target, status, location) in [
        (
            "/old/a/b?c=d&e=%zz",
            308,
            "https://www.example.com/old/a/b?c=d&e=%zz".to_owned(),
        ),
        ("/old?", 308, "https://www.example.com/old?".to_owned()),
        ("/old", 308, "https://www.example.com/old".to_owned()),
        ("/moved/x", 302, "/new/moved/x".to_owned()),
        (
            "/moved/x?next=//evil.test",
            302,
            "/new/moved/x?next=//evil.test".to_owned(),
        ),
        ("/same?a", 307, format!("http://{host}/there?a")),
    ] {
        let response = stage.get(target);
        assert_eq!(response.status, status, "{target}: {response:?}");
        assert_eq!(response.header("location"), Some(&*location), "{target}");
        assert_eq!(response.header("cache-control"), Some("no-store"));
        assert!(response.body.is_empty());
        assert!(response.leaves_cookies_alone());
    }
    let form = stage.send(&Request::post("/old/form").body("a=b"));
    assert_eq!(form.status, 308);
    let deleted = stage.send(&Request::delete("/old/form"));
    assert_eq!(deleted.problem(405), "method_not_allowed");
    assert_eq!(deleted.header("allow"), Some("GET, POST, HEAD"));
    assert!(stage.app.requests().is_empty());
    let redirected = [("route", "/old"), ("outcome", "redirect")];
    until_true("all to be counted", LONG, || {
        stage.sum("sidgate_requests_total", &redirected) == 4.0
    });
}

/// What was not vetted never gets into an address.
#[test]
fn nothing_of_a_request_leads_to_another_host() {
    let stage = Stage::with([OLD]);
    for target in [
        "//evil.test/old",
        "/old//evil.test",
        "/moved/%2F%2Fevil.test",
        "/moved/..//evil.test",
        "/moved\\evil.test",
        "/moved/%0d%0aX-Evil:1",
    ] {
        let response = stage.get(target);
        assert_eq!(response.status, 400, "{target}: {response:?}");
        assert_eq!(response.header("location"), None, "{target}");
    }
    let foreign = stage.send(&Request::get("/same").header("Host", "evil.test"));
    assert_eq!(foreign.status, 421);
    let bytes = stage.get("/old?a=\u{e9}\u{2028}");
    assert_eq!(
        bytes.header("location"),
        Some("https://www.example.com/old?a=%C3%A9%E2%80%A8")
    );
}
