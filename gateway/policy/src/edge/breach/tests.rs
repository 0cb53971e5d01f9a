use strum::VariantArray as _;

use super::*;
use crate::edge::Class;
use crate::edge::tests::{Sent, policy};

#[test]
fn a_rule_about_one_field_names_it() {
    let field = |rule: Refused| Breach::from(rule).field.map(|name| name.to_string());
    assert_eq!(field(Refused::Upgrade).as_deref(), Some("upgrade"));
    assert_eq!(field(Refused::TargetByte), None);
}

#[test]
fn a_name_of_a_client_is_short_visible_and_no_secret() {
    let shown = |name: &[u8]| FieldName::sent(name).to_string();
    assert_eq!(shown(b"x_device_id"), "x_device_id");
    assert_eq!(shown(b"a\xff \n"), "a\\xff\\x20\\x0a");
    assert_eq!(shown(&[b'-'; 500]).len(), shown::NAME_MAX);
    assert_eq!(shown(b"0b9e7c66-30f4-4b1f-8f0e-6f2a51a9f0aa"), shown::MASK);
}

#[test]
fn the_field_that_broke_a_rule_is_named_and_no_value() {
    const LONG: usize = 5_000;

    let value = "v".repeat(LONG);
    let named = |sent: Sent| sent.field_under(&policy()).unwrap_or_default();
    let get = || Sent::get("/");
    for (sent, field) in [
        (get().with("X_Device_Id", "1"), "x_device_id"),
        (get().with("cookie", "sid=a; sid=b"), "sid"),
        (get().with("cookie", format!("theme={value}")), "theme"),
        (get().with("cookie", &value), "cookie"),
        (get().with("cookie", "a=1; ".repeat(70)), "cookie"),
        (get().with("connection", "cookie"), "connection"),
        (get().with("expect", "payment"), "expect"),
        (get().with("content-length", "05"), "content-length"),
        (
            get().with("x-small", "1").with("x-large", value.repeat(8)),
            "x-large",
        ),
        (Sent::get("//"), ""),
    ] {
        let found = named(sent);
        assert_eq!(found, field);
        assert!(!found.contains("vv"), "no value");
    }
}

#[test]
fn each_class_has_its_code() {
    let codes = Class::VARIANTS.iter().map(|class| class.code());
    let codes: Vec<_> = codes.collect();
    assert_eq!(
        codes,
        [
            "bad_request",
            "target",
            "host_unknown",
            "headers",
            "cookies",
            "method_not_allowed",
            "too_large",
            "headers_too_large",
            "uri_too_long",
            "not_implemented",
            "version",
            "loop_detected",
        ]
    );
}
