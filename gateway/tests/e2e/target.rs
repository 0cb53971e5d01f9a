//! Which resource, on which host, by which method? Catalogue: category D; the cases that need no story
//! of their own are in `vectors/d-targets.toml`.

use sidgate_testkit::{Request, Stage};

/// Pingora escapes the space before anybody can see it. What counts is that route and app agree about the path.
#[test]
fn space_in_the_target_is_one_path_for_policy_and_app() {
    let stage = Stage::start();
    let host = stage.host();

    let mut connection = stage.connect();
    connection.write(format!("GET /none b HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    assert_eq!(connection.read(false).status, 200);

    let seen = stage.app.only_request();
    assert_eq!(seen.request_line(), "GET /none%20b");
    assert_eq!(seen.state(), "anonymous");
}

#[test]
fn app_is_told_the_configured_host_whatever_its_spelling() {
    let stage = Stage::start();
    let port = stage.public_port();

    let request = Request::get("/").header("Host", &format!("LOCALHOST:{port}"));
    assert_eq!(stage.send(&request).status, 200);

    let seen = stage.app.only_request();
    assert_eq!(seen.all("host"), [stage.host()]);
    assert_eq!(seen.all("x-forwarded-host"), [stage.host()]);
}

#[test]
fn internal_paths_of_the_backend_do_not_exist_for_the_public() {
    let (stage, sid) = Stage::start().and_alice();
    let asked = stage.app.backend_calls().len();
    for path in [
        "/__sidgate__/authenticate",
        "/__sidgate__/introspect",
        "/__sidgate__/x",
        "/__sidgate__",
        "/__sidgate__;x/authenticate",
        "/__sidgate__;x=1;y/authenticate;z",
        "/__sidgate__;x",
    ] {
        let response = stage.send(&Request::post(path).sid(&sid).body("{}"));
        assert_eq!(response.problem(404), "not_found", "{path}");
    }
    assert!(stage.app.requests().is_empty());
    assert_eq!(
        stage.app.backend_calls().len(),
        asked,
        "the app heard of none"
    );
}
