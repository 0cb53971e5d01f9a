use super::*;

const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn parent(state: Option<&'static str>) -> TraceParent {
    let mut headers = HeaderMap::new();
    headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
    if let Some(state) = state {
        headers.insert(TRACESTATE, HeaderValue::from_static(state));
    }
    TraceParent::of(&headers).unwrap()
}

fn ids() -> ([u8; 16], SpanId) {
    ([0xab; 16], [1, 2, 3, 4, 5, 6, 7, 0xf8])
}

#[test]
fn what_is_told_can_be_read_again() {
    let trace = Trace::new(ids(), None, None);
    let mut headers = HeaderMap::new();
    trace.write_for_app(&mut headers);
    assert_eq!(
        headers[TRACEPARENT],
        "00-abababababababababababababababab-01020304050607f8-00"
    );
    let read = TraceParent::of(&headers).unwrap();
    assert_eq!((read.trace_id, read.span_id), ids());
    assert!(!read.is_sampled);
    assert_eq!(trace.id().as_str(), "ab".repeat(16));
}

#[test]
fn the_state_goes_along_with_its_trace_and_with_no_other() {
    let foreign = || {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_static(GOOD));
        headers.append(TRACESTATE, HeaderValue::from_static("stranger=1"));
        headers.append(TRACESTATE, HeaderValue::from_static("stranger=2"));
        headers
    };
    let mut headers = foreign();
    Trace::new(ids(), Some(parent(Some("a=1"))), None).write_for_app(&mut headers);
    assert_eq!(
        headers.get_all(TRACESTATE).iter().collect::<Vec<_>>(),
        ["a=1"]
    );
    let mut headers = foreign();
    Trace::new(ids(), None, None).write_for_app(&mut headers);
    assert!(!headers.contains_key(TRACESTATE));
    assert_eq!(headers.get_all(TRACEPARENT).iter().count(), 1);
}
