use std::io::{self, Write};

use parking_lot::Mutex;
use strum::VariantArray as _;
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
            protocol = line.protocol,
            tls = line.tls,
            route = line.route,
            outcome = line.outcome.into_str(),
            status = line.status,
            reason = line.reason,
            field = line.field,
            session = line.session,
            tier = line.tier,
            client = line.client.map(tracing::field::display),
            user_agent = line.user_agent,
            upstream = line.upstream,
            server = line.server,
            first_byte_us = line.first_byte.map(micros),
            received = line.received,
            bytes = line.bytes,
            duration_us = micros(line.duration),
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

fn every_field() -> AccessFields {
    AccessField::VARIANTS.iter().copied().collect()
}

fn served() -> AccessLine<'static> {
    AccessLine {
        fields: every_field(),
        request_id: "019a",
        trace_id: None,
        method: "GET",
        path: "/required/page",
        host: Some("app.test"),
        site: None,
        protocol: Some("h2"),
        via: None,
        tls: Some("TLSv1.3"),
        route: "/required",
        outcome: Outcome::Active,
        status: 200,
        reason: None,
        field: None,
        session: Some("0193-handle"),
        tier: "local",
        client: Some("2001:db8::7".parse().unwrap()),
        user_agent: Some("curl/8"),
        upstream: Some("django"),
        server: Some("[2001:db8::8]:8000"),
        first_byte: Some(Duration::from_micros(1_000)),
        received: Some(7),
        bytes: Some(12),
        duration: Duration::from_micros(1_234),
        headers: None,
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
        upstream: None,
        server: None,
        first_byte: None,
        tls: None,
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
        r#","level":"INFO","message":"request","request_id":"019a","method":"GET","path":"/required/page","host":"app.test","protocol":"h2","tls":"TLSv1.3","route":"/required","outcome":"active","status":200,"session":"0193-handle","tier":"local","client":"2001:db8::7","user_agent":"curl/8","upstream":"django","server":"[2001:db8::8]:8000","first_byte_us":1000,"received":7,"bytes":12,"duration_us":1234,"target":"sidgate::access"}"#
    );
    let usual = AccessLine {
        fields: AccessFields::usual(),
        ..served()
    };
    let line = serde_json::to_string(&usual).unwrap();
    assert_eq!(
        apart(&line).1,
        r#","level":"INFO","message":"request","request_id":"019a","method":"GET","path":"/required/page","host":"app.test","route":"/required","outcome":"active","status":200,"session":"0193-handle","tier":"local","client":"2001:db8::7","upstream":"django","server":"[2001:db8::8]:8000","first_byte_us":1000,"bytes":12,"duration_us":1234,"target":"sidgate::access"}"#
    );
}

#[test]
fn headers_are_cut_made_visible_and_masked() {
    let mut of = HeaderMap::new();
    let sid = "8c5e5a34-0000-4000-8000-1234567890ab";
    let long = "x ".repeat(300);
    for (name, value) in [
        ("x-a", &b"a\xfcb"[..]),
        ("x-b", long.as_bytes()),
        ("x-c", sid.as_bytes()),
    ] {
        of.insert(
            HeaderName::from_static(name),
            HeaderValue::from_bytes(value).unwrap(),
        );
    }
    let names = ["x-a", "x-b", "x-c", "x-d"].map(HeaderName::from_static);
    let line = AccessLine {
        fields: AccessFields::usual(),
        headers: Some(Headers {
            names: &names,
            of: &of,
            is_sid: &|text| text == sid,
        }),
        ..served()
    };
    let line: serde_json::Value = serde_json::to_value(&line).unwrap();
    let cut = long.get(..256).unwrap();
    let expected = serde_json::json!({"x-a": "a\\xfcb", "x-b": cut, "x-c": "***"});
    assert_eq!(line["headers"], expected);
}
