use http::Request;
use strum::VariantArray as _;

use super::*;

/// A question with these fields.
fn question(path: &str, fields: &[(&str, &str)]) -> Parts {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

const NGINX: [(&str, &str); 5] = [
    ("x-original-method", "POST"),
    ("x-original-uri", "/a?b=%2f"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "app.test"),
    ("x-forwarded-for", "192.0.2.1"),
];
const FORWARD: [(&str, &str); 5] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-uri", "/a?b=%2f"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "app.test"),
    ("x-forwarded-for", "192.0.2.1"),
];

fn described(parts: Parts) -> (Via, Box<Described>) {
    match read(parts) {
        Ok(Asked::About(via, Ok(described))) => (via, described),
        Ok(_) => panic!("no request"),
        Err(why) => panic!("{why:?}"),
    }
}

#[test]
fn every_edge_describes_the_same_request() {
    let envoy = [
        ("host", "app.test"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "192.0.2.1"),
    ];
    let mut of_envoy = question("/authz/envoy/a?b=%2f", &envoy);
    of_envoy.method = Method::POST;
    for (expected, parts) in [
        (Via::Nginx, question("/authz/nginx", &NGINX)),
        (Via::ForwardAuth, question("/authz/forward", &FORWARD)),
        (Via::EnvoyHttp, of_envoy),
    ] {
        let (via, described) = described(parts);
        assert_eq!(via, expected);
        let request = described.request();
        assert_eq!(request.method, "POST");
        assert_eq!(request.target, b"/a?b=%2f");
        assert_eq!(request.headers.get("host").unwrap(), "app.test");
        assert!(request.over_tls);
        assert!(request.headers.get("x-original-uri").is_none());
        let written = request.raw_head.unwrap();
        assert!(written.starts_with(b"POST /a?b=%2f HTTP/1.1\r\n"));
        assert!(written.ends_with(b"\r\n\r\n"));
    }
}

#[test]
fn what_is_missing_has_no_default_and_what_is_there_twice_is_missing() {
    for (path, complete) in [("/authz/nginx", &NGINX), ("/authz/forward", &FORWARD)] {
        for index in 0..complete.len() {
            let mut fields = complete.to_vec();
            let (name, value) = fields.remove(index);
            let missing = read(question(path, &fields));
            assert!(
                matches!(missing, Err(NoQuestion::Incomplete)),
                "{path} {name}"
            );
            fields.push((name, ""));
            let empty = read(question(path, &fields));
            assert!(
                matches!(empty, Err(NoQuestion::Incomplete)),
                "{path} {name}"
            );
            if name != "x-forwarded-for" {
                fields.pop();
                fields.extend([(name, value), (name, value)]);
                let twice = read(question(path, &fields));
                assert!(
                    matches!(twice, Err(NoQuestion::Incomplete)),
                    "{path} {name}"
                );
            }
        }
    }
}

#[test]
fn nothing_of_the_questions_own_connection_is_left() {
    let mut fields = NGINX.to_vec();
    fields.extend([
        ("connection", "close, x-session-user-id"),
        ("content-length", "0"),
        ("te", "trailers"),
        ("expect", "100-continue"),
    ]);
    let (_, described) = described(question("/authz/nginx", &fields));
    for name in ["connection", "content-length", "te", "expect"] {
        assert!(!described.request().headers.contains_key(name), "{name}");
    }
}

#[test]
fn a_handshake_is_known_by_its_key() {
    let mut fields = NGINX.to_vec();
    fields.push(("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
    let (_, described) = described(question("/authz/nginx", &fields));
    let headers = described.request().headers;
    assert_eq!(headers.get("upgrade").unwrap(), "websocket");
    assert_eq!(headers.get("connection").unwrap(), "Upgrade");
}

#[test]
fn other_paths_ask_nothing() {
    for path in [
        "/",
        "/authz",
        "/authz/",
        "/authz/nginx/",
        "/authz/envoy",
        "/authz/envoyx/a",
        "/authz/events",
    ] {
        let asked = read(question(path, &NGINX));
        assert!(matches!(asked, Err(NoQuestion::Path)), "{path}");
    }
    let mut event = question("/authz/event", &[]);
    assert!(matches!(read(event.clone()), Err(NoQuestion::Path)));
    event.method = Method::POST;
    assert!(matches!(read(event), Ok(Asked::Event(_))));
}

#[test]
fn what_cannot_be_a_request_breaks_a_rule() {
    for (name, value) in [
        ("x-original-method", "GE T"),
        ("x-original-uri", "http://["),
    ] {
        let fields: Vec<_> = NGINX
            .iter()
            .map(|(other, own)| (*other, if *other == name { value } else { own }))
            .collect();
        match read(question("/authz/nginx", &fields)) {
            Ok(Asked::About(Via::Nginx, Err(_rule))) => {}
            Ok(Asked::About(_, Ok(_))) => assert_eq!(name, "x-original-uri", "{value:?}"),
            _ => panic!("{value:?}"),
        }
    }
}

#[test]
fn each_path_of_the_document_is_asked_by_whom_it_says() {
    let document: serde_json::Value = serde_json::from_str(super::super::OPENAPI).unwrap();
    let mut found = std::collections::BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace("{path}", "a/b");
        for (method, operation) in operations.as_object().unwrap() {
            let mut asked = question(&path, &[]);
            asked.method = method.to_uppercase().parse().unwrap();
            // Envoy's question is the request itself.
            asked.headers = [&[("host", "app.test")], &NGINX[..], &FORWARD[..2]]
                .concat()
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            let via = match read(asked).unwrap_or_else(|_why| panic!("{method} {path}")) {
                Asked::About(via, described) => {
                    described.unwrap();
                    via
                }
                Asked::Event(_) => Via::Event,
            };
            assert_eq!(operation["operationId"], format!("{via:?}"));
            found.insert(format!("{via:?}"));
        }
    }
    // Messages of gRPC have a document of their own.
    let http = Via::VARIANTS.iter().filter(|via| **via != Via::EnvoyGrpc);
    assert_eq!(found, http.map(|via| format!("{via:?}")).collect());
}
