//! A refused request can be found: what its answer, its access line and its security event say, to the byte, and what they
//! do not say.

use serde_json::{Value, json};

use sidgate_testkit::app::{NAME, PASSWORD};
use sidgate_testkit::{Gateway, Request, Response, SESSION, Stage, h2, login};

/// What a line says beside what every line says.
fn said(line: &Value, names: &[&str]) -> Value {
    let found = names.iter().filter(|name| !line[**name].is_null());
    found
        .map(|name| ((*name).to_owned(), line[*name].clone()))
        .collect()
}

const ACCESS: [&str; 8] = [
    "method", "path", "host", "route", "outcome", "status", "reason", "field",
];

const EVENT: [&str; 6] = ["event", "method", "path", "host", "reason", "field"];

/// The access lines so far.
pub(crate) fn access_lines(gateway: &Gateway) -> Vec<Value> {
    let lines = gateway.stdout();
    let lines = lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["target"] == "sidgate::access")
        .collect()
}

/// The access line and the security event of the request that got this answer.
pub(crate) fn lines_of(stage: &Stage, response: &Response) -> (Value, Option<Value>) {
    let id = response.header("x-request-id").expect("an id");
    let access: Vec<_> = access_lines(stage)
        .into_iter()
        .filter(|line| line["request_id"] == id)
        .collect();
    let events: Vec<_> = stage
        .security_events()
        .into_iter()
        .filter(|event| event["request_id"] == id)
        .collect();
    assert!(
        access.len() == 1 && events.len() <= 1,
        "{access:?} {events:?}"
    );
    (access[0].clone(), events.first().cloned())
}

#[test]
fn a_host_that_is_not_served_is_told_with_what_was_asked_of_it() {
    let mut stage = Stage::start();
    let request = Request::get("/app/x?token=secret").header("Host", "old-name.example.com:8080");
    let response = stage.send(&request);
    assert_eq!(response.problem(421), "host_unknown");
    let problem = response.json();
    assert_eq!(problem["reason"], "host_unknown");
    assert_eq!(problem["field"], "host");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("server.hosts"), "{detail}");
    assert!(!response.text().contains(&stage.host()), "no list of hosts");
    stage.stop();

    let (access, event) = lines_of(&stage, &response);
    assert_eq!(
        said(&access, &ACCESS),
        json!({"method": "GET", "path": "/app/x", "host": "old-name.example.com:8080", "route": "edge",
            "outcome": "host_unknown", "status": 421, "reason": "host_unknown", "field": "host"})
    );
    assert_eq!(
        said(&event.unwrap(), &EVENT),
        json!({"event": "refused", "method": "GET", "path": "/app/x", "host": "old-name.example.com:8080",
            "reason": "host_unknown", "field": "host"})
    );
}

/// Requests, and what they are refused for: status, code, reason and field. `LONG` is 7,000 bytes.
const CLASSES: &str = "
    GET /app//x                                                   | 400 target target_empty_segment
    GET /app/%2e%2e/x                                             | 400 target target_escape_forbidden
    GET /app/x        | Host: evil.test                           | 421 host_unknown host_unknown host
    GET /app/x        | Host: a b                                 | 400 headers host_malformed host
    GET /app/x        | X_Device_Id: 1                            | 400 headers header_name x_device_id
    GET /app/x        | Connection: Cookie                        | 400 headers connection connection
    GET /app/x        | Expect: x                                 | 400 headers expect expect
    GET /app/x        | Cookie: sid=a; sid=                       | 400 cookies sid_repeated sid
    GET /app/x        | Cookie: a=LONG                            | 431 cookies cookie_bytes cookie
    TRACE /app/x                                                  | 405 method_not_allowed method
    POST /app/x       | Content-Length: 1001                      | 413 too_large body_too_large content-length
    GET /app/x        | X-Large: LONGLONG                         | 431 headers_too_large header_bytes x-large
    GET /app/x?LONGLONG                                           | 414 uri_too_long target_too_long
    POST /app/x       | Transfer-Encoding: gzip, chunked          | 501 not_implemented transfer_coding transfer-encoding
    POST /app/x       | Content-Length: 01                        | 400 bad_request content_length content-length
";

#[test]
fn each_class_has_its_code_and_names_the_field() {
    let edge = "[edge]\nmax_body_bytes = 1000\nmax_header_bytes = 9000\nmax_cookie_bytes = 3000";
    let stage = Stage::with([edge]);
    let text = CLASSES.replace("LONG", &"v".repeat(7_000));
    for case in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut parts = case.split(" | ").map(str::trim);
        let (method, target) = parts.next().unwrap().split_once(' ').unwrap();
        let (field, wanted) = match (parts.next().unwrap(), parts.next()) {
            (field, Some(wanted)) => (Some(field), wanted),
            (wanted, None) => (None, wanted),
        };
        let mut request = Request::new(method, target);
        if let Some((name, value)) = field.and_then(|field| field.split_once(": ")) {
            request = request.header(name, value);
        }
        is_refused(&stage, &request, wanted);
    }
    assert!(stage.app.requests().is_empty());
}

/// Sends a request that is refused as `wanted` says.
fn is_refused(stage: &Stage, request: &Request, wanted: &str) {
    let response = stage.send_refused(&request.bytes(&stage.host()));
    let wanted: Vec<_> = wanted.split(' ').collect();
    let (status, code, reason) = (wanted[0].parse().unwrap(), wanted[1], wanted[2]);
    assert_eq!(response.problem(status), code, "{request:?}");
    let problem = response.json();
    assert_eq!(problem["reason"], reason, "{request:?}");
    assert_eq!(
        problem["field"].as_str(),
        wanted.get(3).copied(),
        "{request:?}"
    );
    assert!(
        problem["detail"]
            .as_str()
            .is_some_and(|detail| detail.len() > 20)
    );
    let allows = response.header("allow");
    assert_eq!(
        allows.is_some_and(|allow| allow.contains("DELETE")),
        status == 405
    );
    assert!(stage.sum("sidgate_refused_total", &[("reason", reason)]) > 0.0);
}

#[test]
fn the_same_is_told_over_http2() {
    let mut stage = Stage::start();
    let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
    let fields = [
        field(":method", "GET"),
        field(":scheme", "http"),
        field(":authority", "evil.test"),
        field(":path", "/app/x?y=1"),
    ];
    assert_eq!(h2::send(stage.address(), &fields, None).status(), 421);
    stage.stop();
    let lines = access_lines(&stage);
    assert_eq!(
        said(&lines[0], &ACCESS),
        json!({"method": "GET", "path": "/app/x", "host": "evil.test", "route": "edge",
            "outcome": "host_unknown", "status": 421, "reason": "host_unknown", "field": "host"})
    );
}

#[test]
fn a_request_of_another_site_names_the_header_that_decided() {
    let config = format!(
        "[[routes]]\npath = \"/checked\"\nupstream = \"{NAME}\"\nsession = \"optional\"\ncsrf = \"check\""
    );
    let mut stage = Stage::with([&config]);
    let from = |fields: &[(&str, &str)]| {
        let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
        [
            fields
                .iter()
                .fold(login("alice@example.com", PASSWORD), add),
            fields.iter().fold(Request::post("/checked/x?y=1"), add),
        ]
    };
    let cases = [
        (
            from(&[("Sec-Fetch-Site", "cross-site")]),
            "fetch_site",
            "sec-fetch-site",
        ),
        (from(&[("Origin", "https://evil.test")]), "origin", "origin"),
        (
            from(&[("Sec-Fetch-Mode", "cors")]),
            "incomplete",
            "sec-fetch-mode",
        ),
    ];
    let mut answers = Vec::new();
    for (requests, reason, field) in cases {
        for request in requests {
            let response = stage.send(&request);
            assert_eq!(response.problem(403), "cross_site");
            let problem = response.json();
            assert_eq!(
                (&problem["reason"], &problem["field"]),
                (&json!(reason), &json!(field))
            );
            if reason == "incomplete" {
                let detail = problem["detail"].as_str().unwrap();
                assert!(
                    detail.contains("fetch() in Node") && detail.contains("Origin"),
                    "{detail}"
                );
            }
            answers.push((response, reason, field));
        }
    }
    // What the detail advises.
    let advised = login("alice@example.com", PASSWORD)
        .header("Sec-Fetch-Mode", "cors")
        .header("Origin", &stage.origin());
    assert_eq!(stage.send(&advised).status, 201);
    stage.stop();

    for (response, reason, field) in answers {
        let (access, event) = lines_of(&stage, &response);
        let event = event.expect("an event");
        assert_eq!(
            (&access["reason"], &access["field"]),
            (&json!(reason), &json!(field))
        );
        assert_eq!(
            (&event["event"], &event["field"]),
            (&json!("cross_site"), &json!(field))
        );
        assert!(
            event["path"] == SESSION || event["path"] == "/checked/x",
            "{event}"
        );
        assert_eq!(event["method"], "POST");
    }
}

#[test]
fn names_of_the_gateway_are_told_by_name() {
    let mut stage = Stage::start();
    let request = Request::get("/app/x").header("X-Session-User-Id", "root");
    let response = stage.send(&request.header("X-Remote-User", "root"));
    stage.stop();
    let id = response.header("x-request-id").unwrap();
    let mut told: Vec<_> = stage
        .security_events()
        .into_iter()
        .filter(|event| event["request_id"] == id)
        .map(|event| said(&event, &EVENT))
        .collect();
    told.sort_by_key(ToString::to_string);
    let host = stage.host();
    let about = |reason: &str, field: &str| json!({"event": "spoof", "method": "GET", "path": "/app/x", "host": host, "reason": reason, "field": field});
    assert_eq!(
        told,
        [
            about("remote_user", "x-remote-user"),
            about("identity", "x-session-user-id")
        ]
    );
}
