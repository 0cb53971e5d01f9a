use super::*;

const PLAIN: [(&str, &str); 2] = [
    ("content-type", "text/html; charset=utf-8"),
    ("content-length", "5000"),
];

fn response(status: u16, fields: &[(&'static str, &str)]) -> ResponseHeader {
    let mut response = ResponseHeader::build(status, None).unwrap();
    for (name, value) in fields {
        response.append_header(*name, *value).unwrap();
    }
    response
}

fn with(field: (&'static str, &'static str)) -> ResponseHeader {
    response(200, &[PLAIN[0], PLAIN[1], field])
}

fn config() -> CompressionConfig {
    CompressionConfig {
        algorithms: vec![crate::config::Coding::Gzip],
        min_bytes: 1_000,
        types: vec!["text/html".to_owned()],
        max_concurrent: 10,
    }
}

#[test]
fn small_odd_and_finished_answers_stay_as_they_are() {
    assert!(is_worth_it(&response(200, &PLAIN), &config()));
    assert!(is_worth_it(&response(404, &PLAIN), &config()));
    assert!(is_worth_it(&response(200, &PLAIN[..1]), &config()));
    for status in [100, 101, 204, 205, 206, 304] {
        assert!(
            !is_worth_it(&response(status, &PLAIN), &config()),
            "{status}"
        );
    }
    for field in [
        ("content-encoding", "gzip"),
        ("content-encoding", "identity"),
        ("content-range", "bytes 0-9/10"),
        ("cache-control", "public, No-Transform"),
        ("repr-digest", "sha-256=:x:"),
        ("content-md5", "x"),
    ] {
        assert!(!is_worth_it(&with(field), &config()), "{field:?}");
    }
    let small = response(200, &[PLAIN[0], ("content-length", "999")]);
    assert!(!is_worth_it(&small, &config()));
    for kind in ["text/event-stream", "image/png", "text/htmlx", ""] {
        let other = response(200, &[("content-type", kind)]);
        assert!(!is_worth_it(&other, &config()), "{kind}");
    }
    assert!(!is_worth_it(&response(200, &PLAIN[1..]), &config()));
}

#[test]
fn what_is_for_one_client_alone_may_hold_secrets() {
    let plain = response(200, &PLAIN);
    assert!(!may_hold_secrets(&plain, false));
    assert!(may_hold_secrets(&plain, true), "somebody with a session");
    for field in [
        ("set-cookie", "csrftoken=x"),
        ("cache-control", "max-age=0, PRIVATE"),
        ("cache-control", "private=\"x-y\""),
        ("cache-control", "no-store"),
        ("vary", "accept, Cookie"),
        ("vary", "Authorization"),
        ("vary", "*"),
    ] {
        assert!(may_hold_secrets(&with(field), false), "{field:?}");
    }
    for field in [
        ("cache-control", "public, max-age=60"),
        ("cache-control", "s-maxage=60"),
        ("cache-control", "max-age=31536000, immutable"),
    ] {
        assert!(!may_hold_secrets(&with(field), true), "{field:?}");
    }
    assert!(!may_hold_secrets(&with(("vary", "Accept-Language")), false));
    let contradiction = response(
        200,
        &[("cache-control", "public"), ("set-cookie", "csrftoken=x")],
    );
    assert!(may_hold_secrets(&contradiction, false));
}
