//! What lines say of requests that make no sense, that come in floods, or that are cut off.

use serde_json::{Value, json};

use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Request, Response, Stage};

use super::refusals::{access_lines, lines_of};

/// Method and target of requests that are refused, and how the lines tell them. `SID` is a session id, `ESC` the same with
/// every byte escaped, `JWT` a token, `165` stands for 495 bytes and `400` for 1,200.
const TOLD: &str = "
    GET /app//SID                    | GET /app//***
    GET /app//ESC                    | GET /app//***
    GET /app//x=SID;y                | GET /app//***
    GET /app//JWT?JWT                | GET /app//***
    GET /{165}SID//                  | GET /{165}***//
    GET /app//{400}                  | GET /app//{400}
    GET http://HOST/app/x?y          | GET http://HOST/app/x
    GET *                            | GET *
    PURGE /app/x                     | PURGE /app/x
    XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX /app/x | *** /app/x
    GET /caf\u{e9}                   | GET /caf\\xc3\\xa9
";

const JWT: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLW9mLTI";

/// Targets and methods that make no sense, and secrets wherever a client may put one.
#[test]
fn what_was_read_is_told_and_secrets_are_masked() {
    let (mut stage, sid) = Stage::start().and_alice();
    let escaped: String = sid.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let text = TOLD
        .replace("SID", &sid)
        .replace("ESC", &escaped)
        .replace("JWT", JWT)
        .replace("HOST", &stage.host());
    let text = text
        .replace("{165}", &"ab/".repeat(165))
        .replace("{400}", &"ab/".repeat(400));
    let cases = text.lines().filter_map(|line| line.trim().split_once('|'));
    let sent: Vec<(Response, &str)> = cases
        .map(|(request, told)| {
            let (method, target) = request.trim().split_once(' ').unwrap();
            let request = Request::new(method, target);
            (
                stage.send_refused(&request.bytes(&stage.host())),
                told.trim(),
            )
        })
        .collect();
    let odd_name = format!("X_{}", sid.replace('-', "_"));
    let named = stage.send(&Request::get("/app/x").header(&odd_name, "1"));
    let host = format!("{sid}.evil.test");
    let hosted = stage.send(&Request::get("/app/x").header("Host", &host));
    stage.stop();

    for (response, told) in &sent {
        let (access, event) = lines_of(&stage, response);
        let (method, path) = told.split_once(' ').unwrap();
        let path = &path[..path.len().min(512)];
        for line in [access, event.expect("an event")] {
            assert_eq!(
                (&line["method"], &line["path"]),
                (&json!(method), &json!(path))
            );
        }
    }
    assert_eq!(lines_of(&stage, &hosted).0["host"], "***.evil.test");
    assert_eq!(lines_of(&stage, &named).0["field"], "***");
    let output = stage.output();
    for secret in [&*sid, JWT, &escaped, &sid[..20]] {
        assert!(!output.contains(secret), "{secret}");
    }
}

#[test]
fn a_flood_of_refusals_is_told_as_a_number_and_each_has_its_access_line() {
    const FLOOD: usize = 450;

    let mut stage = Stage::start();
    let bad = Request::get("/app//x").bytes(&stage.host());
    for _ in 0..FLOOD {
        let mut connection = stage.connect();
        connection.write(&bad);
        assert_eq!(connection.read(false).status, 400);
    }
    let of = |events: &[Value], kind: &str| {
        let of_kind = events.iter().filter(|event| event["event"] == kind);
        of_kind.cloned().collect::<Vec<_>>()
    };
    let labels = [("event", "refused")];
    let left_out = stage.sum("sidgate_security_events_left_out_total", &labels);
    assert!(left_out > 0.0);
    until_true("the number", LONG, || {
        let events = stage.security_events();
        let told = of(&events, "left_out");
        let told: u64 = told
            .iter()
            .filter_map(|event| event["left_out"].as_u64())
            .sum();
        let written = of(&events, "refused").len();
        usize::try_from(told).unwrap() + written == FLOOD
    });
    stage.stop();
    let events = stage.security_events();
    for event in of(&events, "left_out") {
        assert_eq!(
            (&event["reason"], &event["actor"]),
            (&json!("refused"), &json!("client"))
        );
    }
    let lines = access_lines(&stage);
    let refused = lines.iter().filter(|line| line["outcome"] == "target");
    assert_eq!(refused.count(), FLOOD);
}

/// The app hangs up on a stream, a session ends: the line says which request it was.
#[test]
fn a_request_that_is_cut_is_told_with_its_path() {
    let (mut stage, sid) = Stage::start().and_alice();
    let mut connection = stage.connect();
    let events = Request::get("/api/auth/events").sid(&sid);
    connection.write(&events.bytes(&stage.host()));
    connection.read(true);
    stage.log_out(&sid);
    drop(connection);
    stage.stop();
    let lines = access_lines(&stage);
    let line = lines.iter().find(|line| line["route"] == "endpoint:events");
    let line = line.unwrap_or_else(|| panic!("{lines:#?}"));
    assert_eq!(
        (&line["method"], &line["path"]),
        (&json!("GET"), &json!("/api/auth/events"))
    );
}
