//! The cookie that shows an app, and caches beside it, whether a session is active (`upstreams.NAME.cookie_marker`).

use sidgate_testkit::{App, Gateway, Request};

const MARKER: &str = "[upstreams.app]\ncookie_marker = \"sidgate\"";

/// The Cookie lines that the app gets for a request with this one.
fn cookies(app: &App, gateway: &Gateway, path: &str, cookie: &str) -> Vec<String> {
    let mut request = Request::get(path);
    if !cookie.is_empty() {
        request = request.header("Cookie", cookie);
    }
    assert_eq!(gateway.send(&request).status, 200, "{path} {cookie}");
    let seen = app.last_request();
    seen.all("cookie").iter().map(ToString::to_string).collect()
}

#[test]
fn app_sees_the_marker_of_an_active_session_and_of_no_other() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(MARKER).start();
    let sid = gateway.log_in("alice@example.com");
    let handle = gateway.session_of(&sid)["session"]["id"].clone();
    let handle = handle.as_str().unwrap();
    for (sent, seen) in [
        (format!("sid={sid}"), format!("sidgate={handle}")),
        (
            format!("a=1; sidgate=forged; sid={sid}; b=2; sidgate=too"),
            format!("a=1; b=2; sidgate={handle}"),
        ),
        (
            format!("sidgate; Sidgate=of-the-app; sid={sid}"),
            format!("Sidgate=of-the-app; sidgate={handle}"),
        ),
    ] {
        assert_eq!(cookies(&app, &gateway, "/app", &sent), [seen], "{sent}");
    }
    let nobody: [&str; 0] = [];
    for path in ["/app", "/none/x"] {
        assert_eq!(cookies(&app, &gateway, path, "sidgate=forged"), nobody);
        assert_eq!(cookies(&app, &gateway, path, "sidgate=x; a=1"), ["a=1"]);
        assert_eq!(cookies(&app, &gateway, path, ""), nobody);
    }
    let on_none = cookies(&app, &gateway, "/none/x", &format!("a=1; sid={sid}"));
    assert_eq!(on_none, ["a=1"], "nobody has looked");
}

/// It is the app's own name as long as nobody has asked for a marker.
#[test]
fn without_the_key_there_is_no_marker() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    let seen = cookies(&app, &gateway, "/app", &format!("sidgate=own; sid={sid}"));
    assert_eq!(seen, ["sidgate=own"]);
}

/// Under its name even the sid opens nothing.
#[test]
fn marker_opens_nothing() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(MARKER).start();
    let sid = gateway.log_in("alice@example.com");
    let cookie = format!("sidgate={sid}");
    let response = gateway.send(&Request::get("/required").header("Cookie", &cookie));
    assert_eq!(response.status, 401);
    assert!(app.requests().is_empty());
}
