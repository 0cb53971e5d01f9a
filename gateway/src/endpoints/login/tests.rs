use std::net::{IpAddr, Ipv4Addr};

use http::HeaderValue;

use super::*;
use crate::state::{Addressed, RequestId};

fn client() -> Client {
    Client {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        user_agent: Some(HeaderValue::from_static("real")),
        request_id: RequestId::given(&HeaderValue::from_static("r")).unwrap(),
        trace: None,
        to: Addressed::default(),
    }
}

#[test]
fn only_a_json_object_with_both_strings_is_a_login() {
    for body in [
        "",
        "null",
        "[]",
        "{",
        r#"{"email":"a"}"#,
        r#"{"email":"a","password":1}"#,
        r#"{"email":"","password":"x"}"#,
    ] {
        assert!(parse(body.as_bytes(), &client()).is_err(), "{body}");
    }
    let long = format!(
        r#"{{"email":"a","password":"{}"}}"#,
        "x".repeat(FIELD_MAX + 1)
    );
    assert!(parse(long.as_bytes(), &client()).is_err());
}

#[test]
fn further_members_pass_but_what_the_gateway_vouches_for_does_not() {
    let body = br#"{"email":"a","password":"b","otp":"123456","ip":"6.6.6.6","user_agent":"fake"}"#;
    let sent = serde_json::to_value(parse(body, &client()).unwrap().credentials).unwrap();
    assert_eq!(
        sent,
        json!({"email": "a", "password": "b", "otp": "123456", "ip": "127.0.0.1", "user_agent": "real"})
    );
}

#[test]
fn what_may_be_a_guess_is_more_than_a_password() {
    let brought = |extra: &str| {
        let body = format!(r#"{{"email":"a","password":"b"{extra}}}"#);
        factors(&parse(body.as_bytes(), &client()).unwrap().credentials)
    };
    for switches in [
        "",
        r#","end_others":true"#,
        r#","remember":true,"otp":null"#,
    ] {
        assert_eq!(brought(switches), Factors::Password, "{switches}");
    }
    for guess in [
        r#","otp":"1""#,
        r#","otp":0"#,
        r#","otp":["1"]"#,
        r#","otp":"""#,
    ] {
        assert_eq!(brought(guess), Factors::More, "{guess}");
    }
}

#[test]
fn the_content_type_must_be_json_and_said_once() {
    let headers = |types: &[&'static str]| -> HeaderMap {
        types
            .iter()
            .map(|kind| (CONTENT_TYPE, HeaderValue::from_static(kind)))
            .collect()
    };
    for good in ["application/json", "Application/JSON ; charset=utf-8"] {
        assert!(check_content_type(&headers(&[good])).is_ok(), "{good}");
    }
    for bad in [
        &[][..],
        &["text/plain"],
        &["application/jsonp"],
        &["application/json", "text/plain"],
    ] {
        assert_eq!(
            Answer::from(check_content_type(&headers(bad)).unwrap_err()).status,
            415,
            "{bad:?}"
        );
    }
}
