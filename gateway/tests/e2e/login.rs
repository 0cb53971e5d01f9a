//! Logging in, asking who is logged in, logging out; on the embedded SQLite store.

use serde_json::json;

use sidgate_testkit::app::{self, NAME, PASSWORD};
use sidgate_testkit::wait::unix_now;
use sidgate_testkit::{Request, SESSION, Stage, login, token};

const DAY: i64 = 24 * 60 * 60;

/// The attributes of a Set-Cookie without the pair in front, sorted.
fn attributes(set_cookie: &str) -> Vec<&str> {
    let mut attributes: Vec<_> = set_cookie.split("; ").skip(1).collect();
    attributes.sort_unstable();
    attributes
}

#[test]
fn login_answers_201_with_the_session_and_an_exact_cookie() {
    let stage = Stage::start();

    let response = stage.try_login("alice@example.com").must_be(201);

    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let sid = response.new_sid();
    let dashes: Vec<_> = sid.match_indices('-').map(|(at, _)| at).collect();
    assert_eq!(dashes, [8, 13, 18, 23]);
    assert!(sid.bytes().all(|byte| b"0123456789abcdef-".contains(&byte)));
    assert_eq!(
        attributes(response.all("set-cookie")[0]),
        [
            "HttpOnly",
            "Max-Age=86400",
            "Path=/",
            "SameSite=Lax",
            "Secure"
        ]
    );
    let view = response.json();
    assert_eq!(view["authenticated"], true);
    assert_eq!(view["user"]["id"], "alice");
    assert_eq!(view["user"]["email"], "alice@example.com");
    assert_eq!(view["user"]["name"], "The alice");
    assert_eq!(view["user"]["tenantId"], "t1");
    assert_eq!(view["tenantId"], "t1");
    assert_eq!(view["needsOnboarding"], false);
    let session = view["session"].as_object().unwrap();
    let members: Vec<_> = session.keys().map(String::as_str).collect();
    assert_eq!(members, ["createdAt", "expiresAt", "id", "lastActivity"]);
    assert!(
        !response.text().contains(&sid),
        "the secret is in the cookie alone"
    );
}

#[test]
fn cookie_attributes_follow_the_configuration() {
    let stage = Stage::with([r#"
            [cookie]
            secure = false
            same_site = "strict"
            [session]
            absolute_timeout = "1h"
            "#]);

    let response = stage.try_login("alice@example.com");

    assert_eq!(
        attributes(response.all("set-cookie")[0]),
        ["HttpOnly", "Max-Age=3600", "Path=/", "SameSite=Strict"]
    );
}

#[test]
fn backend_is_asked_with_a_signed_request() {
    let stage = Stage::start();
    let credentials = json!({"email": "alice@example.com", "password": PASSWORD, "otp": "123456"});

    let request = Request::post(SESSION)
        .header("User-Agent", "Testbrowser/1.0")
        .json(&credentials);
    assert_eq!(stage.send(&request).status, 201);

    let calls = stage.app.backend_calls();
    assert_eq!(calls.len(), 1);
    let call = &calls[0];
    assert_eq!(call.request_line(), "POST /__sidgate__/authenticate");
    assert_eq!(call.header("content-type").unwrap(), "application/json");
    let body: serde_json::Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(
        body,
        json!({
            "email": "alice@example.com", "password": PASSWORD, "otp": "123456",
            "ip": "127.0.0.1", "user_agent": "Testbrowser/1.0"
        })
    );
    let claims = token::verify(&stage.app.key(), &call.header("x-sidgate-request").unwrap());
    let iat = claims["iat"].as_i64().unwrap();
    assert!((unix_now() - iat).abs() <= 5, "{claims}");
    assert_eq!(
        claims,
        json!({
            "iss": "sidgate", "aud": format!("{NAME}:backend"), "iat": iat, "exp": iat + 30,
            "bh": token::body_hash(&call.body)
        })
    );
}

#[test]
fn get_tells_who_is_logged_in() {
    let stage = Stage::start();
    let created = stage.try_login("alice@example.com");

    let response = stage.get_as(&created.new_sid(), SESSION).must_be(200);

    assert!(response.leaves_cookies_alone());
    let (view, first) = (response.json(), created.json());
    assert_eq!(view["user"], first["user"]);
    assert_eq!(view["session"]["id"], first["session"]["id"]);
    assert_eq!(view["session"]["expiresAt"], first["session"]["expiresAt"]);
    assert!(
        stage.app.requests().is_empty(),
        "answered by the gateway itself"
    );
}

#[test]
fn get_without_a_session_says_so() {
    let stage = Stage::start();

    let response = stage.get(SESSION).must_be(200);

    assert_eq!(
        response.json(),
        json!({"authenticated": false, "user": null})
    );
}

#[test]
fn delete_ends_the_session_and_clears_the_cookie() {
    let (stage, sid) = Stage::start().and_alice();
    let logout = Request::delete(SESSION).sid(&sid);

    let first = stage.send(&logout).must_be(204);

    let cleared = first.header("set-cookie").expect("a clearing cookie");
    assert!(cleared.starts_with("sid=;"), "{cleared}");
    assert_eq!(
        attributes(cleared),
        ["HttpOnly", "Max-Age=0", "Path=/", "SameSite=Lax", "Secure"]
    );
    assert!(!stage.knows(&sid), "the session has ended");

    let again = stage.send(&logout);
    assert_eq!(again.status, 204, "logging out twice is fine");
}

#[test]
fn delete_without_a_cookie_is_fine() {
    let stage = Stage::start();

    assert_eq!(stage.send(&Request::delete(SESSION)).status, 204);
}

#[test]
fn login_ends_the_session_of_the_same_browser() {
    let (stage, before) = Stage::start().and_alice();

    let response = stage.send(&login("bob@example.com", PASSWORD).sid(&before));

    let after = response.new_sid();
    assert_ne!(before, after);
    assert!(!stage.knows(&before), "the old session has ended");
    assert_eq!(stage.session_of(&after)["user"]["id"], "bob");
}

#[test]
fn login_never_adopts_a_sid_that_the_client_chose() {
    let stage = Stage::start();
    let chosen = "01234567-89ab-cdef-0123-456789abcdef";

    let response = stage.send(&login("alice@example.com", PASSWORD).sid(chosen));

    assert_ne!(response.new_sid(), chosen);
    assert!(!stage.knows(chosen));
}

#[test]
fn sessions_survive_a_restart() {
    let (mut stage, sid) = Stage::start().and_alice();

    let status = stage.stop();
    stage.start_again();

    assert!(status.success(), "stopped by SIGTERM with {status}");
    assert!(stage.knows(&sid));
}

#[test]
fn a_new_session_expires_after_the_configured_time() {
    let (stage, sid) = Stage::start().and_alice();

    stage.get_as(&sid, "/");

    let expires_at = stage
        .app
        .only_request()
        .header("x-session-expires-at")
        .unwrap();
    let left = expires_at.parse::<i64>().unwrap() - unix_now();
    assert!((DAY - 10..=DAY).contains(&left), "{left} s left");
}

#[test]
fn identity_survives_an_app_that_says_more_than_required() {
    let stage = Stage::start();
    let mut identity = app::identity("alice@example.com");
    identity["needs_onboarding"] = json!(true);
    identity["tenant_id"] = json!(null);
    stage
        .app
        .on_authenticate(sidgate_testkit::Reply::json(200, &identity));

    let view = stage.session_of(&stage.log_in("alice@example.com"));

    assert_eq!(view["needsOnboarding"], true);
    assert_eq!(view["tenantId"], json!(null));
}

#[test]
fn password_login_can_be_taken_away() {
    let stage = Stage::with(["[endpoints]\npassword_login = false"]);

    for request in [
        login("alice@example.com", PASSWORD),
        login("alice@example.com", PASSWORD).header("Sec-Fetch-Site", "cross-site"),
        Request::post(SESSION).body("email=a&password=b"),
    ] {
        let response = stage.send(&request);
        assert_eq!(response.problem(404), "not_found");
        assert!(response.leaves_cookies_alone());
    }
    assert!(stage.app.backend_calls().is_empty() && stage.app.requests().is_empty());
    let other = stage.send(&Request::new("PUT", SESSION));
    assert_eq!(other.header("allow"), Some("GET, HEAD, DELETE"));

    let identity = app::identity("alice@example.com");
    stage.says("/login", json!([{"type": "login", "identity": identity}]));
    let sid = stage.send(&Request::post("/login")).new_sid();
    assert!(stage.knows(&sid), "the app's own page logs in");
    assert_eq!(stage.log_out(&sid).status, 204);
    assert!(!stage.knows(&sid));
}
