//! An `X-Session-Event` that was changed in any way does not count.

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use sidgate_testkit::corpus;

use super::{NOW, REQUEST, django, good, signed_by};
use crate::auth::event::SessionEvent;
use crate::auth::token::TokenRefused;

/// What stands for the signed token of the moment in a kept file.
const TOKEN: &str = "{token}";

#[test]
fn only_the_signed_token_itself_opens() {
    let token = signed_by(1, &good());
    let parts: Vec<&str> = token.split('.').collect();
    let check = |bytes: &[u8]| -> TestCaseResult {
        let text = String::from_utf8_lossy(bytes).replace(TOKEN, &token);
        let text = text
            .replace("{head}", parts[0])
            .replace("{claims}", parts[1]);
        let bytes = text.replace("{mac}", parts[2]).into_bytes();
        let opened = django().open_event(&bytes, REQUEST, NOW);
        if bytes == token.as_bytes() {
            prop_assert!(opened.is_ok());
        } else {
            prop_assert_eq!(opened, Err(TokenRefused::Signature));
        }
        Ok(())
    };
    let pieces = [
        ".",
        "..",
        "=",
        "A",
        "-",
        "_",
        "+",
        "/",
        " ",
        "\n",
        "\0",
        "{head}",
        "{claims}",
        "{mac}",
        "{token}",
        "e30",
        "eyJhbGciOiJub25lIn0",
        "%3d",
        "\u{e9}",
    ];
    corpus::holds("event-token", 2048, &pieces, check);
}

#[test]
fn events_are_all_of_the_documented_shape_or_none_counts() {
    let check = |bytes: &[u8]| -> TestCaseResult {
        let Ok(json) = serde_json::from_slice::<serde_json::Value>(bytes) else {
            return Ok(());
        };
        match SessionEvent::parse_all(json.clone()) {
            Err(why) => prop_assert!(why.path().starts_with("ev"), "{}", why),
            Ok(events) => {
                let said = json.as_array().expect("a list");
                prop_assert_eq!(events.len(), said.len());
                prop_assert!((1..=8).contains(&said.len()));
                for (event, said) in events.iter().zip(said) {
                    let kind = said["type"].as_str().expect("a type");
                    let read = event.kind().as_str();
                    prop_assert_eq!(read, kind);
                    let known = ["type", "identity", "ttl", "scope", "ref"];
                    prop_assert!(
                        said.as_object()
                            .expect("an object")
                            .keys()
                            .all(|key| known.contains(&key.as_str()))
                    );
                }
            }
        }
        Ok(())
    };
    let pieces = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "null",
        "0",
        "-1",
        "1e99",
        "true",
        "\"type\":\"login\"",
        "\"type\":\"logout\"",
        "\"scope\":\"all\"",
        "\"ttl\":0",
        "\"ttl\":18446744073709551616",
        "\"identity\":{}",
        "\"user\":{\"id\":\"\"}",
        "\\u0000",
        "\\ud800",
        "\u{e9}",
        "{\"type\":\"rotate\"},",
    ];
    corpus::holds("event", 2048, &pieces, check);
}
