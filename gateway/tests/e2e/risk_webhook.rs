//! Whoever is to be told about signals: what arrives, what becomes of what does not, and what a receiver checks.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use sidgate_testkit::tls_receiver::{self, TlsReceiver};
use sidgate_testkit::upstream::{Received, RecordingUpstream};
use sidgate_testkit::wait::{LONG, unix_now, until_true};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

use crate::risk::{ANYWHERE, FIREFOX, log_in, use_with};

const SECRET: &str = "the secret of this webhook";

fn notified(gateway: &Gateway, result: &str) -> f64 {
    let labels = [("result", result)];
    gateway.sum("sidgate_risk_webhook_total", &labels)
}

/// `[risk]` with a webhook at this server.
fn webhook(server: &RecordingUpstream) -> String {
    let address = server.address();
    format!(
        "[risk]\nwebhook_url = \"http://{address}/hook\"\nwebhook_secret = \"${{WEBHOOK_SECRET}}\"\nwebhook_timeout = \"1s\"\n"
    )
}

/// A gateway that tells this webhook about another kind of browser.
fn notifying(webhook: &str) -> Stage {
    Stage::built(|it| {
        it.with(webhook)
            .with("[risk.rules]\nuser_agent.action = \"notify\"\n")
            .env("WEBHOOK_SECRET", SECRET)
    })
}

fn check_signature(received: &Received) -> Value {
    let header = received.header("x-sidgate-signature").unwrap();
    let (time, digest) = header.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    assert!((unix_now() - time.parse::<i64>().unwrap()).abs() <= 30);
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(time.as_bytes());
    mac.update(b".");
    mac.update(&received.body);
    let expected = mac.finalize().into_bytes();
    let expected: String = expected.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, expected);
    serde_json::from_slice(&received.body).unwrap()
}

#[test]
fn notify_is_signed_and_tried_again() {
    let tries = AtomicUsize::new(0);
    let server = RecordingUpstream::start(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(500, &[], "not now"),
        1 => Reply::hang_up(),
        _ => Reply::new(204, &[], ""),
    });
    let stage = notifying(&webhook(&server));
    let sid = log_in(&stage, "alice@example.com");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);

    let received = server.wait_for(3);

    let messages: Vec<Value> = received.iter().map(check_signature).collect();
    assert_eq!(messages[0], messages[1], "the same message");
    assert_eq!(messages[0], messages[2]);
    let message = &messages[0];
    assert_eq!(received[0].request_line(), "POST /hook");
    assert_eq!(
        (&message["rule"], &message["action"]),
        (&json!("user_agent"), &json!("notify"))
    );
    let request = Request::get("/api/auth/session-v2").sid(&sid);
    let view = stage.send(&request.header("User-Agent", FIREFOX)).json();
    assert_eq!(message["session"], view["session"]["id"]);
    assert_eq!(message["now"]["device"], "Firefox on Linux");
    assert_eq!(message["before"]["device"], "Chrome on macOS");
    assert_eq!(message["now"]["network"], "127.0.0.0");
    until_true("the count", LONG, || notified(&stage, "delivered") == 1.0);
    assert_eq!(notified(&stage, "retried"), 2.0);
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200, "the session lives");
    let output = stage.output();
    assert!(!output.contains(SECRET) && !output.contains(&sid));
}

#[test]
fn a_receiver_that_says_nothing_holds_up_nobody_and_fills_no_memory() {
    const CLIENTS: usize = 1_100;
    let server = RecordingUpstream::start(|_| Reply::Silence);
    let stage = Stage::built(|it| {
        it.with(&webhook(&server))
            .with(ANYWHERE)
            .with("[risk.rules]\nrefused_sids = { action = \"notify\", rate = \"1/h\" }\n")
            .env("WEBHOOK_SECRET", SECRET)
    });
    let mut connection = stage.connect();
    for n in 0..CLIENTS {
        let address = format!("10.{}.{}.1", n / 200, n % 200);
        let request = Request::get("/required")
            .sid("00000000-0000-0000-0000-000000000000")
            .header("X-Forwarded-For", &address);
        connection.write(&request.bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 401);
    }
    // One is being sent, 1,024 wait.
    let dropped = notified(&stage, "dropped");
    assert!((60.0..=76.0).contains(&dropped), "{dropped}");
}

/// One message is under way to a receiver that does not take it, another one waits: both are tried once more at the end.
#[test]
fn what_waits_at_a_stop_is_delivered() {
    let tries = AtomicUsize::new(0);
    let server = RecordingUpstream::start(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::new(500, &[], "not now"),
        1 => Reply::Silence,
        _ => Reply::new(204, &[], ""),
    });
    let mut stage = notifying(&webhook(&server).replace("\"1s\"", "\"30s\""));
    for email in ["alice@example.com", "bob@example.com"] {
        let sid = log_in(&stage, email);
        assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    }
    server.wait_for(2);

    stage.stop();

    let users: Vec<Value> = server.wait_for(4)[2..]
        .iter()
        .map(|received| check_signature(received)["user_id"].clone())
        .collect();
    assert_eq!(users, [json!("alice"), json!("bob")]);
}

/// A receiver of the company's own, with a certificate of the company's own authority.
#[test]
fn a_private_authority_is_believed_when_it_is_named_and_not_otherwise() {
    for is_named in [true, false] {
        let receiver = TlsReceiver::start();
        let ca = if is_named {
            format!("webhook_ca = {:?}\n", tls_receiver::authority())
        } else {
            String::new()
        };
        let url = format!("https://localhost:{}/hook", receiver.port());
        let stage = notifying(&format!(
            "[risk]\nwebhook_url = \"{url}\"\nwebhook_secret = \"${{WEBHOOK_SECRET}}\"\n{ca}"
        ));
        let sid = log_in(&stage, "alice@example.com");
        assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
        let result = if is_named { "delivered" } else { "retried" };
        until_true(result, LONG, || notified(&stage, result) > 0.0);

        let received = receiver.received();

        assert_eq!(
            received
                .iter()
                .any(|request| request.contains("POST /hook")),
            is_named
        );
    }
}

#[test]
fn an_authority_that_is_none_is_a_fault_of_the_configuration() {
    let app = App::start();
    for file in ["nowhere.pem", "master.key"] {
        let config = format!(
            "[risk]\nwebhook_url = \"https://hook.test/\"\nwebhook_secret = \"file:master.key\"\nwebhook_ca = \"{file}\"\n"
        );
        let refused = Gateway::in_front_of(&app).with(&config).run_to_the_end();
        assert_eq!(refused.code, Some(78), "{refused:?}");
        assert!(refused.stderr.contains("risk.webhook_ca"), "{refused:?}");
    }
}

/// The program that the documentation gives to receivers, on a real message: it takes it, and nothing else.
#[test]
fn the_documented_check_takes_what_is_genuine() {
    let documentation = include_str!("../../../docs/devices-and-risk.md");
    let (_, rest) = documentation.split_once("```python\n").unwrap();
    let (program, _) = rest.split_once("```").unwrap();
    let server = RecordingUpstream::start(|_| Reply::new(204, &[], ""));
    let stage = notifying(&webhook(&server));
    let sid = log_in(&stage, "alice@example.com");
    assert_eq!(use_with(&stage, &sid, FIREFOX), 200);
    let received = &server.wait_for(1)[0];
    let header = received.header("x-sidgate-signature").unwrap();
    let old = header.replacen("t=1", "t=0", 1);
    let judge = |secret: &str, header: &str, suffix: &[u8]| {
        let body = [&received.body[..], suffix].concat();
        let call = "import sys\nprint(is_genuine(sys.argv[1].encode(), sys.argv[2], sys.stdin.buffer.read()))";
        let mut python = Command::new("python3")
            .args(["-c", &format!("{program}\n{call}"), secret, header])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(&body).unwrap();
        let output = python.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };

    assert_eq!(judge(SECRET, &header, b""), "True");
    assert_eq!(judge("the secret of another one", &header, b""), "False");
    assert_eq!(judge(SECRET, &header, b" "), "False");
    assert_eq!(judge(SECRET, &old, b""), "False");
    assert_eq!(judge(SECRET, "rubbish", b""), "False");
}
