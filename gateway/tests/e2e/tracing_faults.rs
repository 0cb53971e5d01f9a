//! A receiver that is away, slow, or unwilling: requests do not notice, memory stays within its bound, what is lost is counted.

use std::net::TcpListener;

use rustix::process::Signal;
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::port::free_port;
use sidgate_testkit::spans::{SpanReceiver, spans_in};
use sidgate_testkit::tls_receiver::{self, TlsReceiver};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage, login};

use crate::tracing::{traced, url};

fn spans(gateway: &Gateway, result: &str) -> f64 {
    gateway.sum("sidgate_spans_total", &[("result", result)])
}

/// A small queue that is given up soon.
fn small(url: &str) -> String {
    format!("{}queue = 64\ntimeout = \"500ms\"\n", traced(url))
}

/// Nobody listens; somebody takes connections and says nothing; somebody wants nothing.
#[test]
fn requests_do_not_notice_a_receiver_that_is_away_or_silent_and_what_is_lost_is_counted() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = format!("http://127.0.0.1:{}", free_port());
    let silent_url = format!("http://{}", silent.local_addr().unwrap());
    let grpc = |url: &str| format!("{}protocol = \"grpc\"\n", small(url));
    let all = [
        small(&gone),
        small(&silent_url),
        grpc(&gone),
        grpc(&silent_url),
    ];
    // Each takes as long as five attempts.
    std::thread::scope(|scope| {
        for config in &all {
            scope.spawn(|| loses_what_does_not_fit(config));
        }
    });
}

fn loses_what_does_not_fit(config: &str) {
    let mut stage = Stage::with([config]);
    // Each has three spans, and 64 may wait.
    for _ in 0..100 {
        stage.get("/page").must_be(200);
    }
    until_true("spans that do not fit are counted", LONG, || {
        spans(&stage, "dropped") > 0.0
    });
    assert!(stage.sum("sidgate_spans_waiting", &[]) <= 64.0);
    until_true("so is what was not taken", LONG, || {
        spans(&stage, "failed") > 0.0
    });
    assert_eq!(spans(&stage, "exported"), 0.0);
    assert!(stage.stop().success());
    let log = stage.output();
    let told = log.matches("spans not taken by their receiver").count();
    assert_eq!(told, 1, "told once: {log}");
}

#[test]
fn a_receiver_that_says_later_is_asked_again_and_one_that_says_no_is_not() {
    let later = SpanReceiver::answering({
        let asked = std::sync::atomic::AtomicUsize::new(0);
        move |_| match asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Reply::new(503, &[("Retry-After", "1")], "later"),
            _ => Reply::new(200, &[], ""),
        }
    });
    let stage = Stage::with([&traced(&url(&later))]);
    stage.get("/page").must_be(200);
    until_true("taken at last", LONG, || spans(&stage, "exported") > 0.0);
    let messages = later.messages();
    assert_eq!(messages[0].body, messages[1].body, "the same message again");
    assert_eq!(
        messages[0].header("content-type").as_deref(),
        Some("application/x-protobuf")
    );
    assert_eq!(messages[0].request_line(), "POST /v1/traces");

    let never = SpanReceiver::answering(|_| Reply::new(400, &[], "canary-body"));
    let stage = Stage::with([&traced(&url(&never))]);
    stage.get("/page").must_be(200);
    until_true("given up", LONG, || spans(&stage, "failed") > 0.0);
    assert_eq!(never.messages().len(), 1);
    assert!(!stage.output().contains("canary-body"));
}

/// The last requests are not lost because the process ends, and a stop does not wait for a receiver that is silent.
#[test]
fn what_waits_is_sent_when_the_process_ends() {
    let receiver = SpanReceiver::start();
    let mut stage = Stage::with([&traced(&url(&receiver))]);
    stage.get("/none/last").must_be(200);
    assert!(stage.stop().success());
    let names: Vec<String> = receiver.spans().into_iter().map(|span| span.name).collect();
    assert!(names.contains(&"GET /none".to_owned()), "{names:?}");
}

#[test]
fn a_receiver_under_tls_is_verified_and_told_the_secret_fields() {
    let server = TlsReceiver::start();
    let url = format!("https://localhost:{}", server.port());
    let with = |ca: &str| {
        let fields = "[telemetry.headers]\nauthorization = \"${OTLP_AUTH}\"\n";
        format!("{}{ca}{fields}", traced(&url))
    };
    let start =
        |config: &str| Stage::built(|it| it.with(config).env("OTLP_AUTH", "Bearer canary-otlp"));
    let unknown = start(&with(""));
    unknown.get("/page").must_be(200);
    until_true("nobody knows its authority", LONG, || {
        unknown.output().contains("telemetry.ca")
    });
    assert!(server.received().is_empty());

    let ca = format!("ca = {:?}\n", tls_receiver::authority());
    let mut known = start(&with(&ca));
    known.get("/page").must_be(200);
    until_true("delivered", LONG, || !server.received().is_empty());
    let head = server.received().remove(0).to_lowercase();
    assert!(head.contains("authorization: bearer canary-otlp"), "{head}");
    known.stop();
    assert!(!known.output().contains("canary-otlp"));
}

/// A reload switches tracing on, sends it elsewhere and switches it off.
#[test]
fn a_reload_changes_where_spans_go() {
    let receiver = SpanReceiver::start();
    let stage = Stage::start();
    stage.get("/none/before").must_be(200);
    assert!(stage.app.last_request().header("traceparent").is_none());
    let on = traced(&url(&receiver));
    stage.reconfigure(|_, text| format!("{text}\n{on}"));
    stage.signal(Signal::HUP);
    until_true("on", LONG, || {
        stage.get("/none/after").must_be(200);
        stage.app.last_request().header("traceparent").is_some()
    });
    receiver.trace_of("GET /none");
    stage.reconfigure(|_, text| text.replace(&on, ""));
    stage.signal(Signal::HUP);
    until_true("off", LONG, || {
        stage.get("/none/after").must_be(200);
        stage.app.last_request().header("traceparent").is_none()
    });
}

/// No secret stands in any byte that leaves for the receiver, and none of the routes that keep their paths out of the log.
#[test]
fn no_secret_is_in_a_span() {
    let receiver = SpanReceiver::start();
    let unlogged = "[[routes]]\npath = \"/reset\"\nupstream = \"app\"\nsession = \"optional\"\nlog_path = false\n";
    let (mut stage, sid) = Stage::with([&traced(&url(&receiver)), unlogged]).and_alice();
    let other = stage.log_in("bob@example.com");
    stage.send(&login("alice@example.com", "canary-password"));
    for request in [
        Request::get("/page?token=canary-query").sid(&sid),
        Request::get("/page")
            .sid(&sid)
            .header("Cookie", "other=canary-cookie"),
        Request::get("/page").header("Authorization", "Bearer canary-authorization"),
        Request::get("/page").header("Referer", "http://localhost/canary-referer"),
        Request::get("/page")
            .header("traceparent", "canary-parent")
            .header("tracestate", "canary=state"),
        Request::get("/reset/MQ/canary-capability/").sid(&sid),
        Request::get(&format!("/page/{sid}")),
        Request::get(&format!("/required/{other}?x")),
        Request::get("//elsewhere?canary-query"),
        Request::new("CANARY-METHOD", "/page"),
        Request::post("/api/auth/session-v2").body("canary-body"),
    ] {
        stage.send(&request);
    }
    stage.log_out(&sid);
    stage.stop();
    let sent: Vec<u8> = receiver
        .messages()
        .into_iter()
        .flat_map(|it| it.wire)
        .collect();
    let shown = String::from_utf8_lossy(&sent).to_lowercase();
    assert!(
        shown.contains("get /reset") && shown.contains("post endpoint:session"),
        "spans were sent"
    );
    let secrets = [PASSWORD, &sid, &other, "canary", "alice", "bob@"].map(str::to_lowercase);
    for secret in &secrets {
        let secret = if secret.starts_with("canary") {
            "canary-"
        } else {
            secret
        };
        let found = shown.find(secret).map(|at| {
            let from = at.saturating_sub(80);
            shown.get(from..at + 40).unwrap_or_default().to_owned()
        });
        assert_eq!(found, None, "{secret}");
    }
    let spans: usize = receiver
        .messages()
        .iter()
        .map(|it| spans_in(&it.body).len())
        .sum();
    assert!(spans > 30, "{spans}");
}

#[test]
fn check_connect_says_whether_the_receiver_takes_a_message() {
    let check = |stage: &Stage| {
        let config = stage.config_file();
        let arguments = ["check", "--connect", "--config", config.to_str().unwrap()];
        sidgate(stage.folder(), &arguments)
    };
    let receiver = SpanReceiver::start();
    let well = Stage::with([&traced(&url(&receiver))]);
    let outcome = check(&well);
    assert!(outcome.stdout.contains("takes it by HTTP"), "{outcome:?}");
    assert_eq!(outcome.code, Some(0), "{outcome:?}");

    let unwilling = SpanReceiver::answering(|_| Reply::new(401, &[], "who are you?"));
    let outcome = check(&Stage::with([&traced(&url(&unwilling))]));
    assert!(
        outcome
            .stdout
            .contains("the receiver answers 401 (by HTTP)"),
        "{outcome:?}"
    );
    assert_eq!(outcome.code, Some(1), "{outcome:?}");

    let gone = format!("http://127.0.0.1:{}", free_port());
    let outcome = check(&Stage::with([&traced(&gone)]));
    assert!(outcome.stdout.contains("no connection"), "{outcome:?}");
}
