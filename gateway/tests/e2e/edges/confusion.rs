//! Method and path: what was judged is what the app gets.

use serde_json::Value;
use sidgate_testkit::Request;
use sidgate_testkit::edge::Edge;
use sidgate_testkit::upstream::Received;
use sidgate_testkit::wait::{LONG, until};

use super::spoofing::send_all;
use super::stage::Edged;
use crate::vectors::case::File;

/// The line of the question about the request that the app has received.
fn line(edged: &Edged, seen: &Received) -> Value {
    let id = seen.header("x-request-id").expect("an id");
    until("the line of a question", LONG, || {
        let output = edged.stage.stdout();
        let mut lines = output
            .lines()
            .filter(|line| line.contains(&id) && line.contains("\"via\""));
        lines.next().map(|line| serde_json::from_str(line).unwrap())
    })
}

fn check(edged: &Edged, seen: &Received) -> Result<(), String> {
    let line = line(edged, seen);
    let judged = format!(
        "{} {}",
        line["method"].as_str().unwrap(),
        line["path"].as_str().unwrap()
    );
    let request = seen.request_line();
    let got = request.split('?').next().unwrap();
    (judged == got)
        .then_some(())
        .ok_or(format!("judged {judged}, and the app got {got}"))
}

pub(super) fn targets_of_category_d(edge: Edge) {
    let file: File = toml::from_str(include_str!("../../vectors/d-targets.toml")).unwrap();
    let edged = Edged::with(edge, &file.config);
    let cases = file.cases.iter().filter(|case| case.h2.is_none());
    send_all(
        &edged,
        cases,
        |sent| edged.exchange(&sent.h1_bytes()),
        check,
    );
}

/// Of all upgrades an app gets that to a WebSocket alone: in other protocols it would be asked past the edge.
pub(super) fn other_upgrades(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    let before = edged.stage.app.requests().len();
    for protocols in [
        &["h2c"][..],
        &["HTTP/2.0"],
        &["TLS/1.0"],
        &["websocket, h2c"],
        &["h2c", "websocket"],
        &["websocket", "h2c"],
    ] {
        let request = Request::get("/required/x").sid(&sid);
        let upgrade = |request: Request, protocol: &&str| request.header("Upgrade", protocol);
        let request = protocols
            .iter()
            .fold(request, upgrade)
            .header("Connection", "Upgrade, HTTP2-Settings")
            .header("HTTP2-Settings", "AAMAAABkAAQAoAAAAAIAAAAA");
        edged.exchange(&request.bytes(&edged.stage.host()));
    }
    edged.get_as(&sid, "/required/y").must_be(200);
    for seen in edged.stage.app.requests().split_off(before) {
        assert_eq!(seen.user().unwrap(), "alice");
        let upgrade = seen.all("upgrade").join(",");
        let is_other = !upgrade.is_empty() && !upgrade.eq_ignore_ascii_case("websocket");
        assert!(!is_other, "{upgrade}");
        assert_eq!(seen.header("http2-settings").unwrap_or_default(), "");
    }
}

/// As many fields as a gateway admits may be more than an edge can ask about.
pub(super) fn many_fields(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    for number in [60, 78, 82, 90, 97, 101, 130] {
        let before = edged.stage.app.requests().len();
        let add = |request: Request, n| request.header(&format!("X-Field-{n}"), "1");
        let request = (0..number).fold(Request::get("/required/x").sid(&sid), add);
        edged.exchange(&request.bytes(&edged.stage.host()));
        let nobody = (0..number).fold(Request::get("/required/x"), add);
        edged.exchange(&nobody.bytes(&edged.stage.host()));
        for seen in edged.stage.app.requests().split_off(before) {
            assert_eq!(seen.user().unwrap(), "alice", "{number}");
        }
        // The edge lives on.
        edged.get_as(&sid, "/required/y").must_be(200);
    }
}

/// No field of a request leads to another service of the gateway.
pub(super) fn calls_of_grpc(edge: Edge) {
    let edged = Edged::start(edge);
    for kind in ["application/grpc", "application/grpc+proto"] {
        let request = Request::post("/required/x")
            .header("Content-Type", kind)
            .header("TE", "trailers")
            .header("Accept", "application/json");
        let answer = edged.send(&request);
        // Envoy tells it in words of gRPC.
        let in_grpc = answer.header("grpc-status").is_some_and(|told| told != "0");
        assert!(answer.status >= 400 || in_grpc, "{kind}: {answer:?}");
    }
    assert!(edged.stage.app.requests().is_empty());
}

pub(super) fn descriptions_of_the_client(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    for name in [
        "X-Original-URI",
        "X-Original-Method",
        "X-Original-URL",
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Rewrite-URL",
        "X-HTTP-Method-Override",
    ] {
        for value in ["/none", "OPTIONS"] {
            let before = edged.stage.app.requests().len();
            let request = Request::get("/required/x")
                .header(name, value)
                .header("Accept", "application/json");
            let answer = edged.send(&request);
            assert!(
                (400..500).contains(&answer.status),
                "{name}: {value}: {answer:?}"
            );
            assert_eq!(edged.stage.app.requests().len(), before, "{name}: {value}");
            // Whoever is somebody may not say so either.
            edged.send(&request.sid(&sid));
            for seen in edged.stage.app.requests().split_off(before) {
                check(&edged, &seen).unwrap();
                assert_eq!(seen.request_line(), "GET /required/x");
                assert_eq!(seen.header(name), None, "{value}");
            }
        }
    }
    // Who sent it and how is not the client's to say.
    let request = Request::get("/required/y")
        .sid(&sid)
        .header("X-Forwarded-For", "203.0.113.9")
        .header("X-Forwarded-Host", "evil.test")
        .header("X-Forwarded-Proto", "https");
    edged.send(&request).must_be(200);
    let seen = edged.stage.app.last_request();
    // Envoy takes an address of the machine in place of the loopback address.
    assert_ne!(line(&edged, &seen)["client"], "203.0.113.9");
    assert_eq!(seen.header("host").unwrap(), edged.stage.host());
    check(&edged, &seen).unwrap();
}
