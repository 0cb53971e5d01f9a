//! What an app gets of the path: without its prefix, or with slashes that other apps never see.

use sidgate_testkit::app::NAME;
use sidgate_testkit::{Request, Stage, h2};

fn route(path: &str, keys: &str) -> String {
    format!("[[routes]]\npath = {path:?}\nupstream = \"{NAME}\"\n{keys}\n")
}

const STRIPPED: &str = "session = \"none\"\nstrip_prefix = true";

#[test]
fn an_app_gets_the_path_without_the_prefix_and_is_told_the_prefix() {
    let stage = Stage::with([&route("/app/v1", STRIPPED)]);
    for (target, sent) in [
        ("/app/v1", "/"),
        ("/app/v1/", "/"),
        ("/app/v1?a=/app/v1", "/?a=/app/v1"),
        ("/app/v1/x/y?", "/x/y?"),
        ("/app/v1/app/v1/", "/app/v1/"),
        ("/app/v1/a%20b;c=d?e=%zz", "/a%20b;c=d?e=%zz"),
    ] {
        let forged = Request::get(target).header("X-Forwarded-Prefix", "/evil");
        stage.send(&forged).must_be(200);
        let seen = stage.app.last_request();
        assert_eq!(seen.request_line(), format!("GET {sent}"), "{target}");
        assert_eq!(seen.header("x-forwarded-prefix").unwrap(), "/app/v1");
    }
    let over_h2 = h2::send(
        stage.address(),
        &[
            (b":method".to_vec(), b"GET".to_vec()),
            (b":scheme".to_vec(), b"http".to_vec()),
            (b":path".to_vec(), b"/app/v1/x?y".to_vec()),
            (b":authority".to_vec(), stage.host().into_bytes()),
        ],
        None,
    );
    assert_eq!(over_h2.status(), 200);
    assert_eq!(stage.app.last_request().request_line(), "GET /x?y");
    // Elsewhere the app gets the path as it came, and nobody's prefix.
    stage.send(&Request::get("/app/v10").header("X-Forwarded-Prefix", "/evil"));
    let seen = stage.app.last_request();
    assert_eq!(seen.request_line(), "GET /app/v10");
    assert_eq!(seen.header("x-forwarded-prefix"), None);
}

#[test]
fn calls_from_the_gateway_stay_out_of_reach() {
    let stage = Stage::with([&route(
        "/app",
        &format!("{STRIPPED}\nencoded_slashes = \"pass\""),
    )]);
    for target in [
        "/app/__sidgate__/authenticate",
        "/app/__sidgate__",
        "/app/__sidgate__;x/authenticate",
        "/app/__sidgate__%2Fauthenticate",
        "/app/__sidgate__//authenticate",
        "/app/__sidgate__/../__sidgate__",
    ] {
        let status = stage.send(&Request::post(target)).status;
        assert!(matches!(status, 400 | 404), "{target}: {status}");
    }
    for target in [
        "/app//evil.test/x",
        "/app/%2Fevil.test",
        "/app/%2f%2fevil.test",
        "/app//__sidgate__/x",
    ] {
        assert_eq!(stage.get(target).problem(400), "target", "{target}");
    }
    assert!(stage.app.requests().is_empty());
    assert!(stage.app.backend_calls().is_empty());
}

/// The route judged is that of the path as it came: what is left of it chooses no other one.
#[test]
fn a_session_is_asked_for_by_the_whole_path() {
    let (stage, sid) = Stage::with([
        &route("/app", "strip_prefix = true"),
        &route("/app/public", STRIPPED),
    ])
    .and_alice();
    assert_eq!(stage.get("/app/none/x").status, 401);
    assert_eq!(stage.get_as(&sid, "/app/none/x").status, 200);
    assert_eq!(stage.app.last_request().request_line(), "GET /none/x");
    assert_eq!(stage.get("/app/public/required").status, 200);
    assert_eq!(
        stage.app.last_request().header("x-session-state").unwrap(),
        "none"
    );
}

const PASSED: &str = "session = \"none\"\nencoded_slashes = \"pass\"";

#[test]
fn slashes_below_the_prefix_go_on_as_they_are() {
    let stage = Stage::with([&route("/git", PASSED)]);
    for target in [
        "/git/group%2Fproject/blob",
        "/git/group%2fproject",
        "/git/a//b",
        "/git//a",
        "/git/a///",
        "/git/%2F",
        "/git/a%2F%2Fb//c?d=%2F//",
        "/git/...%2F.x",
    ] {
        assert_eq!(stage.get(target).status, 200, "{target}");
        let seen = stage.app.last_request();
        assert_eq!(seen.request_line(), format!("GET {target}"));
    }
}

#[test]
fn whatever_else_a_path_may_hide_stays_refused() {
    let stage = Stage::with([
        &route("/git", PASSED),
        &route("/git/admin", "session = \"required\""),
        &route("/git/@ops/x", "session = \"required\""),
    ]);
    for target in [
        // Dots, whatever stands for the slashes around them.
        "/git/..",
        "/git/../required",
        "/git/..%2Frequired",
        "/git/a%2F..%2F..%2Frequired",
        "/git/%2F..%2Frequired",
        "/git/.%2Fa",
        "/git/a%2F..;x%2Fb",
        "/git/..;x%2Fb",
        "/git/%2e%2e%2Frequired",
        // Other bytes.
        "/git/a\\b",
        "/git/a%5Cb",
        "/git/a%00b",
        "/git/a%252Fb",
        "/git/a%2525b",
        "/git/a%2Gb",
        "/git/;x//b",
        // The prefix itself, and the beginning.
        "//git/x",
        "/%2Fgit/x",
        "/git%2Fx",
        "/g%69t/x",
        // Another route, once the slashes are read.
        "/git//admin",
        "/git//admin/x",
        "/git/%2Fadmin",
        "/git%2Fadmin",
        "/git/admin%2Fx",
        "/git/admin//x",
        "/git//%40ops//x",
        "/git/@ops%2Fx",
        "/git/@ops//x",
        "/git/;a%2Fadmin",
        "/git//admin;v=1",
        // Routes that did not opt in.
        "/none//x",
        "/none/a%2Fb",
        "/page//x",
        "//page",
    ] {
        let response = stage.get(target);
        assert_eq!(response.status, 400, "{target}: {response:?}");
    }
    assert!(stage.app.requests().is_empty());
    assert_eq!(stage.get("/git/admin/x").status, 401);
}

/// Endpoints and private paths are reached in one spelling only, also where the root lets slashes pass.
#[test]
fn a_root_that_lets_slashes_pass_opens_nothing_else() {
    let mut stage = Stage::start();
    stage.stop();
    stage.reconfigure(|_, text| {
        let root = "path = \"/\"\n";
        assert!(text.contains(root), "{text}");
        text.replace(root, &format!("{root}encoded_slashes = \"pass\"\n"))
    });
    stage.start_again();
    for target in [
        "//",
        "//evil.test/x",
        "/%2Fevil.test",
        "/api//auth/session-v2",
        "/api%2Fauth/session-v2",
        "/api/auth//session-v2",
        "/__sidgate__%2Fauthenticate",
        "/a/..%2F__sidgate__",
        "/required//x",
        "/required%2Fx",
        "/none%2F..%2Frequired",
    ] {
        let response = stage.get(target);
        assert!(
            matches!(response.status, 400 | 404),
            "{target}: {response:?}"
        );
    }
    assert!(stage.app.requests().is_empty());
    assert_eq!(stage.get("/a%2Fb//c").status, 200);
}

/// Where somebody is sent back to after a login is the path as it came.
#[test]
fn the_way_back_keeps_its_slashes() {
    let stage = Stage::with([&route(
        "/git",
        "encoded_slashes = \"pass\"\non_missing = \"redirect\"",
    )]);
    let response = stage.get("/git/a%2Fb//c?d");
    assert_eq!(response.status, 303, "{response:?}");
    assert_eq!(
        response.header("location"),
        Some("/login?next=/git/a%252Fb//c%3Fd")
    );
}
