//! `X-Session-Event` that nobody must believe: the answer is delivered, the session stays as it is.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use sidgate_testkit::app::{self, Exchange};
use sidgate_testkit::{Reply, Stage, token};

/// A login and a logout: whichever were obeyed would show.
fn events() -> Value {
    json!([
        {"type": "logout", "scope": "all"},
        {"type": "login", "identity": app::identity("mallory@example.com")}
    ])
}

fn none_is_obeyed(make: impl Fn(&Exchange<'_>) -> String + Send + Sync + 'static) {
    let stage = Stage::start();
    is_not_obeyed(&stage, make);
}

/// Answers with the token that `make` makes.
fn is_not_obeyed(stage: &Stage, make: impl Fn(&Exchange<'_>) -> String + Send + Sync + 'static) {
    let sid = stage.log_in("alice@example.com");
    stage.on("/event", move |exchange| {
        Reply::new(200, &[("X-Session-Event", &make(exchange))], "delivered")
    });
    let counted = || {
        let metrics = stage.metrics();
        let done = [("result", "done")];
        let name = "sidgate_session_events_total";
        (metrics.sum(name, &[]), metrics.sum(name, &done))
    };
    let (all, done) = counted();

    let response = stage.get_as(&sid, "/event").must_be(200);

    assert_eq!(response.text(), "delivered");
    assert_eq!(response.header("x-session-event"), None);
    assert!(response.leaves_cookies_alone(), "{response:?}");
    assert_eq!(stage.session_of(&sid)["user"]["id"], "alice");
    assert_eq!(counted(), (all + 1.0, done), "counted, and not as done");
}

/// A token that is right but for some claims.
fn with_claims(change: impl Fn(&mut Value) + Send + Sync + 'static) {
    none_is_obeyed(move |exchange| {
        let mut claims = exchange.event_claims(&events());
        change(&mut claims);
        exchange.sign(&claims)
    });
}

#[test]
fn the_same_event_is_obeyed_when_nothing_is_wrong() {
    let (stage, sid) = Stage::start().and_alice();
    stage.says("/event", events());

    let response = stage.get_as(&sid, "/event");

    assert_eq!(
        stage.session_of(&response.new_sid())["user"]["id"],
        "mallory"
    );
    assert!(!stage.knows(&sid));
}

#[test]
fn signed_with_the_key_of_another_app() {
    let stage = Stage::with(["[upstreams.other]\nservers = [\"127.0.0.1:1\"]"]);
    let other = stage.upstream_key("other");
    is_not_obeyed(&stage, move |exchange| {
        token::sign(&other, &exchange.event_claims(&events()))
    });
}

#[test]
fn signed_with_nobodys_key() {
    none_is_obeyed(|exchange| token::sign(&[7; 32], &exchange.event_claims(&events())));
}

#[test]
fn signed_with_an_empty_key() {
    none_is_obeyed(|exchange| token::sign(&[], &exchange.event_claims(&events())));
}

#[test]
fn unsigned_with_alg_none() {
    none_is_obeyed(|exchange| {
        let header = json!({"alg": "none", "typ": "JWT"});
        token::unsigned(&header, &exchange.event_claims(&events())) + "."
    });
}

#[test]
fn unsigned_json() {
    none_is_obeyed(|exchange| exchange.event_claims(&events()).to_string());
}

#[test]
fn signature_cut_off() {
    none_is_obeyed(|exchange| {
        let token = exchange.sign(&exchange.event_claims(&events()));
        let (signed, _) = token.rsplit_once('.').unwrap();
        format!("{signed}.")
    });
}

#[test]
fn claims_changed_after_signing() {
    none_is_obeyed(|exchange| {
        let harmless = exchange.sign(&exchange.event_claims(&json!([{"type": "rotate"}])));
        let segments: Vec<_> = harmless.split('.').collect();
        let claims = exchange.event_claims(&events()).to_string();
        let claims = URL_SAFE_NO_PAD.encode(claims);
        format!("{}.{claims}.{}", segments[0], segments[2])
    });
}

#[test]
fn another_algorithm_of_the_same_family() {
    none_is_obeyed(|exchange| {
        token::sign_by_hs512(exchange.key(), &exchange.event_claims(&events()))
    });
}

#[test]
fn bound_to_another_request() {
    with_claims(|claims| claims["req"] = json!("another-request"));
}

#[test]
fn bound_to_no_request() {
    with_claims(|claims| {
        claims.as_object_mut().unwrap().remove("req");
    });
}

#[test]
fn replayed_from_an_earlier_answer() {
    let stage = Stage::start();
    stage.get("/earlier");
    let earlier = stage.app.only_request().header("x-request-id").unwrap();
    is_not_obeyed(&stage, move |exchange| {
        let mut claims = exchange.event_claims(&events());
        claims["req"] = json!(earlier);
        exchange.sign(&claims)
    });
}

#[test]
fn for_somebody_else() {
    with_claims(|claims| claims["aud"] = json!("app:backend"));
}

#[test]
fn for_nobody() {
    with_claims(|claims| {
        claims.as_object_mut().unwrap().remove("aud");
    });
}

#[test]
fn from_another_issuer() {
    with_claims(|claims| claims["iss"] = json!("sidgate"));
}

#[test]
fn too_old() {
    with_claims(|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() - 62));
}

#[test]
fn from_the_future() {
    with_claims(|claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 300));
}

#[test]
fn without_a_time() {
    with_claims(|claims| {
        claims.as_object_mut().unwrap().remove("iat");
    });
}

#[test]
fn one_unknown_event_among_good_ones() {
    with_claims(|claims| {
        let events = claims["ev"].as_array_mut().unwrap();
        events.push(json!({"type": "promote"}));
    });
}

#[test]
fn login_of_an_invalid_identity() {
    with_claims(|claims| {
        claims["ev"] = json!([{"type": "login", "identity": {"user": {"id": 7}}}])
    });
}

#[test]
fn assertion_of_the_request_sent_back() {
    none_is_obeyed(|exchange| exchange.received.header("x-session-assertion").unwrap());
}

#[test]
fn two_events_in_one_answer() {
    let (stage, sid) = Stage::start().and_alice();
    stage.on("/event", |exchange| {
        let token = exchange.sign(&exchange.event_claims(&events()));
        let headers = [("X-Session-Event", &*token), ("X-Session-Event", &*token)];
        Reply::new(200, &headers, "delivered")
    });

    let response = stage.get_as(&sid, "/event");

    assert_eq!(response.text(), "delivered");
    assert_eq!(response.header("x-session-event"), None);
    assert!(response.leaves_cookies_alone());
    assert!(stage.knows(&sid));
}
