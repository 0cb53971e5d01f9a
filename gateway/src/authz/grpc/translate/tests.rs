use super::super::messages::{Address, HttpAttributes, Peer, SocketAddress};
use super::*;

fn question(http: HttpRequest) -> CheckRequest {
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(Peer {
                address: Some(Address {
                    kind: Some(AddressKind::Socket(SocketAddress {
                        address: "192.0.2.1".to_owned(),
                    })),
                }),
            }),
            request: Some(HttpAttributes { http: Some(http) }),
        }),
    }
}

fn complete() -> HttpRequest {
    HttpRequest {
        method: "POST".to_owned(),
        path: "/a?b".to_owned(),
        host: "app.test".to_owned(),
        headers: [
            (":method".to_owned(), "GET".to_owned()),
            ("cookie".to_owned(), "a=1".to_owned()),
            ("x-forwarded-proto".to_owned(), "https".to_owned()),
        ]
        .into(),
        header_map: None,
    }
}

#[test]
fn the_request_is_what_the_message_says() {
    let described = described(question(complete())).unwrap().unwrap();
    let request = described.request();
    assert_eq!((request.method, request.target), ("POST", &b"/a?b"[..]));
    assert_eq!(request.headers.get("host").unwrap(), "app.test");
    assert_eq!(request.headers.get("cookie").unwrap(), "a=1");
    assert!(request.over_tls);
}

#[test]
fn fields_by_themselves_count_before_fields_that_were_joined() {
    let field = |key: &str, value: &str| HeaderField {
        key: key.to_owned(),
        value: String::new(),
        raw_value: value.as_bytes().to_vec(),
    };
    let http = HttpRequest {
        header_map: Some(super::super::messages::HeaderMap {
            headers: vec![
                field(":path", "/evil"),
                field("cookie", "a=1"),
                field("cookie", "b=2"),
                field("x-forwarded-proto", "https"),
            ],
        }),
        ..complete()
    };
    let described = described(question(http)).unwrap().unwrap();
    let cookies: Vec<_> = described
        .request()
        .headers
        .get_all("cookie")
        .iter()
        .collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
}

#[test]
fn what_is_missing_has_no_default() {
    let lacking: [fn(&mut HttpRequest); 4] = [
        |http| http.method.clear(),
        |http| http.path.clear(),
        |http| http.host.clear(),
        |http| drop(http.headers.remove("x-forwarded-proto")),
    ];
    for lack in lacking {
        let mut http = complete();
        lack(&mut http);
        assert!(matches!(
            described(question(http)),
            Err(NoQuestion::Incomplete)
        ));
    }
    assert!(matches!(
        described(CheckRequest::default()),
        Err(NoQuestion::Incomplete)
    ));
    let mut nobody = question(complete());
    nobody.attributes.as_mut().unwrap().source = None;
    assert!(matches!(described(nobody), Err(NoQuestion::Incomplete)));
}
