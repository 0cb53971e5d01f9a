//! What may stand in the sections about answers and their lines.

use super::super::{AccessField, Coding, Compress};
use super::{Place, with};

#[test]
fn words_of_the_access_log_and_of_compression_are_known() {
    let place = Place::new();
    for (key, value, at, hint) in [
        (
            "access_log.fields",
            "[\"statuss\"]",
            "access_log.fields[0]",
            "is not one of request_id, trace_id, method",
        ),
        (
            "access_log.fields",
            "[\"path\", \"path\"]",
            "access_log.fields[1]",
            "more than once",
        ),
        (
            "access_log.headers",
            "[\"x y\"]",
            "access_log.headers[0]",
            "is not the name of a header field",
        ),
        (
            "compression.algorithms",
            "[\"deflate\"]",
            "compression.algorithms[0]",
            "is not one of \"zstd\", \"br\", \"gzip\"",
        ),
        (
            "compression.types",
            "[\"text/*\"]",
            "compression.types[0]",
            "is not a media type",
        ),
        (
            "compression.types",
            "[\"Text/Event-Stream\"]",
            "compression.types[0]",
            "each of which has to arrive at once",
        ),
        (
            "compression.types",
            "[\"application/grpc-web+proto\"]",
            "compression.types[0]",
            "each of which has to arrive at once",
        ),
        (
            "maintenance.allow",
            "[\"office\"]",
            "maintenance.allow[0]",
            "is neither a network",
        ),
        (
            "maintenance.retry_after",
            "\"500ms\"",
            "maintenance.retry_after",
            "",
        ),
        (
            "routes[].compress",
            "\"on\"",
            "routes[0].compress",
            "is not one of",
        ),
    ] {
        place.one_fault(&with(key, value), at, hint);
    }
    let names: Vec<_> = (0..17).map(|number| format!("\"x-{number}\"")).collect();
    let names = format!("[{}]", names.join(", "));
    let hint = "has 17 names, more than 16";
    place.one_fault(
        &with("access_log.headers", &names),
        "access_log.headers",
        hint,
    );
}

#[test]
fn what_is_said_is_what_is_meant() {
    let place = Place::new();
    let config = place.good(&with("access_log.fields", "[\"status\"]"));
    assert!(config.access_log.fields.has(AccessField::Status));
    assert!(!config.access_log.fields.has(AccessField::Path));
    let config = place.good(&with("compression.algorithms", "[\"gzip\", \"br\"]"));
    assert_eq!(
        config.compression.algorithms,
        [Coding::Gzip, Coding::Brotli]
    );
    let config = place.good(&with("routes[].compress", "\"always\""));
    let route = config.routes.route_for("localhost", "/").expect("a route");
    assert_eq!(route.compress, Compress::Always);
    let config = place.good(&with("maintenance.allow", "[\"10.1.0.0/16\", \"::1\"]"));
    let through = |client: &str| config.maintenance.lets_through(client.parse().ok());
    assert!(through("10.1.2.3") && through("::1"));
    assert!(!through("10.2.2.3") && !through("127.0.0.1") && !through("no address"));
}
