//! The vectors that every client runs (`clients/vectors`), and events that the gateway opens.

use std::collections::BTreeMap;

use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::*;
use crate::auth::token::{Answered, AppKeys};

#[derive(Deserialize)]
struct File {
    cases: Vec<Value>,
    keys: BTreeMap<String, String>,
}

impl File {
    /// Judges each case by `judge`, and compares.
    fn check(text: &str, name: &str, judge: fn(&AppSide, &Value) -> bool) {
        let file: Self = serde_json::from_str(text).unwrap();
        assert!(file.cases.len() > 20, "{} cases", file.cases.len());
        for case in &file.cases {
            let keys = case["keys"].as_array().unwrap().iter().map(|key| {
                let key = STANDARD.decode(&file.keys[key.as_str().unwrap()]).unwrap();
                SecretKey::new(key.try_into().unwrap())
            });
            let app = AppSide::new(name, keys.collect());
            assert_eq!(judge(&app, case), case.get("refused").is_none(), "{case:#}");
        }
    }
}

fn token(case: &Value) -> &[u8] {
    case["token"].as_str().unwrap().as_bytes()
}

#[test]
fn assertions_are_judged_as_the_vectors_say() {
    let text = include_str!("../../../../../clients/vectors/assertions.json");
    File::check(text, "next", |app, case| {
        let visitor = app.visitor(token(case), case["now"].as_i64().unwrap());
        visitor.is_some()
    });
}

#[test]
fn questions_are_judged_as_the_vectors_say() {
    let text = include_str!("../../../../../clients/vectors/backend-requests.json");
    File::check(text, "django", |app, case| {
        let body = case["body"].as_str().unwrap().as_bytes();
        app.is_question(token(case), body, case["now"].as_i64().unwrap())
    });
}

#[test]
fn the_gateway_opens_what_an_app_signs_for_this_request() {
    let key = || SecretKey::new([7; 32]);
    let events = json!([{"type": "logout", "scope": "this"}]);
    let signed = AppSide::new("app", vec![key()]);
    let signed = signed.event("r-1", &events, 1_000).unwrap();
    let open = |request_id| {
        let request = Answered {
            request_id,
            site: None,
        };
        AppKeys::new("app", &[key()]).open_event(signed.as_bytes(), request, 1_001)
    };
    assert_eq!(open("r-1"), Ok(events));
    assert!(open("r-2").is_err());
    assert_eq!(
        AppSide::new("app", vec![]).event("r-1", &json!([]), 1),
        None
    );
}
