//! Which resource, on which host, by which method? Catalogue: category D.

use crate::support::{App, Gateway, Request};

/// Sends a request line and a Host field; the gateway must answer `status`, close, and tell nobody.
fn is_refused(app: &App, gateway: &Gateway, status: u16, line: &str, host: &str) {
    let lookups = gateway.metrics().sum("sidgate_resolve_total", &[]);
    let bytes = format!("{line} HTTP/1.1\r\n{host}\r\n");
    let response = gateway.send_refused(bytes.as_bytes());
    assert_eq!(response.status, status, "{line} {host:?}: {response:?}");
    assert!(app.requests().is_empty(), "{line} {host:?} reached the app");
    let now = gateway.metrics().sum("sidgate_resolve_total", &[]);
    assert_eq!(now, lookups, "{line} {host:?} cost a look-up");
}

fn targets_are_refused(status: u16, targets: &[&str]) {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let host = format!("Host: {}\r\n", gateway.host());
    for target in targets {
        is_refused(&app, &gateway, status, &format!("GET {target}"), &host);
    }
}

#[test]
fn target_that_is_no_path_is_refused() {
    targets_are_refused(
        400,
        &[
            "required/",
            "?x",
            "*",
            "http://localhost/required",
            "foo://x/required",
            "//evil/required",
            "/required#fragment",
        ],
    );
}

#[test]
fn path_with_a_second_spelling_is_refused() {
    targets_are_refused(
        400,
        &[
            "/none/../required",
            "/none/./../required",
            "/none/%2e%2e/required",
            "/none/.%2e/required",
            "/none/..;/required",
            "/none/..%2frequired",
            "/none%2f..%2frequired",
            "/none/..\\required",
            "/none/%5c../required",
            "//required",
            "/none//../required",
            "///",
            "/%72equired",
            "/re%71uired",
            "/required%252f..",
            "/%25%37%32equired",
            "/required%00",
            "/required%",
            "/required%zz",
        ],
    );
}

#[test]
fn target_longer_than_8_kb_is_refused() {
    let long = format!("/{}", "a".repeat(8 * 1024));
    targets_are_refused(414, &[&long, &format!("/?{long}")]);
}

#[test]
fn query_is_not_policed() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let target = "/page?next=//evil/../%2e%2e%00&x=%252f;y=\\";

    assert_eq!(gateway.send(&Request::get(target)).status, 200);

    assert_eq!(app.only_request().target(), target);
}

#[test]
fn path_is_sent_on_byte_for_byte() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let target = "/a;v=1/b%20c/%C3%BC/@:!$&'()*+,=~";

    assert_eq!(gateway.send(&Request::get(target)).status, 200);

    assert_eq!(app.only_request().target(), target);
}

/// Pingora escapes the space before anybody can see it. What counts is that route and app agree about the path.
#[test]
fn space_in_the_target_is_one_path_for_policy_and_app() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let host = gateway.host();

    let mut connection = gateway.connect();
    connection.write(format!("GET /none b HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes());
    assert_eq!(connection.read(false).status, 200);

    let seen = app.only_request();
    assert_eq!(seen.request_line(), "GET /none%20b");
    assert_eq!(seen.header("x-session-state").unwrap(), "anonymous");
}

#[test]
fn host_that_is_not_served_is_misdirected() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for host in ["evil.example", "localhost.evil.example", "localhost:1"] {
        let host = format!("Host: {host}\r\n");
        is_refused(&app, &gateway, 421, "GET /", &host);
    }
}

#[test]
fn missing_or_odd_host_is_refused() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let own = gateway.host();
    for host in [
        String::new(),
        "Host: \r\n".to_owned(),
        format!("Host: {own}\r\nHost: {own}\r\n"),
        format!("Host: u@{own}\r\n"),
        format!("Host: {own}, evil.example\r\n"),
        format!("Host: {own}x\r\n"),
        "Host: [::1\r\n".to_owned(),
    ] {
        is_refused(&app, &gateway, 400, "GET /", &host);
    }
}

#[test]
fn app_is_told_the_configured_host_whatever_its_spelling() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let port = gateway.public_port();

    let request = Request::get("/").header("Host", &format!("LOCALHOST:{port}"));
    assert_eq!(gateway.send(&request).status, 200);

    let seen = app.only_request();
    assert_eq!(seen.all("host"), [gateway.host()]);
    assert_eq!(seen.all("x-forwarded-host"), [gateway.host()]);
}

#[test]
fn methods_outside_the_list_are_not_allowed() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let host = format!("Host: {}\r\n", gateway.host());
    for method in ["TRACE", "TRACK", "DEBUG", "PROPFIND", "GETX", "get"] {
        is_refused(&app, &gateway, 405, &format!("{method} /"), &host);
    }
}

#[test]
fn methods_of_the_list_reach_the_app() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        assert_eq!(
            gateway.send(&Request::new(method, "/")).status,
            200,
            "{method}"
        );
        let line = format!("{method} /");
        assert_eq!(app.last_request().request_line(), line);
    }
}

#[test]
fn internal_paths_of_the_backend_do_not_exist_for_the_public() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    let asked = app.backend_calls().len();
    for path in [
        "/__sidgate__/authenticate",
        "/__sidgate__/introspect",
        "/__sidgate__/x",
        "/__sidgate__",
        "/__sidgate__;x/authenticate",
        "/__sidgate__;x=1;y/authenticate;z",
        "/__sidgate__;x",
    ] {
        let response = gateway.send(&Request::post(path).sid(&sid).body("{}"));
        assert_eq!(response.problem(404), "not_found", "{path}");
    }
    assert!(app.requests().is_empty());
    assert_eq!(app.backend_calls().len(), asked, "the app heard of none");
}
