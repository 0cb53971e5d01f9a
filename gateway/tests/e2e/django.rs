//! The real Django demo under gunicorn, behind the gateway.

use serde_json::{Value, json};

use sidgate_testkit::browser::Browser;
use sidgate_testkit::django::Demo;
use sidgate_testkit::{Request, login};

const USER: &str = "test@example.com";
const ADMIN: &str = "admin@example.com";
const PASSWORD: &str = "password";

fn whoami(demo: &Demo, sid: &str) -> Value {
    let response = demo.gateway.get_as(sid, "/whoami").must_be(200);
    response.json()
}

fn log_in(demo: &Demo, email: &str) -> String {
    let request = login(email, PASSWORD);
    demo.gateway.send(&request).must_be(201).new_sid()
}

/// Says these events in the answer to a request of this session.
fn say(demo: &Demo, sid: &str, events: &Value) -> sidgate_testkit::Response {
    let request = Request::post("/demo/event").sid(sid);
    let response = demo.gateway.send(&request.json(&json!({"events": events})));
    assert_eq!(response.status, 200, "{response:?}");
    response
}

#[test]
fn login_by_json_is_seen_by_django() {
    let demo = Demo::start();

    let sid = log_in(&demo, USER);

    let seen = whoami(&demo, &sid);
    let view = demo.gateway.session_of(&sid);
    let user = view["user"]["id"].clone();
    assert_eq!(
        seen["session"],
        json!({"state": "active", "verified": true})
    );
    assert_eq!(seen["user"]["email"], USER);
    assert_eq!(seen["user"]["id"], user);
    assert_eq!(seen["user"]["is_authenticated"], true);
    assert_eq!(
        seen["cookies"],
        json!(["sidgate"]),
        "the sid stays at the gateway, caches of the app see a marker"
    );
    let headers = &seen["headers"];
    assert_eq!(headers["X-Session-State"], "active");
    assert_eq!(headers["X-Session-Id"], view["session"]["id"]);
    assert_eq!(headers["X-Session-User-Id"], user);
    assert_eq!(headers["X-Session-Email"], USER);
    assert_eq!(headers["X-Session-Assertion"]["sub"], user);
}

#[test]
fn nobody_is_seen_as_nobody() {
    let demo = Demo::start();

    let response = demo.gateway.get("/whoami");

    let seen = response.json();
    assert_eq!(
        seen["session"],
        json!({"state": "anonymous", "verified": true})
    );
    assert_eq!(seen["user"]["is_authenticated"], false);
}

#[test]
fn wrong_password_is_refused_by_django() {
    let demo = Demo::start();

    for (email, password) in [(USER, "wrong"), ("nobody@example.com", PASSWORD)] {
        let response = demo.gateway.send(&login(email, password));
        assert_eq!(response.problem(401), "invalid_credentials");
        assert!(response.leaves_cookies_alone());
    }
}

#[test]
fn logout_by_json_is_seen_by_django() {
    let demo = Demo::start();
    let sid = log_in(&demo, USER);

    assert_eq!(demo.gateway.log_out(&sid).status, 204);

    assert_eq!(whoami(&demo, &sid)["session"]["state"], "anonymous");
}

#[test]
fn private_page_needs_a_session() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);

    let sent_away = browser.open("/private").must_be(303);
    assert_eq!(sent_away.header("location"), Some("/login?next=/private"));

    browser.send(login(USER, PASSWORD));
    assert_eq!(browser.open("/private").status, 200);
}

#[test]
fn djangos_login_form_makes_a_session_of_the_gateway() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);
    let form = [
        ("username", USER),
        ("password", PASSWORD),
        ("next", "/private"),
    ];

    let response = browser.submit("/login?next=/private", &form).must_be(302);

    assert_eq!(response.header("location"), Some("/private"));
    assert_eq!(response.header("x-session-event"), None);
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    let sid = browser.sid().expect("a sid in the jar").to_owned();
    assert_eq!(demo.gateway.session_of(&sid)["user"]["email"], USER);
    assert_eq!(browser.open("/private").status, 200);
}

#[test]
fn djangos_login_form_refuses_a_wrong_password() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);

    let response = browser.submit("/login", &[("username", USER), ("password", "wrong")]);

    assert_eq!(response.status, 200);
    assert!(
        response.text().contains("role=\"alert\""),
        "an error is shown"
    );
    assert_eq!(browser.sid(), None);
}

#[test]
fn djangos_csrf_check_works_behind_the_gateway() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);
    browser.open("/login");

    let forged = Request::post("/login")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("Origin", &demo.gateway.origin())
        .body("username=test%40example.com&password=password");

    assert_eq!(browser.send(forged).status, 403);
    assert_eq!(browser.sid(), None);
}

#[test]
fn djangos_logout_view_ends_the_session_of_the_gateway() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);
    browser.submit("/login", &[("username", USER), ("password", PASSWORD)]);
    let sid = browser.sid().expect("a sid in the jar").to_owned();
    let home = browser.open("/");
    assert!(home.text().contains("Hello"), "{}", home.text());

    let response = browser.submit_to("/logout", &home, &[]);

    assert_eq!(response.status, 302, "{response:?}");
    assert_eq!(browser.sid(), None, "the cookie is cleared");
    assert!(!demo.gateway.knows(&sid));
    assert!(browser.open("/").text().contains("Nobody is logged in"));
}

#[test]
fn admin_is_reached_by_its_own_login_page() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);
    assert_eq!(browser.open("/admin/").status, 303, "nobody gets in");
    let form = [
        ("username", ADMIN),
        ("password", PASSWORD),
        ("next", "/admin/"),
    ];

    let response = browser.submit("/admin/login/?next=/admin/", &form);
    assert_eq!(response.status, 302, "{response:?}");

    let page = browser.open("/admin/").must_be(200);
    assert!(
        page.text().contains("Site administration"),
        "{}",
        page.text()
    );
    assert_eq!(browser.open("/admin/auth/user/").status, 200);
}

#[test]
fn admin_stays_closed_to_users_who_are_no_staff() {
    let demo = Demo::start();
    let mut browser = Browser::of(&demo.gateway);
    browser.send(login(USER, PASSWORD));

    let response = browser.open("/admin/");

    assert_eq!(response.status, 302, "Django's own refusal: {response:?}");
    assert_eq!(
        response.header("location"),
        Some("/admin/login/?next=/admin/")
    );
}

#[test]
fn events_of_the_client_package_are_obeyed() {
    let demo = Demo::start();
    let other = log_in(&demo, USER);
    let sid = log_in(&demo, USER);

    let events = json!([
        {"type": "update", "identity": {"attributes": {"plan": "pro"}}},
        {"type": "ref", "ref": "django-42"},
        {"type": "logout", "scope": "others"}
    ]);
    say(&demo, &sid, &events);

    let claims = whoami(&demo, &sid)["headers"]["X-Session-Assertion"].clone();
    assert_eq!(claims["attrs"]["plan"], "pro");
    assert_eq!(claims["ref"], "django-42");
    assert!(!demo.gateway.knows(&other));

    let rotated = say(&demo, &sid, &json!([{"type": "rotate"}])).new_sid();
    assert!(!demo.gateway.knows(&sid));
    assert_eq!(whoami(&demo, &rotated)["user"]["email"], USER);
}

#[test]
fn app_asked_past_the_gateway_believes_nothing() {
    let demo = Demo::start();
    let request = Request::get("/whoami")
        .header("X-Session-State", "active")
        .header("X-Session-User-Id", "1")
        .header("X-Session-Assertion", "a.b.c");

    let seen = demo.ask_directly(&request).json();

    assert_eq!(
        seen["session"],
        json!({"state": "bypassed", "verified": false})
    );
    assert_eq!(seen["user"]["is_authenticated"], false);
}

#[test]
fn client_cannot_tell_django_who_it_is() {
    let demo = Demo::start();
    let request = Request::get("/whoami")
        .header("X-Session-State", "active")
        .header("X-Session-User-Id", "1")
        .header("X-Session-Assertion", "a.b.c")
        .header("Remote-User", USER);

    let seen = demo.gateway.send(&request).json();

    assert_eq!(
        seen["session"],
        json!({"state": "anonymous", "verified": true})
    );
    assert_eq!(seen["user"]["is_authenticated"], false);
    assert_eq!(seen["headers"].get("X-Session-User-Id"), None);
}
