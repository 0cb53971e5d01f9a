//! The cookie that shows an app, and caches beside it, whether a session is active (`upstreams.NAME.cookie_marker`).

use sidgate_testkit::{Request, Stage};

const MARKER: &str = "[upstreams.app]\ncookie_marker = \"sidgate\"";

/// The Cookie lines that the app gets for a request with this one.
fn cookies(stage: &Stage, path: &str, cookie: &str) -> Vec<String> {
    let mut request = Request::get(path);
    if !cookie.is_empty() {
        request = request.header("Cookie", cookie);
    }
    assert_eq!(stage.send(&request).status, 200, "{path} {cookie}");
    let seen = stage.app.last_request();
    seen.all("cookie").iter().map(ToString::to_string).collect()
}

#[test]
fn app_sees_the_marker_of_an_active_session_and_of_no_other() {
    let (stage, sid) = Stage::with([MARKER]).and_alice();
    let handle = stage.session_of(&sid)["session"]["id"].clone();
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
        assert_eq!(cookies(&stage, "/app", &sent), [seen], "{sent}");
    }
    let nobody: [&str; 0] = [];
    for path in ["/app", "/none/x"] {
        assert_eq!(cookies(&stage, path, "sidgate=forged"), nobody);
        assert_eq!(cookies(&stage, path, "sidgate=x; a=1"), ["a=1"]);
        assert_eq!(cookies(&stage, path, ""), nobody);
    }
    let on_none = cookies(&stage, "/none/x", &format!("a=1; sid={sid}"));
    assert_eq!(on_none, ["a=1"], "nobody has looked");
}

/// It is the app's own name as long as nobody has asked for a marker.
#[test]
fn without_the_key_there_is_no_marker() {
    let (stage, sid) = Stage::start().and_alice();
    let seen = cookies(&stage, "/app", &format!("sidgate=own; sid={sid}"));
    assert_eq!(seen, ["sidgate=own"]);
}

/// Under its name even the sid opens nothing.
#[test]
fn marker_opens_nothing() {
    let (stage, sid) = Stage::with([MARKER]).and_alice();
    let cookie = format!("sidgate={sid}");
    let response = stage.send(&Request::get("/required").header("Cookie", &cookie));
    assert_eq!(response.status, 401);
    assert!(stage.app.requests().is_empty());
}
