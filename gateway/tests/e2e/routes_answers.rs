//! What a route says about waits, bodies, lines in the log and fields of answers.

use serde_json::Value;

use sidgate_testkit::app::NAME;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Response, Stage};

/// An open route with these keys.
fn route(path: &str, keys: &str) -> String {
    format!("[[routes]]\npath = {path:?}\nupstream = \"{NAME}\"\nsession = \"none\"\n{keys}\n")
}

#[test]
fn a_route_waits_for_its_app_as_long_as_it_says() {
    let stage = Stage::with([
        &format!("[upstreams.{NAME}]\nread_timeout = \"10m\""),
        &route("/quick", "read_timeout = \"200ms\""),
    ]);
    stage.on("/quick", |_| Reply::Silence);
    assert_eq!(stage.get("/quick").problem(504), "gateway_timeout");
}

#[test]
fn a_route_may_take_larger_and_smaller_bodies_than_others() {
    let stage = Stage::with([
        "[edge]\nmax_body_bytes = 1000",
        &route("/upload", "max_body_bytes = \"1KiB\""),
        &route("/small", "max_body_bytes = 10"),
    ]);
    let post = |path: &str, bytes: usize| stage.send(&Request::post(path).body(vec![b'x'; bytes]));
    let chunked = |path: &str, bytes: usize| {
        let body = format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "x".repeat(bytes));
        let request = Request::post(path).header("Transfer-Encoding", "chunked");
        stage.send(&request.body(body))
    };
    for (path, most) in [("/upload", 1024), ("/small", 10), ("/none", 1000)] {
        assert_eq!(post(path, most).status, 200, "{path}");
        assert_eq!(stage.app.last_request().body.len(), most);
        let refused = post(path, most + 1);
        assert_eq!(refused.problem(413), "too_large", "{path}");
        assert_eq!(chunked(path, most).status, 200, "{path}");
        assert_eq!(chunked(path, most + 1).status, 413, "{path}");
    }
    // What is no route has the limit of all.
    let login = stage.send(&Request::post("/api/auth/session-v2").body(vec![b'x'; 1001]));
    assert_eq!(login.status, 413);
    let counted = stage.sum("sidgate_refused_total", &[("reason", "body_too_large")]);
    assert_eq!(counted, 7.0);
}

/// The access lines of paths below `/logs`.
fn lines(gateway: &Gateway) -> Vec<(String, u64)> {
    let output = gateway.stdout();
    let lines = output
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "sidgate::access")
        .filter_map(|line| {
            let path = line["path"]
                .as_str()
                .filter(|path| path.starts_with("/logs"))?;
            Some((path.to_owned(), line["status"].as_u64()?))
        })
        .collect()
}

#[test]
fn a_route_says_which_of_its_requests_are_logged() {
    let mut stage = Stage::with([
        &route("/logs/errors", "log = \"errors\""),
        &route("/logs/none", "log = \"none\"\nmethods = [\"GET\"]"),
        &route("/logs/all", ""),
    ]);
    for path in ["/logs/errors", "/logs/none", "/logs/all"] {
        stage.on(&format!("{path}/missing"), |_| Reply::new(404, &[], ""));
        stage.on(&format!("{path}/broken"), |_| {
            Reply::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec())
        });
        stage.get(path);
        stage.get(&format!("{path}/missing"));
        let mut connection = stage.connect();
        connection.write(&Request::get(&format!("{path}/broken")).bytes(&stage.host()));
        connection.read_to_end();
    }
    stage.send(&Request::post("/logs/none/x")).must_be(405);
    let counted = |route: &str| stage.sum("sidgate_requests_total", &[("route", route)]);
    until_true("all to be over", LONG, || {
        counted("/logs/errors") == 3.0
            && counted("/logs/none") == 4.0
            && counted("/logs/all") == 3.0
    });
    stage.stop();

    let mut lines = lines(&stage);
    lines.sort();
    let expected = [
        ("/logs/all", 200),
        ("/logs/all/broken", 200),
        ("/logs/all/missing", 404),
        ("/logs/errors/broken", 200),
        ("/logs/errors/missing", 404),
    ];
    assert_eq!(
        lines,
        expected.map(|(path, status)| (path.to_owned(), status))
    );
}

#[test]
fn fields_are_added_where_the_app_says_nothing() {
    let (stage, sid) = Stage::with([&format!(
        "[[routes]]\npath = \"/app\"\nupstream = \"{NAME}\"\nsession = \"optional\"\n\
         response_headers = {{ \"X-Frame-Options\" = \"DENY\", Cache-Control = \"public, max-age=60\", Vary = \"Accept\" }}\n"
    )])
    .and_alice();
    stage.on("/app/own", |_| {
        let own = [
            ("x-frame-options", "SAMEORIGIN"),
            ("Cache-Control", "no-cache"),
        ];
        Reply::new(200, &own, "")
    });
    stage.on("/app/cookie", |_| {
        Reply::new(200, &[("Set-Cookie", "a=b")], "")
    });
    let header = |response: &Response, name: &str| response.all(name).join("|");

    let silent = stage.get("/app");
    assert_eq!(header(&silent, "x-frame-options"), "DENY");
    assert_eq!(header(&silent, "cache-control"), "public, max-age=60");
    assert_eq!(header(&silent, "vary"), "Accept");
    let own = stage.get("/app/own");
    assert_eq!(header(&own, "x-frame-options"), "SAMEORIGIN");
    assert_eq!(header(&own, "cache-control"), "no-cache");
    let elsewhere = stage.get("/");
    assert_eq!(header(&elsewhere, "x-frame-options"), "");
    // The rules about caches hold as if the app had said it.
    let cookie = stage.get("/app/cookie");
    assert_eq!(header(&cookie, "cache-control"), "private, no-store");
    let alice = stage.get_as(&sid, "/app");
    assert_eq!(header(&alice, "vary"), "Accept|Cookie");
}
