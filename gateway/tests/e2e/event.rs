//! Apps that change the session in their answer: `X-Session-Event`, believed and obeyed.

use serde_json::{Value, json};

use sidgate_testkit::app;
use sidgate_testkit::wait::unix_now;
use sidgate_testkit::{Request, Response, Stage};

/// The browser with this sid gets an answer with these events.
fn hear(stage: &Stage, sid: Option<&str>, events: Value) -> Response {
    stage.says("/event", events);
    let request = Request::post("/event");
    let request = match sid {
        Some(sid) => request.sid(sid),
        None => request,
    };
    let response = stage.send(&request).must_be(200);
    assert_eq!(response.text(), "event", "the answer is the app's");
    assert_eq!(response.header("x-session-event"), None);
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    response
}

fn login_event(email: &str) -> Value {
    json!({"type": "login", "identity": app::identity(email)})
}

#[test]
fn login_makes_a_session() {
    let stage = Stage::start();

    let response = hear(&stage, None, json!([login_event("alice@example.com")]));

    let cookie = response.header("set-cookie").unwrap();
    for attribute in ["Path=/", "HttpOnly", "Secure", "SameSite=Lax"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    let view = stage.session_of(&response.new_sid());
    assert_eq!(view["user"]["id"], "alice");
}

#[test]
fn login_replaces_the_session_of_the_browser() {
    let (stage, before) = Stage::start().and_alice();

    let response = hear(
        &stage,
        Some(&before),
        json!([login_event("bob@example.com")]),
    );

    let after = response.new_sid();
    assert_ne!(before, after);
    assert!(!stage.knows(&before));
    assert_eq!(stage.session_of(&after)["user"]["id"], "bob");
}

#[test]
fn login_can_ask_for_a_shorter_life() {
    let stage = Stage::start();
    let mut event = login_event("alice@example.com");
    event["ttl"] = json!(600);

    let sid = hear(&stage, None, json!([event])).new_sid();

    stage.get_as(&sid, "/seen");
    let expires_at = stage.app.last_request().header("x-session-expires-at");
    let left = expires_at.unwrap().parse::<i64>().unwrap() - unix_now();
    assert!((590..=600).contains(&left), "{left} s left");
}

#[test]
fn login_cannot_ask_for_a_longer_life_than_configured() {
    let stage = Stage::start();
    let mut event = login_event("alice@example.com");
    event["ttl"] = json!(10 * 365 * 24 * 60 * 60);

    let sid = hear(&stage, None, json!([event])).new_sid();

    stage.get_as(&sid, "/seen");
    let expires_at = stage.app.last_request().header("x-session-expires-at");
    let left = expires_at.unwrap().parse::<i64>().unwrap() - unix_now();
    assert!(left <= 24 * 60 * 60, "{left} s left");
}

#[test]
fn logout_this_ends_one_session() {
    let (stage, this) = Stage::start().and_alice();
    let other = stage.log_in("alice@example.com");

    let event = json!([{"type": "logout", "scope": "this"}]);
    let response = hear(&stage, Some(&this), event);

    assert!(response.clears_the_sid(), "{response:?}");
    assert!(!stage.knows(&this));
    assert!(stage.knows(&other));
}

#[test]
fn logout_others_leaves_this_one() {
    let (stage, this) = Stage::start().and_alice();
    let other = stage.log_in("alice@example.com");
    let somebody_else = stage.log_in("bob@example.com");

    let event = json!([{"type": "logout", "scope": "others"}]);
    let response = hear(&stage, Some(&this), event);

    assert!(response.leaves_cookies_alone());
    assert!(stage.knows(&this));
    assert!(!stage.knows(&other));
    assert!(stage.knows(&somebody_else));
}

#[test]
fn logout_all_ends_every_session_of_the_user() {
    let (stage, this) = Stage::start().and_alice();
    let other = stage.log_in("alice@example.com");
    let somebody_else = stage.log_in("bob@example.com");

    let event = json!([{"type": "logout", "scope": "all"}]);
    let response = hear(&stage, Some(&this), event);

    assert!(response.clears_the_sid(), "{response:?}");
    assert!(!stage.knows(&this));
    assert!(!stage.knows(&other));
    assert!(stage.knows(&somebody_else));
}

#[test]
fn update_merges_into_the_identity() {
    let (stage, sid) = Stage::start().and_alice();
    let before = stage.told(&sid);
    let identity = json!({
        "user": {"email": "new@example.com", "name": null},
        "attributes": {"plan": "pro", "roles": null, "seats": 3},
        "needs_onboarding": true
    });

    let event = json!([{"type": "update", "identity": identity}]);
    let response = hear(&stage, Some(&sid), event);

    assert!(response.leaves_cookies_alone());
    let after = stage.told(&sid);
    assert_eq!(after["attrs"], json!({"plan": "pro", "seats": 3}));
    assert_eq!(after["email"], "new@example.com");
    for same in ["sub", "tid", "sid", "ah", "auth_time"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    let seen = stage.app.last_request();
    assert_eq!(seen.header("x-session-email").unwrap(), "new@example.com");
    let view = stage.session_of(&sid);
    assert_eq!(view["user"].get("name"), None);
    assert_eq!(view["needsOnboarding"], true);
}

#[test]
fn update_cannot_make_somebody_else_of_the_user() {
    let (stage, sid) = Stage::start().and_alice();

    let identity = json!({"user": {"id": "root"}});
    hear(
        &stage,
        Some(&sid),
        json!([{"type": "update", "identity": identity}]),
    );

    assert_eq!(stage.told(&sid)["sub"], "alice");
}

#[test]
fn rotate_gives_the_session_another_sid() {
    let (stage, before) = Stage::start().and_alice();
    let old = stage.told(&before);

    let response = hear(&stage, Some(&before), json!([{"type": "rotate"}]));

    let after = response.new_sid();
    assert_ne!(before, after);
    assert!(!stage.knows(&before));
    let new = stage.told(&after);
    for same in ["sub", "tid", "email", "attrs", "auth_time", "ah"] {
        assert_eq!(old[same], new[same], "{same}");
    }
}

#[test]
fn ref_is_kept_with_the_session() {
    let (stage, sid) = Stage::start().and_alice();

    let response = hear(
        &stage,
        Some(&sid),
        json!([{"type": "ref", "ref": "django-42"}]),
    );

    assert!(response.leaves_cookies_alone());
    assert_eq!(stage.told(&sid)["ref"], "django-42");
}

#[test]
fn several_events_are_obeyed_in_order() {
    let stage = Stage::start();
    let old = stage.log_in("bob@example.com");

    let events = json!([
        {"type": "logout", "scope": "this"},
        login_event("alice@example.com"),
        {"type": "update", "identity": {"attributes": {"plan": "pro"}}},
        {"type": "ref", "ref": "r1"}
    ]);
    let sid = hear(&stage, Some(&old), events).new_sid();

    assert!(!stage.knows(&old));
    let claims = stage.told(&sid);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["attrs"]["plan"], "pro");
    assert_eq!(claims["ref"], "r1");
}

#[test]
fn event_works_on_a_route_without_session() {
    let stage = Stage::start();
    let event = json!([login_event("alice@example.com")]);
    stage.says("/none/login", event);

    let response = stage.send(&Request::post("/none/login"));

    assert!(stage.knows(&response.new_sid()));
}

#[test]
fn event_comes_through_with_an_answer_of_any_status() {
    let stage = Stage::start();
    stage.on("/event", |exchange| {
        let events = json!([login_event("alice@example.com")]);
        let token = exchange.sign(&exchange.event_claims(&events));
        let headers = [("X-Session-Event", &*token), ("Location", "/welcome")];
        sidgate_testkit::Reply::new(302, &headers, "")
    });

    let response = stage.send(&Request::post("/event")).must_be(302);

    assert_eq!(response.header("location"), Some("/welcome"));
    assert!(stage.knows(&response.new_sid()));
}

/// A second click on "log out everywhere", or a session that ended elsewhere.
#[test]
fn logout_everywhere_of_nobody_is_done_already() {
    let (stage, gone) = Stage::start().and_alice();
    stage.log_out(&gone);
    for sid in [None, Some(gone.as_str())] {
        let all = hear(&stage, sid, json!([{"type": "logout", "scope": "all"}]));
        assert!(all.clears_the_sid(), "{all:?}");
        let others = hear(&stage, sid, json!([{"type": "logout", "scope": "others"}]));
        assert!(others.leaves_cookies_alone(), "{others:?}");
    }
}

/// On a route where nobody looked the session up before.
#[test]
fn logout_everywhere_finds_the_user_of_a_route_without_sessions() {
    let stage = Stage::start();
    let [this, other] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    stage.says("/none", json!([{"type": "logout", "scope": "all"}]));

    let response = stage.send(&Request::post("/none").sid(&this));

    assert_eq!(stage.app.last_request().state(), "none");
    assert!(response.clears_the_sid(), "{response:?}");
    assert!(!stage.knows(&this) && !stage.knows(&other));
}

#[test]
fn logout_of_this_one_and_of_the_others_is_logout_of_all() {
    let stage = Stage::start();
    for second in ["others", "all"] {
        let [this, other] = [(); 2].map(|()| stage.log_in("alice@example.com"));
        let logout = |scope| json!({"type": "logout", "scope": scope});

        let response = hear(&stage, Some(&this), json!([logout("this"), logout(second)]));

        assert!(response.clears_the_sid(), "{second}: {response:?}");
        assert!(!stage.knows(&this) && !stage.knows(&other));
    }
}
