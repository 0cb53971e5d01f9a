//! What an app is told about the session, byte for byte.

use serde_json::json;

use sidgate_testkit::app::{self, NAME};
use sidgate_testkit::wait::{LONG, unix_now, until_true};
use sidgate_testkit::{App, Reply, Request, Stage, token};

#[test]
fn names_arrive_in_one_spelling_and_values_as_they_were_sent() {
    let stage = Stage::start();
    let request = Request::get("/page")
        .header("X-CuStOm", "AbC")
        .header("user-AGENT", "Testbrowser/1.0");
    stage.send(&request).must_be(200);

    let seen = stage.app.only_request();
    let head = String::from_utf8(seen.head).unwrap();
    for line in [
        "x-custom: AbC",
        "user-agent: Testbrowser/1.0",
        "x-session-state: anonymous",
    ] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} in {head}"
        );
    }
}

#[test]
fn active_request_reaches_the_app_with_exactly_these_fields() {
    let (stage, sid) = Stage::start().and_alice();
    let cookies = format!("theme=dark; sid={sid}; csrftoken=a\"b=c; empty=");

    let request = Request::get("/page?q=1&r=%2F")
        .header("User-Agent", "Testbrowser/1.0")
        .header("Accept", "text/html")
        .header("Cookie", &cookies);
    let response = stage.send(&request).must_be(200);

    assert_eq!(response.text(), "from the app");
    let seen = stage.app.only_request();
    assert_eq!(seen.request_line(), "GET /page?q=1&r=%2F");
    assert_eq!(
        seen.names(),
        [
            "accept",
            "cookie",
            "host",
            "user-agent",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-proto",
            "x-request-id",
            "x-session-assertion",
            "x-session-email",
            "x-session-expires-at",
            "x-session-id",
            "x-session-state",
            "x-session-tenant-id",
            "x-session-user-id",
            "x-sidgate-hop",
        ]
    );
    let handle = stage.session_of(&sid)["session"]["id"].clone();
    let expected = [
        ("host", stage.host()),
        ("user-agent", "Testbrowser/1.0".to_owned()),
        ("accept", "text/html".to_owned()),
        ("cookie", "theme=dark; csrftoken=a\"b=c; empty=".to_owned()),
        ("x-forwarded-for", "127.0.0.1".to_owned()),
        ("x-forwarded-host", stage.host()),
        ("x-forwarded-port", stage.public_port().to_string()),
        ("x-forwarded-proto", "http".to_owned()),
        ("x-session-email", "alice@example.com".to_owned()),
        ("x-session-id", handle.as_str().unwrap().to_owned()),
        ("x-session-state", "active".to_owned()),
        ("x-session-tenant-id", "t1".to_owned()),
        ("x-session-user-id", "alice".to_owned()),
    ];
    for (name, value) in expected {
        assert_eq!(seen.header(name).as_deref(), Some(&*value), "{name}");
    }
    assert!(seen.header("x-request-id").unwrap().len() >= 16);
    let text = String::from_utf8_lossy(&seen.head);
    assert!(!text.contains(&sid), "the app never sees the secret");
}

#[test]
fn assertion_is_signed_for_this_app_and_lives_a_minute() {
    let (stage, sid) = Stage::start().and_alice();

    stage.get_as(&sid, "/");

    let seen = stage.app.only_request();
    let claims = stage.app.assertion_in(&seen);
    let iat = claims["iat"].as_i64().unwrap();
    let auth_time = claims["auth_time"].as_i64().unwrap();
    assert!((0..=10).contains(&(unix_now() - iat)), "{claims}");
    assert!((0..=10).contains(&(unix_now() - auth_time)), "{claims}");
    assert_eq!(
        claims,
        json!({
            "iss": "sidgate", "aud": NAME, "iat": iat, "exp": iat + 60,
            "state": "active", "sid": seen.header("x-session-id").unwrap(),
            "sub": "alice", "tid": "t1", "email": "alice@example.com",
            "attrs": {"plan": "free", "roles": ["reader"]},
            "auth_time": auth_time, "ah": "ah-1"
        })
    );
}

#[test]
fn assertion_is_signed_with_the_key_of_the_app_that_gets_it() {
    let other = App::start();
    let server = other.address();
    let (stage, sid) = Stage::with([&format!(
        r#"
            [upstreams.other]
            servers = ["{server}"]
            [[routes]]
            path = "/other"
            upstream = "other"
            session = "optional"
            "#
    )])
    .and_alice();

    stage.get_as(&sid, "/");
    stage.get_as(&sid, "/other");

    let assertion = other.only_request().header("x-session-assertion").unwrap();
    let claims = token::verify(&stage.upstream_key("other"), &assertion);
    assert_eq!(claims["aud"], "other");
    assert!(token::try_verify(&stage.app.key(), &assertion).is_err());
}

#[test]
fn assertion_is_reused_while_it_is_young() {
    let (stage, sid) = Stage::start().and_alice();
    let assertion = || {
        stage.get_as(&sid, "/");
        stage
            .app
            .last_request()
            .header("x-session-assertion")
            .unwrap()
    };

    let (first, second) = (assertion(), unix_now());
    until_true("the next second", LONG, || unix_now() > second);

    assert_eq!(assertion(), first, "a new one would say another time");
}

/// Nothing in it belongs to one request, nor to one visitor.
#[test]
fn requests_without_a_session_share_an_assertion_for_each_state() {
    let stage = Stage::start();
    let told = |path: &str| {
        stage.get(path).must_be(200);
        let seen = stage.app.last_request();
        let assertion = seen.header("x-session-assertion").unwrap();
        (assertion, stage.app.assertion_in(&seen)["state"].clone())
    };

    let [(anonymous, said), (again, _)] = [(); 2].map(|()| told("/"));
    assert_eq!((said, again), (json!("anonymous"), anonymous.clone()));
    let [(none, said), (again, _)] = [(); 2].map(|()| told("/none"));
    assert_eq!((said, again), (json!("none"), none.clone()));
    assert_ne!(anonymous, none);
}

/// The assertion of a session in use is kept, and not one moment longer than the session is what it says.
#[test]
fn a_kept_assertion_is_not_sent_for_a_session_that_has_changed_or_ended() {
    let (stage, sid) = Stage::start().and_alice();
    stage.says(
        "/plan",
        json!([{"type": "update", "identity": {"attributes": {"plan": "pro"}}}]),
    );
    assert_eq!(stage.told(&sid)["attrs"]["plan"], "free");

    stage.get_as(&sid, "/plan");
    assert_eq!(stage.told(&sid)["attrs"]["plan"], "pro");

    stage.log_out(&sid).must_be(204);
    let after = stage.told(&sid);
    assert_eq!(
        (&after["state"], &after["sid"]),
        (&json!("anonymous"), &json!(null))
    );
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let stage = Stage::start();

    stage.send(&Request::get("/").header("X-Request-Id", "chosen-by-client"));
    stage.send(&Request::get("/").header("X-Request-Id", "chosen-by-client"));

    let ids: Vec<_> = stage
        .app
        .requests()
        .iter()
        .map(|request| request.header("x-request-id").unwrap())
        .collect();
    assert_ne!(ids[0], ids[1]);
    assert!(!ids.contains(&"chosen-by-client".to_owned()));
}

#[test]
fn attributes_that_are_no_header_values_are_left_out() {
    let stage = Stage::with([r#"
            [identity.headers]
            "X-Session-Name" = "user.name"
            "X-Session-Evil" = "attributes.evil"
            "X-Session-Long" = "attributes.long"
            "X-Session-Fits" = "attributes.fits"
            "X-Session-Gone" = "attributes.gone"
            "#]);
    let mut identity = app::identity("alice@example.com");
    identity["user"]["name"] = json!("J\u{fc}rgen");
    identity["attributes"] = json!({
        "evil": "x\r\nX-Session-User-Id: root",
        "long": "y".repeat(1025),
        "fits": "z".repeat(1024)
    });
    stage.app.on_authenticate(Reply::json(200, &identity));
    let sid = stage.log_in("alice@example.com");

    stage.get_as(&sid, "/");

    let seen = stage.app.only_request();
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(seen.header("x-session-fits").unwrap(), "z".repeat(1024));
    for absent in ["name", "evil", "long", "gone"] {
        let name = format!("x-session-{absent}");
        assert_eq!(seen.header(&name), None, "{name}");
    }
}

#[test]
fn body_reaches_the_app_unchanged() {
    let stage = Stage::start();
    let body: Vec<u8> = (0..=255).cycle().take(100_000).collect();

    stage.send(&Request::post("/upload").body(body.clone()));
    let mut chunked = b"POST /upload HTTP/1.1\r\nHost: ".to_vec();
    chunked.extend(format!("{}\r\nTransfer-Encoding: chunked\r\n\r\n", stage.host()).bytes());
    chunked.extend(b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n");
    let mut connection = stage.connect();
    connection.write(&chunked);
    assert_eq!(connection.read(false).status, 200);

    let requests = stage.app.requests();
    assert_eq!(requests[0].body, body);
    assert_eq!(requests[1].body, b"hello world");
}

#[test]
fn connection_carries_several_requests_of_different_users() {
    let stage = Stage::start();
    let sids: Vec<_> = ["alice", "bob", "carol"]
        .map(|user| (user, stage.log_in(&format!("{user}@example.com"))))
        .into();
    let mut connection = stage.connect();

    for round in 0..30 {
        let (user, sid) = &sids[round % sids.len()];
        let request = Request::get("/").sid(sid);
        connection.write(&request.bytes(&stage.host()));
        assert_eq!(connection.read(false).status, 200);
        let seen = stage.app.last_request();
        assert_eq!(seen.user().as_deref(), Some(*user));
    }
}
