//! What the log says when the backend does not judge a login, when an app's event is not believed, and when the webhook
//! does not get through.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;

use serde_json::{Value, json};

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::port::free_port;
use sidgate_testkit::tls_receiver::TlsReceiver;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{Reply, Stage, login};

use crate::causes::lines;
use crate::risk::{FIREFOX, log_in, use_with};

/// Stands in what is sent and configured, and never in a log.
const SECRET: &str = "s3cret-of-the-app";

fn page(status: u16) -> Reply {
    let headers = [("Content-Type", "text/html; charset=utf-8")];
    Reply::new(status, &headers, &format!("<p>{SECRET}</p>"))
}

fn typed(status: u16, kind: &str, body: &str) -> Reply {
    Reply::new(status, &[("Content-Type", kind)], body)
}

/// The cause in the newest line about a login.
fn cause(stage: &Stage, before: usize) -> String {
    let line = until("the line", LONG, || {
        let lines = lines(stage, "login not possible");
        (lines.len() > before).then(|| lines.last().cloned())?
    });
    assert_eq!(line["upstream"], "app");
    assert_eq!(line["call"], "authenticate");
    assert!(line["request_id"].is_string(), "{line:#}");
    line["cause"].as_str().expect("a cause").to_owned()
}

#[test]
fn an_answer_of_the_backend_that_counts_for_nothing_is_told() {
    let stage = Stage::start();
    let identity = |identity: Value| Reply::json(200, &identity);
    let user = json!({"id": "7"});
    let cases = [
        (page(500), "the answer (500) is HTML instead of JSON"),
        (page(200), "the answer (200) is HTML instead of JSON"),
        (
            typed(404, "text/plain", SECRET),
            "the answer (404: does the app answer below /__sidgate__/?) is of another type than JSON",
        ),
        (
            Reply::new(200, &[], SECRET),
            "the answer (200) has no Content-Type, where application/json must stand",
        ),
        (
            Reply::new(302, &[("Location", "https://s3cret-of-the-app/")], ""),
            "the answer is a redirect (302), which is not followed",
        ),
        (
            typed(418, "application/json", "{}"),
            "the status of the answer is 418",
        ),
        (
            typed(200, "application/json", &format!("{{\"a\": \"{SECRET}\"")),
            "the answer is not valid JSON (line 1, column 25)",
        ),
        (
            typed(200, "application/json", &"x".repeat(70_000)),
            "the answer has more than 65536 bytes",
        ),
        (
            Reply::json(401, &json!({"code": SECRET})),
            "the answer refuses with 401, and its code is none that the protocol has for that",
        ),
        (
            identity(json!({"user": {"id": 7, "name": SECRET}})),
            "identity.user.id must be a string",
        ),
        (
            identity(json!({"user": {"name": SECRET}})),
            "identity.user.id is missing",
        ),
        (
            identity(json!({"user": user, "tenant": SECRET})),
            "identity.tenant is not a documented member",
        ),
        (
            identity(json!({"user": user, "attributes": SECRET})),
            "identity.attributes must be an object",
        ),
        (
            identity(json!({"user": user, "tenant_id": "s3cret of the app"})),
            "identity.tenant_id must be 1 to 128 visible ASCII characters",
        ),
        (
            identity(json!({"user": {"id": "7", "bio": SECRET.repeat(1_000)}})),
            "identity has more than 16384 bytes of JSON",
        ),
        (Reply::Silence, "no answer within backend.timeout (1s)"),
    ];
    for (number, (reply, why)) in cases.into_iter().enumerate() {
        stage.app.on_authenticate(reply);
        stage.send(&login("bob@example.com", PASSWORD)).must_be(503);
        assert_eq!(cause(&stage, number), why);
    }
    let output = stage.output();
    assert!(!output.contains("s3cret"), "{output}");
    assert!(!output.contains(PASSWORD));
}

#[test]
fn a_backend_that_breaks_off_or_speaks_something_else_is_told() {
    let stage = Stage::start();
    stage.app.on_authenticate(Reply::hang_up());
    stage.send(&login("bob@example.com", PASSWORD)).must_be(503);
    let closed = cause(&stage, 0);
    assert!(closed.starts_with("no complete answer: "), "{closed}");

    let other = format!("SSH-2.0-{SECRET}\r\n\r\n");
    stage.app.on_authenticate(Reply::Last(other.into_bytes()));
    stage.send(&login("bob@example.com", PASSWORD)).must_be(503);
    let odd = cause(&stage, 1);
    assert!(odd.starts_with("no complete answer: "), "{odd}");
    assert!(!stage.output().contains(SECRET));
}

#[test]
fn a_backend_that_is_away_is_told_with_its_server() {
    let away = free_port();
    let server = format!("127.0.0.1:{away}");
    let stage = Stage::with([format!("[upstreams.app]\nservers = [\"{server}\"]").as_str()]);

    stage.send(&login("bob@example.com", PASSWORD)).must_be(503);

    assert_eq!(cause(&stage, 0), "no connection: connection refused");
    assert_eq!(lines(&stage, "login not possible")[0]["server"], server);
}

#[test]
fn the_member_of_an_event_that_is_wrong_is_told() {
    let (stage, sid) = Stage::start().and_alice();
    let wrong = [
        (
            json!([{"type": "login", "identity": {"user": {"id": 7, "name": SECRET}}}]),
            "ev[0].identity.user.id must be a string",
        ),
        (
            json!([{"type": "rotate"}, {"type": "update", "identity": {"users": SECRET}}]),
            "ev[1].identity.users is not a documented member",
        ),
        (
            json!([{"type": "logout", "scope": SECRET}]),
            "ev[0].scope must be \"this\", \"others\" or \"all\"",
        ),
    ];
    for (number, (events, why)) in wrong.into_iter().enumerate() {
        stage.says("/event", events);
        stage.get_as(&sid, "/event").must_be(200);
        let line = until("the line", LONG, || {
            let lines = lines(&stage, "session event refused");
            lines.get(number).cloned()
        });
        assert_eq!(line["upstream"], "app");
        assert_eq!(line["cause"], why);
    }
    assert!(!stage.output().contains(SECRET));
    assert!(stage.knows(&sid));
}

/// What the log says of a message that does not get through to this URL.
fn undelivered(url: &str) -> String {
    let stage = Stage::with([
        &format!(
            "[risk]\nwebhook_url = \"{url}/{SECRET}\"\nwebhook_secret = \"file:master.key\"\nwebhook_timeout = \"1s\"\n"
        ),
        "[risk.rules]\nuser_agent.action = \"notify\"\n",
    ]);
    let sid = log_in(&stage, "alice@example.com");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    let line = until("the line", LONG, || {
        lines(&stage, "webhook not delivered").pop()
    });
    let output = stage.output();
    assert!(!output.contains(SECRET), "{output}");
    line["cause"].as_str().expect("a cause").to_owned()
}

/// A server that speaks first, and something else.
fn without_tls() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    // Ends with the process of the test, which is the test's own.
    thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _gone = socket.write_all(b"220 mail.test ESMTP\r\n");
            let _gone = socket.read(&mut [0; 4096]);
        }
    });
    address
}

#[test]
fn a_webhook_that_does_not_get_through_is_told() {
    let busy = RecordingUpstream::start(|_| Reply::new(500, &[], SECRET));
    let cause = undelivered(&format!("http://{}", busy.address()));
    assert_eq!(cause, "the receiver answers 500");

    let silent = RecordingUpstream::start(|_| Reply::Silence);
    let cause = undelivered(&format!("http://{}", silent.address()));
    assert_eq!(cause, "no answer within risk.webhook_timeout (1s)");

    let cause = undelivered(&format!("http://127.0.0.1:{}", free_port()));
    assert_eq!(cause, "no connection: connection refused");

    let private = TlsReceiver::start();
    let cause = undelivered(&format!("https://localhost:{}", private.port()));
    assert!(cause.starts_with("no connection: TLS: "), "{cause}");
    assert!(
        cause.contains("unknown authority; see risk.webhook_ca"),
        "{cause}"
    );

    let cause = undelivered(&format!("https://{}", without_tls()));
    let expected = "no connection: TLS: the server does not speak TLS on this port";
    assert_eq!(cause, expected);
}

#[test]
fn a_webhook_whose_name_does_not_resolve_is_told() {
    let cause = undelivered("http://gone.invalid");
    let expected = ["does not resolve", "webhook_timeout"];
    assert!(
        expected.iter().any(|words| cause.contains(words)),
        "{cause}"
    );
}
