use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGauge, Opts};

use super::*;
use crate::telemetry::metrics::group_of;

struct Source {
    requests: IntCounterVec,
    streams: IntGauge,
    seconds: Histogram,
}

fn source() -> Source {
    let requests = IntCounterVec::new(
        Opts::new("sidgate_requests_total", "x"),
        &["route", "outcome"],
    )
    .unwrap();
    let streams = IntGauge::new("sidgate_event_streams", "x").unwrap();
    let opts = HistogramOpts::new("sidgate_request_seconds", "x").buckets(vec![0.1, 1.0]);
    let seconds = Histogram::with_opts(opts).unwrap();
    Source {
        requests,
        streams,
        seconds,
    }
}

impl Source {
    fn read(&self) -> Reading {
        let mut reading = Reading::default();
        reading.count_by("requests", &self.requests, "outcome", group_of);
        reading.gauge(
            "event_streams".to_owned(),
            f64::from(u8::try_from(self.streams.get()).unwrap()),
        );
        reading.histogram("request", &self.seconds);
        reading
    }
}

#[test]
fn counters_become_rates_and_gauges_stay() {
    let (source, history) = (source(), History::default());
    history.note(100, source.read(), Some(7));
    source
        .requests
        .with_label_values(&["/", "active"])
        .inc_by(6);
    source
        .requests
        .with_label_values(&["/app", "active"])
        .inc_by(2);
    source
        .requests
        .with_label_values(&["edge", "bad_request"])
        .inc_by(2);
    source.streams.set(3);
    history.note(102, source.read(), Some(8));
    let shown = history.columns(Window::Quarter, 0);
    assert_eq!(shown["t"], json!([102]));
    let series = |name: &str| shown["series"][name].clone();
    assert_eq!(
        series("requests.active"),
        json!([4.0]),
        "both routes, per second"
    );
    assert_eq!(series("requests.refused"), json!([1.0]));
    assert_eq!(series("event_streams"), json!([3.0]));
    assert_eq!(series("live_sessions"), json!([8.0]));
    assert_eq!(
        history.columns(Window::Quarter, 102)["t"],
        json!([]),
        "nothing newer"
    );
    assert_eq!(
        history.columns(Window::Day, 0)["t"],
        json!([]),
        "the minute is not over"
    );
}

#[test]
fn quantiles_come_from_what_was_added() {
    let (source, history) = (source(), History::default());
    (0..100).for_each(|_| source.seconds.observe(5.0));
    history.note(0, source.read(), None);
    (0..100).for_each(|_| source.seconds.observe(0.05));
    history.note(60, source.read(), None);
    history.note(120, source.read(), None);
    let shown = history.columns(Window::Day, 0);
    let p50 = shown["series"]["request.p50"].as_array().unwrap();
    assert!((p50[0].as_f64().unwrap() - 0.05).abs() < 1e-6, "{p50:?}");
    assert_eq!(p50[1], json!(null), "nothing happened in the second minute");
    assert_eq!(shown["series"]["took.0.1"][1], json!(0.0));
    assert!((shown["series"]["took.0.1"][0].as_f64().unwrap() - 100.0 / 60.0).abs() < 1e-3);
}

#[test]
fn what_is_kept_is_bounded() {
    let (source, history) = (source(), History::default());
    for minute in 0..2_000 {
        history.note(minute * 60, source.read(), None);
    }
    let inner = history.0.lock();
    assert_eq!(
        (inner.fine.points.len(), inner.coarse.points.len()),
        (FINE, COARSE)
    );
}

#[test]
fn quantiles() {
    let buckets = [(0.1, 50.0), (1.0, 100.0), (f64::INFINITY, 100.0)];
    assert_eq!(quantile(&buckets, 0.5), Some(0.1));
    assert_eq!(quantile(&buckets, 0.25), Some(0.05));
    assert_eq!(quantile(&buckets, 1.0), Some(1.0));
    assert_eq!(
        quantile(&[(0.1, 0.0), (f64::INFINITY, 4.0)], 0.5),
        Some(0.1)
    );
    assert_eq!(quantile(&[(0.1, 0.0), (f64::INFINITY, 0.0)], 0.5), None);
}
