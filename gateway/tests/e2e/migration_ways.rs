//! Old cookies on other ways than a plain request: other sites, redirects, WebSockets, the gateway's own endpoints.

use sidgate_testkit::app::identity;
use sidgate_testkit::legacy::{INTROSPECT, MIGRATE, knows_old_logins, questions};
use sidgate_testkit::{Reply, Request, SESSION};

use crate::migration::{cookies, start, start_with, with_cookie};

#[test]
fn other_sites_can_only_send_somebody_here() {
    let stage = start();
    let from = |method: &str, site: &str, mode: &str, dest: &str| {
        let request = with_cookie(Request::new(method, "/required"), "session_token=mallory.1");
        stage.send(
            &request
                .header("Sec-Fetch-Site", site)
                .header("Sec-Fetch-Mode", mode)
                .header("Sec-Fetch-Dest", dest),
        )
    };
    for (method, mode, dest) in [
        ("POST", "navigate", "document"),
        ("GET", "no-cors", "image"),
        ("GET", "navigate", "iframe"),
    ] {
        let response = from(method, "cross-site", mode, dest);
        assert_ne!(response.status, 200);
        assert!(response.leaves_cookies_alone(), "nothing is cleared");
    }
    assert!(questions(&stage.app).is_empty());
    assert_eq!(from("POST", "same-origin", "cors", "empty").status, 200);
    assert_eq!(
        from("GET", "cross-site", "navigate", "document").status,
        200
    );
}

#[test]
fn a_websocket_is_migrated_too() {
    let stage = start();
    stage.on("/required/ws", |_| {
        Reply::Open(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec())
    });
    let request = with_cookie(Request::get("/required/ws"), "session_token=alice.1")
        .websocket()
        .header("Origin", &stage.origin());

    let response = stage.send(&request).must_be(101);

    assert!(cookies(&response).0.is_some());
    assert_eq!(stage.app.only_request().user().unwrap(), "alice");
}

#[test]
fn an_answer_for_everybody_carries_no_cookie() {
    let stage = start();
    stage.on("/", |_| {
        Reply::new(200, &[("Cache-Control", "public, max-age=60")], "for all")
    });

    let response = stage.send(&with_cookie(Request::get("/"), "session_token=alice.1"));

    assert!(response.leaves_cookies_alone());
    assert_eq!(response.header("cache-control"), Some("public, max-age=60"));
    let next = stage.send(&with_cookie(
        Request::get("/required"),
        "session_token=alice.1",
    ));
    assert!(cookies(&next).0.is_some());
}

#[test]
fn a_navigation_is_redirected_to_itself_once() {
    let stage = start_with("[migration]\nredirect = \"navigation\"");
    let navigate = |cookie: &str| {
        let request = with_cookie(
            Request::get("/required/page?next=//evil.test&x=%2F"),
            cookie,
        );
        stage.send(
            &request
                .header("Sec-Fetch-Site", "none")
                .header("Sec-Fetch-Mode", "navigate")
                .header("Sec-Fetch-Dest", "document"),
        )
    };
    let response = navigate("session_token=alice.1");
    assert_eq!(response.status, 303);
    assert_eq!(
        response.header("location"),
        Some("/required/page?next=//evil.test&x=%2F")
    );
    let (sid, cleared) = cookies(&response);
    assert!(sid.is_some() && cleared == ["session_token"]);
    assert!(stage.app.requests().is_empty());
    assert_eq!(
        navigate("session_token=alice.1").status,
        200,
        "a browser without cookies is not sent in circles"
    );
    assert_eq!(
        navigate("session_token=alice.2").status,
        200,
        "nor one that always brings new ones"
    );
    let fetch = with_cookie(Request::get("/required"), "session_token=alice.3");
    assert_eq!(stage.send(&fetch).status, 200);
}

#[test]
fn old_cookies_are_kept_until_the_new_one_has_come_back() {
    let stage = start_with("[migration]\nkeep_until_confirmed = true");
    let first = stage.send(&with_cookie(Request::get("/"), "session_token=alice.1"));
    let (sid, cleared) = cookies(&first);
    assert!(cleared.is_empty(), "{first:?}");
    let cookie = format!("session_token=alice.1; sid={}", sid.unwrap());
    let second = stage.send(&with_cookie(Request::get("/"), &cookie));
    assert_eq!(cookies(&second), (None, vec!["session_token".to_owned()]));
}

#[test]
fn the_endpoints_migrate_too() {
    let stage = start();
    let shown = stage.send(&with_cookie(Request::get(SESSION), "session_token=alice.1"));
    assert_eq!(shown.json()["user"]["id"], "alice");
    let (sid, cleared) = cookies(&shown);
    assert!(sid.is_some() && cleared == ["session_token"]);

    let by_hand = stage.send(&with_cookie(Request::post(MIGRATE), "session_token=bob.1"));
    assert_eq!(by_hand.status, 200, "{by_hand:?}");
    assert_eq!(by_hand.json()["migrated"], true);
    assert_eq!(by_hand.json()["user"]["id"], "bob");
    let sid = cookies(&by_hand).0.unwrap();
    let already = stage.send(&Request::post(MIGRATE).sid(&sid));
    assert_eq!(already.json()["migrated"], false);

    let refused = stage.send(&with_cookie(
        Request::post(MIGRATE),
        "session_token=nobody.1",
    ));
    assert_eq!(refused.problem(401), "legacy_refused");
    assert_eq!(cookies(&refused), (None, vec!["session_token".to_owned()]));
    assert_eq!(
        stage.send(&Request::post(MIGRATE)).problem(401),
        "unauthenticated"
    );
    assert_eq!(stage.get(MIGRATE).status, 405);

    let cross = with_cookie(Request::post(MIGRATE), "session_token=alice.7")
        .header("Sec-Fetch-Site", "cross-site");
    let asked = questions(&stage.app).len();
    assert_eq!(stage.send(&cross).problem(403), "cross_site");
    assert_eq!(questions(&stage.app).len(), asked);
    stage.on(INTROSPECT, |_| Reply::new(500, &[], ""));
    let away = stage.send(&with_cookie(
        Request::post(MIGRATE),
        "session_token=alice.8",
    ));
    assert_eq!(away.problem(503), "unavailable");
    assert!(away.leaves_cookies_alone());
}

#[test]
fn a_login_by_password_clears_what_is_left() {
    let stage = start();
    let login = sidgate_testkit::login("bob@example.com", sidgate_testkit::app::PASSWORD);
    let response = stage.send(&with_cookie(login, "session_token=alice.1"));
    assert_eq!(response.status, 201);
    assert!(questions(&stage.app).is_empty());
    let (sid, cleared) = cookies(&response);
    assert_eq!(cleared, ["session_token"]);
    assert_eq!(stage.session_of(&sid.unwrap())["user"]["id"], "bob");
}

/// Also where nobody asks who somebody is: an app that gets a credential could log in with it.
#[test]
fn routes_without_sessions_see_no_credential() {
    let stage = start();
    let sent = "dott_auth_session.0=alice; dott_auth_session.1=.1; session_token=bob.1; \
                session_token.7=x; dott_x=1; theme=dark";
    let response = stage.send(&with_cookie(Request::get("/none"), sent));
    assert!(response.leaves_cookies_alone());
    let seen = stage.app.only_request();
    assert_eq!(seen.state(), "none");
    assert_eq!(seen.header("cookie").unwrap(), "dott_x=1; theme=dark");
    assert!(questions(&stage.app).is_empty());
}

#[test]
fn routes_without_sessions_leave_logins_alone_that_are_not_migrated() {
    let stage = start_with("[migration]\nrollout_percent = 0");
    stage.send(&with_cookie(Request::get("/none"), "session_token=alice.1"));
    let seen = stage.app.only_request().header("cookie");
    assert_eq!(seen.unwrap(), "session_token=alice.1");
}

#[test]
fn a_mass_revocation_while_the_app_is_asked_is_not_outlived() {
    let stage = start();
    let config = stage.config_file();
    let folder = stage.folder().to_owned();
    stage.on(INTROSPECT, move |_| {
        let config = config.to_str().unwrap();
        let arguments = ["sessions", "revoke", "--user", "alice", "--config", config];
        sidgate_testkit::cli::sidgate(&folder, &arguments).success();
        Reply::json(200, &identity("alice@example.com"))
    });
    let response = stage.send(&with_cookie(
        Request::get("/required"),
        "session_token=alice.1",
    ));
    assert_eq!(response.problem(503), "unavailable");
    assert!(response.leaves_cookies_alone());
    knows_old_logins(&stage.app);
    let again = stage.send(&with_cookie(
        Request::get("/required"),
        "session_token=alice.1",
    ));
    assert_eq!(again.status, 401, "it is known to have ended");
    assert_eq!(cookies(&again), (None, vec!["session_token".to_owned()]));
}

#[test]
fn asking_where_one_is_logged_in_migrates() {
    let stage = start();

    let request = Request::get("/api/auth/sessions");
    let response = stage.send(&with_cookie(request, "session_token=alice.1"));

    assert_eq!(
        response.json()["sessions"][0]["current"],
        true,
        "{response:?}"
    );
    let (sid, cleared) = cookies(&response);
    assert!(stage.knows(&sid.unwrap()));
    assert_eq!(cleared, ["session_token"]);
}
