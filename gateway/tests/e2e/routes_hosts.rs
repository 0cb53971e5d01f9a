//! Routes of hosts: the most specific group that has a route for the path decides.

use sidgate_testkit::app::NAME;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, Response, Stage};

/// Hosts that are accepted, and routes of three groups. Each group says who it is by what it asks for.
const HOSTS: &str = r#"
[server]
hosts = ["localhost", "a.example.com", "b.example.com", "x.b.example.com", "other.test"]
"#;

fn route(path: &str, hosts: &[&str], session: &str) -> String {
    // The login page is served by nobody here.
    let on_missing = match session {
        "required" => "on_missing = \"unauthorized\"",
        _ => "",
    };
    format!(
        "[[routes]]\npath = {path:?}\nhosts = {hosts:?}\nupstream = \"{NAME}\"\nsession = {session:?}\n{on_missing}\n"
    )
}

/// A page of a host: what the app was told of the session, or `closed`.
fn asked(stage: &Stage, host: &str, path: &str) -> String {
    let response: Response = stage.send(&Request::get(path).header("Host", host));
    match response.status {
        200 => stage.app.last_request().header("x-session-state").unwrap(),
        401 => "closed".to_owned(),
        status => status.to_string(),
    }
}

#[test]
fn the_most_specific_group_that_covers_the_path_decides() {
    let stage = Stage::with([
        HOSTS,
        &route("/", &["a.example.com"], "none"),
        &route("/", &["*.example.com"], "required"),
        &route("/deep/er", &["*.example.com"], "none"),
        &route("/none/x", &["b.example.com"], "required"),
    ]);
    for (host, path, expected) in [
        // The exact name, also where a route of a wider group is longer.
        ("a.example.com", "/", "none"),
        ("a.example.com", "/required", "none"),
        ("a.example.com", "/deep/er", "none"),
        ("A.EXAMPLE.com", "/", "none"),
        // The wildcard, and the exact name for one path.
        ("b.example.com", "/", "closed"),
        ("b.example.com", "/none/y", "closed"),
        ("b.example.com", "/deep/er/x", "none"),
        ("b.example.com", "/none/x/y", "closed"),
        // A wildcard stands for one label.
        ("x.b.example.com", "/", "anonymous"),
        ("x.b.example.com", "/none", "none"),
        ("other.test", "/", "anonymous"),
        ("other.test", "/required", "closed"),
        ("evil.example.com", "/", "421"),
    ] {
        assert_eq!(asked(&stage, host, path), expected, "{host}{path}");
    }
}

#[test]
fn metrics_and_lines_tell_routes_of_one_path_apart() {
    let stage = Stage::with([HOSTS, &route("/", &["a.example.com"], "none")]);
    let count = |route: &str| stage.sum("sidgate_requests_total", &[("route", route)]);
    let before = (count("/"), count("a.example.com/"));

    stage.send(&Request::get("/x").header("Host", "a.example.com"));
    stage.send(&Request::get("/x").header("Host", "other.test"));

    until_true("both to be counted", LONG, || {
        count("/") == before.0 + 1.0 && count("a.example.com/") == before.1 + 1.0
    });
    let sent = |route: &str| stage.sum("sidgate_sent_bytes_total", &[("route", route)]);
    until_true("what was sent to each", LONG, || {
        sent("/") > 0.0 && sent("/") == sent("a.example.com/")
    });
    until_true("the line", LONG, || {
        stage.stdout().contains("\"route\":\"a.example.com/\"")
    });
}

/// The name that an app is told, and by which a route is found, is the vetted one; nothing else names a host.
#[test]
fn no_other_header_chooses_the_group() {
    let stage = Stage::with([HOSTS, &route("/required", &["a.example.com"], "none")]);
    let forged = [
        ("X-Forwarded-Host", "a.example.com"),
        ("Forwarded", "host=a.example.com"),
        ("X-Host", "a.example.com"),
        ("X-Original-Host", "a.example.com"),
    ];
    for (name, value) in forged {
        let response = stage.send(&Request::get("/required").header(name, value));
        assert_eq!(response.status, 401, "{name}");
    }
    let open = stage.send(&Request::get("/required").header("Host", "a.example.com"));
    assert_eq!(open.status, 200);
    assert_eq!(stage.app.requests().len(), 1);
}

/// A path that is closed on one host must not be reached there by a spelling that leads to another host's route.
#[test]
fn second_spellings_are_judged_among_the_routes_of_the_host() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with(HOSTS)
        .with(&route("/@ops", &["a.example.com"], "required"))
        .start();
    let status = |host: &str, path: &str| {
        let request = Request::get(path).header("Host", host);
        gateway.send(&request).status
    };
    assert_eq!(status("a.example.com", "/@ops/x"), 401);
    assert_eq!(status("a.example.com", "/%40ops/x"), 400);
    assert_eq!(status("other.test", "/@ops/x"), 200);
    assert_eq!(status("other.test", "/%40ops/x"), 200);
}

#[test]
fn explain_names_the_route_of_the_host() {
    let stage = Stage::with([HOSTS, &route("/", &["a.example.com"], "required")]);
    let asked = Request::post("/api/admin/explain")
        .json(&serde_json::json!({"url": "http://a.example.com/page"}));
    let told = stage.send_to_admin(&asked).must_be(200).json();
    assert_eq!(told["status"], 401, "{told}");
    assert!(told.to_string().contains("routes[3].session"), "{told}");
}
