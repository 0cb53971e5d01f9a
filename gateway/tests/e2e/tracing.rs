//! Traced requests: which spans a receiver gets, how they belong together, and what apps and logs hear of them.

use session_testing::{TestPostgres, TestRedis};
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::port::free_port;
use sidgate_testkit::spans::{Collector, Span, SpanReceiver};
use sidgate_testkit::stores::{redis_config, redis_values};
use sidgate_testkit::upstream::Received;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Stage, login};

/// Every request is traced, and this takes the spans.
pub(crate) fn traced(url: &str) -> String {
    format!("[telemetry]\notlp = \"{url}\"\nsample = 1.0\nservice_name = \"edge-of-tests\"\n")
}

pub(crate) fn url(receiver: &SpanReceiver) -> String {
    format!("http://{}", receiver.address())
}

/// The trace and the span that a request names as its parent.
#[track_caller]
pub(crate) fn parent(received: &Received) -> (String, String, String) {
    let parent = received.header("traceparent").expect("a traceparent");
    let parts: Vec<&str> = parent.split('-').collect();
    let [version, trace_id, span_id, flags] = parts[..] else {
        panic!("{parent}");
    };
    assert_eq!(
        (version, trace_id.len(), span_id.len()),
        ("00", 32, 16),
        "{parent}"
    );
    (trace_id.to_owned(), span_id.to_owned(), flags.to_owned())
}

#[track_caller]
fn called<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let span = found
        .next()
        .unwrap_or_else(|| panic!("no {name:?} in {spans:#?}"));
    assert!(found.next().is_none(), "one {name:?} in {spans:#?}");
    span
}

/// The last line of the access log that a request with this path has.
fn line(gateway: &Gateway, path: &str) -> serde_json::Value {
    let log = gateway.stdout();
    let mut lines = log
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let of_path =
        |line: &serde_json::Value| line["target"] == "sidgate::access" && line["path"] == path;
    lines.rfind(of_path).expect("a line")
}

/// Spans that go through a real collector, by both of its ways, are what an app, the log and the receiver agree on.
#[test]
fn a_collector_takes_the_spans_of_a_request_by_http_and_by_grpc() {
    for by_grpc in [false, true] {
        let receiver = SpanReceiver::start();
        let collector = Collector::start(&receiver);
        let (url, more) = match by_grpc {
            false => (collector.http(), ""),
            true => (collector.grpc(), "protocol = \"grpc\"\n"),
        };
        let mut stage = Stage::with([&format!("{}{more}", traced(&url))]);
        let sid = stage.log_in("alice@example.com");
        stage.get_as(&sid, "/required/page").must_be(200);

        let spans = receiver.trace_of("GET /required");
        let root = &spans[0];
        assert_eq!(root.parent, "");
        assert_eq!(root.resource["service.name"], "edge-of-tests");
        let (trace_id, span_id, flags) = parent(&stage.app.last_request());
        let upstream = called(&spans, "upstream");
        assert_eq!(
            (&trace_id, &span_id),
            (&upstream.trace_id, &upstream.id),
            "{}",
            collector.output()
        );
        assert_eq!(flags, "01");
        for name in ["vet", "resolve", "upstream"] {
            let span = called(&spans, name);
            assert_eq!(span.parent, root.id, "{name}");
            let is_within = root.start <= span.start && span.end <= root.end;
            assert!(is_within, "{name}: {span:#?} in {root:#?}");
        }
        stage.stop();
        assert_eq!(line(&stage, "/required/page")["trace_id"], trace_id);
    }
}

#[test]
fn what_the_spans_of_a_request_say() {
    let receiver = SpanReceiver::start();
    let (mut stage, sid) = Stage::with([&traced(&url(&receiver))]).and_alice();
    // The process knows the session from here on.
    stage.get_as(&sid, "/page").must_be(200);
    stage.get_as(&sid, "/required/page?secret=1").must_be(200);
    let id = stage.id_of(&sid);

    let spans = receiver.trace_of("GET /required");
    let root = &spans[0];
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/required"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("url.path", "/required/page"),
        ("url.scheme", "http"),
        ("server.address", &stage.host()),
        ("sidgate.outcome", "active"),
        ("sidgate.tier", "local"),
        ("sidgate.session", &id),
    ] {
        assert_eq!(root.get(name), value, "{name}");
    }
    assert!(!root.is_error);
    let resolve = called(&spans, "resolve");
    assert_eq!(
        (resolve.get("sidgate.tier"), resolve.get("sidgate.result")),
        ("local", "active")
    );
    let upstream = called(&spans, "upstream");
    assert_eq!(upstream.kind, "SPAN_KIND_CLIENT");
    assert_eq!(upstream.get("sidgate.upstream"), "app");
    assert_eq!(
        upstream.get("server.address"),
        stage.app.address().to_string()
    );
    assert_eq!(upstream.get("http.response.status_code"), "200");
    assert_eq!(upstream.get("sidgate.attempts"), "1");
    stage.stop();
    let line = line(&stage, "/required/page");
    assert_eq!(root.get("sidgate.request_id"), line["request_id"]);
}

/// A login asks the app, in its trace, and the store.
#[test]
fn a_login_shows_the_backend_and_the_store() {
    let receiver = SpanReceiver::start();
    let stage = Stage::with([&traced(&url(&receiver))]);
    stage
        .send(&login("alice@example.com", PASSWORD))
        .must_be(201);

    let spans = receiver.trace_of("POST endpoint:session");
    let call = called(&spans, "backend authenticate");
    assert_eq!(
        (call.parent.as_str(), call.kind),
        (spans[0].id.as_str(), "SPAN_KIND_CLIENT")
    );
    assert_eq!(call.get("url.path"), "/__sidgate__/authenticate");
    assert_eq!(call.get("http.response.status_code"), "200");
    let asked = stage.app.backend_calls();
    let (trace_id, span_id, _) = parent(asked.last().unwrap());
    assert_eq!((&trace_id, &span_id), (&call.trace_id, &call.id));
    let insert = called(&spans, "insert sqlite");
    assert_eq!(insert.parent, spans[0].id);
    assert_eq!(insert.get("db.system.name"), "sqlite");
    assert_eq!(insert.get("db.operation.name"), "insert");
}

/// Each tier in its turn: the store fills the process, and Redis after the answer; another process finds it in Redis.
#[test]
fn the_tier_that_knew_the_session_and_what_it_was_asked() {
    let (redis, database) = (TestRedis::start(), TestPostgres::shared().database());
    let store = format!("[store]\nurl = {:?}\n", database.url().expose());
    let receiver = SpanReceiver::start();
    let (stage, sid) =
        Stage::with([&traced(&url(&receiver)), &store, &redis_config(&redis)]).and_alice();
    let start = || {
        let another = Gateway::in_front_of(&stage.app).with(&traced(&url(&receiver)));
        let another = another.with(&store).with(&redis_config(&redis));
        another.master_of(&stage).start()
    };
    let other = start();
    let tier_of = |gateway: &Gateway| {
        let answer = gateway.get_as(&sid, "/required").must_be(200);
        let id = answer.header("x-request-id").expect("an id").to_owned();
        let spans = receiver.trace_with("sidgate.request_id", &id);
        let resolve = called(&spans, "resolve").clone();
        let mut asked: Vec<_> = spans
            .iter()
            .filter(|span| span.parent == resolve.id)
            .map(|span| span.name.clone())
            .collect();
        asked.sort();
        (resolve.get("sidgate.tier").to_owned(), asked.join(", "))
    };
    let tier = |tier: &str, asked: &str| (tier.to_owned(), asked.to_owned());
    assert_eq!(tier_of(&stage), tier("store", "get redis, load postgresql"));
    assert_eq!(tier_of(&stage), tier("local", ""));
    until_true("the value in Redis", LONG, || {
        !redis_values(&redis).is_empty()
    });
    assert_eq!(tier_of(&other), tier("shared", "get redis"));
}

#[test]
fn another_try_is_an_event_of_the_span() {
    let receiver = SpanReceiver::start();
    let gone = free_port();
    let well = sidgate_testkit::upstream::RecordingUpstream::start(|_| Reply::ok());
    let app = format!(
        "[upstreams.it]\nservers = [\"127.0.0.1:{gone}\", \"{}\"]\npassive = {{ failures = 0 }}\n",
        well.address()
    );
    let route = "[[routes]]\npath = \"/it\"\nupstream = \"it\"\nsession = \"none\"\n";
    let stage = Stage::with([&traced(&url(&receiver)), &app, route]);
    // One of two in a row begins with the server that is gone.
    for _ in 0..2 {
        stage.get("/it").must_be(200);
    }
    let spans = until("both", LONG, || {
        let spans = receiver.spans();
        let upstreams: Vec<Span> = spans
            .into_iter()
            .filter(|span| span.name == "upstream")
            .collect();
        Some(upstreams).filter(|all| all.len() == 2)
    });
    let tried: Vec<&Span> = spans
        .iter()
        .filter(|span| !span.events.is_empty())
        .collect();
    let [span] = tried[..] else {
        panic!("{spans:#?}")
    };
    assert_eq!(span.get("sidgate.attempts"), "2");
    assert_eq!(span.events.len(), 1);
    assert_eq!(
        span.events[0]["sidgate.server"],
        format!("127.0.0.1:{gone}")
    );
    assert_eq!(span.events[0]["error.type"], "refused");
    assert_eq!(span.events[0]["sidgate.retried"], "yes");
    assert_eq!(span.get("server.address"), well.address().to_string());
    assert!(!span.is_error);
}

#[test]
fn what_fails_and_what_is_refused() {
    let receiver = SpanReceiver::start();
    let stage = Stage::with([&traced(&url(&receiver))]);
    stage.on("/none/gone", |_| Reply::hang_up());
    stage.get("/none/gone").must_be(502);
    let spans = receiver.trace_of("GET /none");
    assert!(
        spans[0].is_error && spans[0].get("error.type") == "502",
        "{spans:#?}"
    );
    let upstream = called(&spans, "upstream");
    assert!(upstream.is_error, "{upstream:#?}");
    assert_eq!(upstream.events.len(), 1);

    stage.get("/required").must_be(401);
    let spans = receiver.trace_of("GET /required");
    assert_eq!(spans[0].get("sidgate.outcome"), "unauthenticated");
    assert!(!spans[0].is_error, "the client's own");
    assert!(spans.iter().all(|span| span.name != "upstream"));

    let odd = Request::new("BREW", "/a").header("Cookie", "other=canary");
    stage.send(&odd).must_be(405);
    let spans = receiver.trace_of("HTTP edge");
    assert_eq!(spans[0].get("http.request.method"), "_OTHER");
    assert_eq!(spans[0].get("sidgate.reason"), "method");
}
