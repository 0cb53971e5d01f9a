use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use super::{Scheme, told};

fn said(fields: &[(&'static str, &str)]) -> Option<Scheme> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    told(&headers)
}

#[test]
fn the_last_word_counts() {
    const PROTO: &str = "x-forwarded-proto";
    for (fields, scheme) in [
        (&[(PROTO, "http")][..], Some(Scheme::Http)),
        (&[(PROTO, "HTTPS")], Some(Scheme::Https)),
        (&[(PROTO, "https, http")], Some(Scheme::Http)),
        (&[(PROTO, "http,https ")], Some(Scheme::Https)),
        (&[(PROTO, "http"), (PROTO, "https")], Some(Scheme::Https)),
        (&[(PROTO, "wss")], Some(Scheme::Https)),
        (&[(PROTO, "https, http, ")], Some(Scheme::Http)),
        (&[(PROTO, "http,\t,,")], Some(Scheme::Http)),
        (&[(PROTO, "http;q=1")], None),
        (&[(PROTO, "")], None),
        (&[], None),
    ] {
        assert_eq!(said(fields), scheme, "{fields:?}");
    }
}

#[test]
fn forwarded_counts_where_the_other_is_missing() {
    for (value, scheme) in [
        ("for=192.0.2.1;proto=http;host=a", Some(Scheme::Http)),
        ("proto=https, for=x;PROTO=\"HTTP\"", Some(Scheme::Http)),
        ("proto=http, for=x; proto=https", Some(Scheme::Https)),
        ("for=x", None),
        ("proto=http, for=x", None),
    ] {
        assert_eq!(said(&[("forwarded", value)]), scheme, "{value}");
    }
    let both = [("forwarded", "proto=http"), ("x-forwarded-proto", "https")];
    assert_eq!(said(&both), Some(Scheme::Https));
}
