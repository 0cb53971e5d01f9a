//! `traceparent` and `tracestate`: whose count, what the app gets, and that nothing of them is touched without tracing.

use sidgate_testkit::spans::SpanReceiver;
use sidgate_testkit::{Request, Stage};

use crate::tracing::{parent, traced, url};

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const LEFT_OUT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRUSTED: &str = "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n[telemetry]\ntrust_traceparent = \"trusted_proxies\"\n";

fn request(traceparent: &str) -> Request {
    Request::get("/none/page").header("traceparent", traceparent)
}

/// Every byte of the fields, good or not, in the order and spelling in which they came.
#[test]
fn without_tracing_the_app_gets_them_as_they_came() {
    let stage = Stage::start();
    for (parent, states) in [
        (GIVEN, &["a=1", "b=2 ,c=3"][..]),
        ("00-XYZ", &["=,=", ""]),
        ("", &[]),
    ] {
        let request = states.iter().fold(request(parent), |request, state| {
            request.header("tracestate", state)
        });
        stage.send(&request).must_be(200);
        let received = stage.app.last_request();
        assert_eq!(received.all("traceparent"), [parent]);
        assert_eq!(received.all("tracestate"), states);
    }
    stage.get("/none/page").must_be(200);
    let received = stage.app.last_request();
    assert!(received.all("traceparent").is_empty() && received.all("tracestate").is_empty());
}

/// Somebody who says on each request that it is recorded gets no more recorded than others, and names nobody's trace.
#[test]
fn a_stranger_does_not_decide_what_is_recorded() {
    let receiver = SpanReceiver::start();
    let nothing = traced(&url(&receiver)).replace("sample = 1.0", "sample = 0");
    // The second is a proxy that is trusted with addresses and not with traces.
    for more in [
        "[telemetry]\ntrust_traceparent = \"trusted_proxies\"\n",
        "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n",
    ] {
        let mut stage = Stage::with([&nothing, more]);
        for _ in 0..20 {
            stage
                .send(&request(GIVEN).header("tracestate", "stranger=1"))
                .must_be(200);
            let received = stage.app.last_request();
            let (trace_id, _, flags) = parent(&received);
            assert_ne!(trace_id, TRACE);
            assert_eq!(flags, "00", "the app records nothing because of it either");
            assert_eq!(received.all("traceparent").len(), 1);
            assert!(received.all("tracestate").is_empty());
        }
        assert!(stage.stop().success());
        assert!(receiver.messages().is_empty());
    }
}

#[test]
fn a_trusted_proxy_decides() {
    let receiver = SpanReceiver::start();
    let nothing = traced(&url(&receiver)).replace("sample = 1.0", "sample = 0");
    let stage = Stage::with([&nothing, TRUSTED]);
    let sent = request(GIVEN)
        .header("tracestate", "a=1")
        .header("tracestate", "b=2");
    stage.send(&sent).must_be(200);
    let received = stage.app.last_request();
    let (trace_id, span_id, flags) = parent(&received);
    assert_eq!((trace_id.as_str(), flags.as_str()), (TRACE, "01"));
    assert_ne!(span_id, "00f067aa0ba902b7", "our span stands between");
    assert_eq!(received.all("tracestate"), ["a=1,b=2"]);
    let spans = receiver.trace_of("GET /none");
    assert_eq!(spans[0].trace_id, TRACE);
    assert_eq!(spans[0].parent, "00f067aa0ba902b7");

    let all = Stage::with([&traced(&url(&receiver)), TRUSTED]);
    all.send(&request(LEFT_OUT)).must_be(200);
    let (trace_id, _, flags) = parent(&all.app.last_request());
    assert_eq!((trace_id.as_str(), flags.as_str()), (TRACE, "00"));
}

#[test]
fn a_malformed_one_of_a_trusted_proxy_begins_a_new_trace() {
    let receiver = SpanReceiver::start();
    let stage = Stage::with([&traced(&url(&receiver)), TRUSTED]);
    for bad in [
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    ] {
        stage
            .send(&request(bad).header("tracestate", "a=1"))
            .must_be(200);
        let received = stage.app.last_request();
        let (trace_id, _, flags) = parent(&received);
        assert_ne!(trace_id, TRACE, "{bad}");
        assert_eq!(flags, "01", "{bad}: by the share");
        assert!(received.all("tracestate").is_empty(), "{bad}");
    }
    let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes-later";
    stage.send(&request(later)).must_be(200);
    assert_eq!(parent(&stage.app.last_request()).0, TRACE);
}
