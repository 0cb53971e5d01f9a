//! `[telemetry]`: where spans go, and what is refused.

use super::{MINIMAL, Place};

fn telemetry(keys: &str) -> String {
    format!("{MINIMAL}[telemetry]\n{keys}\n")
}

#[test]
fn port_and_protocol_say_how_the_receiver_speaks_and_where_it_takes_spans() {
    for (keys, url, is_grpc) in [
        ("otlp = \"http://a:4318\"", "http://a:4318/v1/traces", false),
        (
            "otlp = \"http://a:4318/\"",
            "http://a:4318/v1/traces",
            false,
        ),
        (
            "otlp = \"https://a/otlp\"",
            "https://a/otlp/v1/traces",
            false,
        ),
        (
            "otlp = \"https://a/x/v1/traces\"",
            "https://a/x/v1/traces",
            false,
        ),
        ("otlp = \"http://a:4317\"", "http://a:4317", true),
        (
            "otlp = \"http://a:4317\"\nprotocol = \"http\"",
            "http://a:4317/v1/traces",
            false,
        ),
        (
            "otlp = \"https://a\"\nprotocol = \"grpc\"",
            "https://a",
            true,
        ),
    ] {
        let config = Place::new().good(&telemetry(keys));
        let otlp = config.telemetry.otlp.expect(keys);
        assert_eq!((otlp.url.expose(), otlp.is_grpc), (url, is_grpc), "{keys}");
    }
    assert_eq!(Place::new().good(MINIMAL).telemetry.otlp, None);
}

#[test]
fn what_cannot_be_meant_is_a_fault() {
    let place = Place::new().env("LINES", "a\nb");
    for (keys, key, hint) in [
        ("otlp = \"a:4317\"", "telemetry.otlp", "http://"),
        ("otlp = \"ftp://a\"", "telemetry.otlp", "http://"),
        (
            "otlp = \"http://user:canary@a\"",
            "telemetry.otlp",
            "[telemetry.headers]",
        ),
        ("otlp = \"http://a/?key=canary\"", "telemetry.otlp", "query"),
        ("sample = 1.5", "telemetry.sample", "between 0 and 1"),
        ("sample = -1", "telemetry.sample", "between 0 and 1"),
        ("sample = \"1%\"", "telemetry.sample", "between 0 and 1"),
        ("service_name = \"\"", "telemetry.service_name", "1 to 128"),
        (
            "headers = { authorization = \"canary\" }",
            "telemetry.headers.authorization",
            "${ENV_NAME}",
        ),
        (
            "headers = { content-type = \"${LINES}\" }",
            "telemetry.headers.content-type",
            "by the gateway",
        ),
        (
            "headers = { x-a = \"${LINES}\" }",
            "telemetry.headers.x-a",
            "header field",
        ),
        (
            "trust_traceparent = \"everybody\"",
            "telemetry.trust_traceparent",
            "trusted_proxies",
        ),
        ("queue = 1", "telemetry.queue", "between 64"),
    ] {
        place.one_fault(&telemetry(keys), key, hint);
    }
}

#[test]
fn fields_for_the_receiver_are_never_shown() {
    let place = Place::new().env("OTLP_AUTH", "Bearer canary");
    let text =
        telemetry("otlp = \"https://a\"\n[telemetry.headers]\nAuthorization = \"${OTLP_AUTH}\"");
    let config = place.good(&text);
    let (name, value) = &config.telemetry.headers[0];
    assert_eq!(
        (name.as_str(), value.expose()),
        ("authorization", "Bearer canary")
    );
    assert!(!format!("{config:?}").contains("canary"));
}
