//! What the line of a request says, where it goes, and what it never says.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rustix::process::Signal;
use serde_json::{Value, json};
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage};

const ALL: &str = "[access_log]\n\
    fields = [\"request_id\", \"method\", \"path\", \"host\", \"protocol\", \"tls\", \"route\", \"outcome\", \"status\", \
    \"reason\", \"field\", \"session\", \"tier\", \"client\", \"user_agent\", \"upstream\", \"server\", \"first_byte_us\", \
    \"received\", \"bytes\", \"duration_us\"]\nheaders = [\"Accept\", \"X-Tag\", \"DNT\"]";

fn lines_in(text: &str) -> Vec<Value> {
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    lines
        .filter(|line: &Value| line["target"] == "sidgate::access")
        .collect()
}

fn only_line(gateway: &Gateway) -> Value {
    let lines = lines_in(&gateway.stdout());
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines[0].clone()
}

#[test]
fn every_field_can_be_had() {
    let mut stage = Stage::with([ALL]);
    stage.on("/answer", |_| Reply::new(200, &[], "twelve bytes"));
    let request = Request::post("/answer?secret=1")
        .header("User-Agent", "Mozilla/5.0 (\u{fc}X11) \"q\"")
        .header("X-Tag", "one")
        .header("X-Tag", "two")
        .header("Accept", "text/html")
        .body("1234567");
    stage.send(&request).must_be(200);
    stage.stop();
    let line = only_line(&stage);
    let server = stage.app.address().to_string();
    for (field, value) in [
        ("method", json!("POST")),
        ("path", json!("/answer")),
        ("host", json!(stage.host())),
        ("protocol", json!("http/1.1")),
        ("tls", Value::Null),
        ("route", json!("/")),
        ("status", json!(200)),
        ("client", json!("127.0.0.1")),
        ("user_agent", json!("Mozilla/5.0 (\\xc3\\xbcX11) \"q\"")),
        ("upstream", json!("app")),
        ("server", json!(server)),
        ("received", json!(7)),
        ("bytes", json!(12)),
        ("headers", json!({"accept": "text/html", "x-tag": "one"})),
    ] {
        assert_eq!(line[field], value, "{field} in {line:#}");
    }
    let first = line["first_byte_us"].as_u64().expect("a time");
    assert!(first <= line["duration_us"].as_u64().unwrap(), "{line:#}");
    assert!(!stage.stdout().contains("secret=1"));
}

#[test]
fn a_line_says_what_is_asked_for_and_no_more() {
    let mut stage = Stage::with(["[access_log]\nfields = [\"status\", \"path\"]"]);
    stage.get("/page").must_be(200);
    stage.stop();
    let line = only_line(&stage);
    let mut names: Vec<_> = line.as_object().unwrap().keys().cloned().collect();
    names.sort();
    assert_eq!(
        names,
        ["level", "message", "path", "status", "target", "timestamp"]
    );
}

#[test]
fn usual_lines_name_the_server_and_the_bytes_and_repeat_no_header() {
    let mut stage = Stage::start();
    stage.get("/page").must_be(200);
    stage.get("/required").must_be(401);
    stage.stop();
    let lines = lines_in(&stage.stdout());
    let [served, refused] = lines.as_slice() else {
        panic!("{lines:#?}")
    };
    assert_eq!(served["server"], json!(stage.app.address().to_string()));
    assert_eq!(served["bytes"], json!("from the app".len()));
    assert!(served["first_byte_us"].is_u64(), "{served:#}");
    for absent in ["user_agent", "protocol", "headers", "received"] {
        assert_eq!(served[absent], Value::Null, "{served:#}");
    }
    assert_eq!(refused["server"], Value::Null, "no app was asked");
    assert_eq!(refused["first_byte_us"], Value::Null);
}

/// An attacker who puts a sid or a token into a field that is logged.
#[test]
fn secrets_in_logged_headers_are_masked() {
    let (mut stage, sid) = Stage::with([ALL]).and_alice();
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
    let request = Request::get("/page")
        .header("User-Agent", &format!("agent/1 {sid} end"))
        .header("X-Tag", &format!("a {token}"))
        .header("DNT", &"z".repeat(5_000));
    stage.send(&request).must_be(200);
    stage.stop();
    let lines = lines_in(&stage.stdout());
    let line = lines.iter().find(|line| line["path"] == "/page").unwrap();
    assert_eq!(line["user_agent"], "agent/1 *** end");
    assert_eq!(line["headers"]["x-tag"], "a ***");
    let long = line["headers"]["dnt"].as_str().unwrap();
    assert!(long.len() <= 256, "{long}");
    assert!(!stage.stdout().contains(token));
}

#[test]
fn headers_that_carry_secrets_are_faults() {
    let place = tempfile::TempDir::new().unwrap();
    for name in [
        "Cookie",
        "Set-Cookie",
        "Authorization",
        "Proxy-Authorization",
        "X-Session-Assertion",
        "X-CSRFToken",
        "X-XSRF-TOKEN",
        "X-Api-Key",
        "Sec-WebSocket-Key",
        "Referer",
        "X-Original-URL",
    ] {
        let text = format!(
            "[access_log]\nheaders = [{name:?}]\n[backend]\nupstream = \"a\"\n[upstreams.a]\nservers = [\"127.0.0.1:1\"]\n\
             [[routes]]\npath = \"/\"\nupstream = \"a\"\n"
        );
        fs::write(place.path().join("sidgate.toml"), text).unwrap();
        let outcome = sidgate(place.path(), &["check", "--config", "sidgate.toml"]);
        assert_eq!(outcome.code, Some(78), "{name}: {outcome:?}");
        assert!(
            outcome
                .output()
                .contains("access_log.headers[0] (line 2): "),
            "{outcome:?}"
        );
    }
}

/// As logrotate does it: the file is moved away, and a signal sent.
#[test]
fn lines_have_a_file_of_their_own_that_is_begun_anew() {
    let mut stage = Stage::with(["[access_log]\nfile = \"access.jsonl\""]);
    let file = stage.folder().join("access.jsonl");
    let moved = stage.folder().join("access.jsonl.1");
    let lines = |path| lines_in(&fs::read_to_string(path).unwrap_or_default());
    stage.get("/one").must_be(200);
    until_true("the first line", LONG, || lines(&file).len() == 1);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "for its owner alone");

    fs::rename(&file, &moved).unwrap();
    stage.get("/two").must_be(200);
    until_true("the second line, in the old file", LONG, || {
        lines(&moved).len() == 2
    });
    stage.signal(Signal::USR1);
    until_true("a new file", LONG, || file.exists());
    stage.get("/three").must_be(200);
    until_true("the third line", LONG, || lines(&file).len() == 1);

    stage.reconfigure(|_, text| text.replace("access.jsonl", ""));
    stage
        .send_to_admin(&Request::post("/api/admin/reload"))
        .must_be(200);
    stage.get("/four").must_be(200);
    stage.stop();
    assert_eq!(lines(&moved).len(), 2);
    assert_eq!(lines(&file).len(), 1);
    assert_eq!(lines_in(&stage.stdout()).len(), 1);
    assert_eq!(lines_in(&stage.stdout())[0]["path"], "/four");
}

#[test]
fn a_file_that_cannot_be_opened_keeps_the_old_configuration() {
    let stage = Stage::with(["[access_log]\nfile = \"access.jsonl\""]);
    fs::create_dir(stage.folder().join("folder")).unwrap();
    stage.reconfigure(|_, text| text.replace("access.jsonl", "folder"));
    let said = stage
        .send_to_admin(&Request::post("/api/admin/reload"))
        .text();
    assert!(said.contains("access_log.file: cannot be opened"), "{said}");
    stage.get("/page").must_be(200);
    let file = stage.folder().join("access.jsonl");
    until_true("its line", LONG, || {
        !fs::read_to_string(&file).unwrap_or_default().is_empty()
    });
}

#[test]
fn apps_and_routes_are_measured() {
    let stage = Stage::start();
    stage.on("/answer", |_| Reply::new(200, &[], "twelve bytes"));
    let count = || stage.sum("sidgate_upstream_seconds_count", &[("upstream", "app")]);
    assert_eq!(count(), 0.0);
    stage
        .send(&Request::post("/answer").body("1234567"))
        .must_be(200);
    stage.get("/required").must_be(401);
    assert_eq!(count(), 1.0, "an answer of our own is none of the app's");
    let bytes = |name, route| stage.sum(name, &[("route", route)]);
    assert_eq!(bytes("sidgate_sent_bytes_total", "/"), 12.0);
    assert_eq!(bytes("sidgate_received_bytes_total", "/"), 7.0);
    assert!(bytes("sidgate_sent_bytes_total", "/required") > 0.0);
}
