//! The vectors that every client runs too (`clients/vectors`): events are judged alike, and what Sidgate signs is what
//! they expect, byte for byte.

use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;

use super::*;
use crate::auth::event::SessionEvent;

#[derive(Deserialize)]
struct File {
    cases: Vec<Value>,
    keys: std::collections::BTreeMap<String, String>,
}

impl File {
    fn parse(text: &str) -> Self {
        let file: Self = serde_json::from_str(text).unwrap();
        assert!(file.cases.len() > 30, "{} cases", file.cases.len());
        file
    }

    fn app(&self, name: &str, case: &Value) -> AppKeys {
        let keys: Vec<_> = member::<Vec<String>>(case, "keys")
            .iter()
            .map(|key| STANDARD.decode(&self.keys[key]).unwrap())
            .map(|key| SecretKey::new(key.try_into().unwrap()))
            .collect();
        AppKeys::new(name, &keys)
    }

    /// The cases that Sidgate itself would have written.
    fn written_by_sidgate(&self) -> impl Iterator<Item = &Value> {
        let written = |case: &&Value| case["written_by_sidgate"] == json!(true);
        assert!(self.cases.iter().any(|case| written(&case)));
        self.cases.iter().filter(written)
    }
}

fn member<T: DeserializeOwned>(case: &Value, name: &str) -> T {
    serde_json::from_value(case[name].clone()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn events_are_judged_as_the_vectors_say() {
    let file = File::parse(include_str!(
        "../../../../../../clients/vectors/events.json"
    ));
    for case in &file.cases {
        let token: String = member(case, "token");
        let opened = file.app("django", case).open_event(
            token.as_bytes(),
            Answered {
                request_id: &member::<String>(case, "request_id"),
                site: case["site"].as_str(),
            },
            member(case, "now"),
        );
        let judged = opened.and_then(|events| {
            SessionEvent::parse_all(events.clone())?;
            Ok(events)
        });
        let expected = case.get("events").cloned().ok_or(&case["refused"]);
        let judged = judged.map_err(|refused| json!(refused.as_str()));
        assert_eq!(
            judged.as_ref(),
            expected.as_ref().map_err(|refused| *refused),
            "{case:#}"
        );
    }
}

#[test]
fn assertions_are_written_as_the_vectors_say() {
    let file = File::parse(include_str!(
        "../../../../../../clients/vectors/assertions.json"
    ));
    for case in file.written_by_sidgate() {
        let claims = &case["claims"];
        let text = |name: &str| claims[name].as_str().map(str::to_owned);
        let session = SessionClaims {
            site: text("site"),
            sid: text("sid"),
            sub: text("sub"),
            tid: text("tid"),
            email: claims.get("email").cloned(),
            attrs: claims.get("attrs").cloned(),
            auth_time: claims["auth_time"].as_i64(),
            ah: claims.get("ah").cloned(),
            reference: text("ref"),
            stale: claims["stale"].as_u64(),
        };
        let state = ["active", "anonymous", "unknown", "none"]
            .into_iter()
            .find(|state| claims["state"] == *state);
        let signed =
            file.app("next", case)
                .assertion(state.unwrap(), &session, member(claims, "iat"));
        assert_eq!(signed.unwrap(), member::<String>(case, "token"), "{case:#}");
    }
}

#[test]
fn requests_to_the_backend_are_written_as_the_vectors_say() {
    let file = File::parse(include_str!(
        "../../../../../../clients/vectors/backend-requests.json"
    ));
    for case in file.written_by_sidgate() {
        let body: String = member(case, "body");
        let signed = file
            .app("django", case)
            .backend_request(body.as_bytes(), member(case, "now"));
        assert_eq!(signed.unwrap(), member::<String>(case, "token"), "{case:#}");
    }
}
