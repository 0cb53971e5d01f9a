use std::io::{self, Write};

use parking_lot::Mutex;
use tracing::info;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::telemetry::line_format::LineFormat;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The line that the rest of the log would write of the same fields.
fn by_the_others(line: &AccessLine<'_>) -> String {
    let written = Written::default();
    let writer = written.clone();
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .event_format(LineFormat::new())
        .with_writer(move || writer.clone());
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        info!(
            target: TARGET,
            request_id = line.request_id,
            method = line.method,
            path = line.path,
            host = line.host,
            route = line.route,
            outcome = line.outcome.into_str(),
            status = line.status,
            reason = line.reason,
            field = line.field,
            session = line.session,
            tier = line.tier,
            client = line.client.map(tracing::field::display),
            duration_us = u64::try_from(line.duration.as_micros()).unwrap(),
            "request"
        );
    });
    String::from_utf8(written.0.lock().clone()).unwrap()
}

/// The time in front, and what follows.
fn apart(line: &str) -> (&str, &str) {
    let line = line.strip_prefix(r#"{"timestamp":""#).expect(line);
    line.split_once('"').expect(line)
}

fn served() -> AccessLine<'static> {
    AccessLine {
        request_id: "019a",
        method: "GET",
        path: "/required/page",
        host: None,
        route: "/required",
        outcome: Outcome::Active,
        status: 200,
        reason: None,
        field: None,
        session: Some("0193-handle"),
        tier: "local",
        client: Some("2001:db8::7".parse().unwrap()),
        duration: Duration::from_micros(1_234),
    }
}

#[test]
fn a_line_looks_as_if_the_others_had_been_asked_to_write_it() {
    let refused = AccessLine {
        path: "/\"quoted\\\u{7f}\n\u{fc}",
        host: Some("evil.test"),
        outcome: Outcome::Headers,
        status: 400,
        reason: Some("underscore"),
        field: Some("x_odd"),
        session: None,
        client: None,
        ..served()
    };
    for line in [served(), refused] {
        let ours = serde_json::to_string(&line).unwrap() + "\n";
        let theirs = by_the_others(&line);
        let ((our_time, ours), (their_time, theirs)) = (apart(&ours), apart(&theirs));
        assert_eq!(ours, theirs);
        let form = |time: &str| time.replace(|letter: char| letter.is_ascii_digit(), "0");
        assert_eq!(form(our_time), form(their_time));
    }
}

#[test]
fn a_line_has_its_fields_in_this_order() {
    let line = serde_json::to_string(&served()).unwrap();
    assert_eq!(
        apart(&line).1,
        r#","level":"INFO","message":"request","request_id":"019a","method":"GET","path":"/required/page","route":"/required","outcome":"active","status":200,"session":"0193-handle","tier":"local","client":"2001:db8::7","duration_us":1234,"target":"sidgate::access"}"#
    );
}
