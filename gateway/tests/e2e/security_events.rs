//! What an investigator reads afterwards (O08): one line for each thing that matters, with who, from where and why.

use serde_json::{Value, json};
use session_testing::TestPostgres;

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::stores::{sql, store_config};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Request, Stage, login};

/// By the session's handle, also where that changes.
fn a_life_can_be_followed(events: &[Value]) {
    let of = |kind: &'static str| events.iter().filter(move |event| event["event"] == kind);
    let [login, rotated_line, logout] =
        ["login", "rotated", "logout"].map(|kind| of(kind).next().unwrap());
    assert!(login["session"].is_string(), "{login}");
    assert_eq!(rotated_line["acting"], login["session"]);
    assert_eq!(logout["session"], rotated_line["session"]);
    assert_ne!(logout["session"], login["session"]);
    for event in of("login").chain(of("logout")) {
        let user = event["user"].as_str().unwrap();
        assert_eq!(event["actor"], format!("user:{user}"));
        assert!(event["session"].is_string(), "{event}");
    }
    for event in of("logout") {
        assert_eq!(
            (&event["sessions"], &event["scope"]),
            (&json!(1), &json!("session"))
        );
    }
}

#[test]
fn each_thing_that_matters_is_one_line() {
    let (mut stage, alice) =
        Stage::with(["[login_limits]\nper_account = \"2/h\"\n[edge]\nmisses_per_client = \"1/h\""])
            .and_alice();
    stage.send(&login("ALICE@example.com", "wrong"));
    stage.send(&login("alice@example.com", "wrong"));
    stage.try_login("alice@example.com");
    stage.send(&login("bob@example.com", PASSWORD).header("Sec-Fetch-Site", "cross-site"));
    stage.send(&Request::get("/").header("X-Session-User-Id", "root"));
    stage.send(&Request::get("/").header("Cookie", &format!("sid={alice}; sid={alice}")));
    stage.says("/rotate", json!([{"type": "rotate"}]));
    let rotated = stage.send(&Request::post("/rotate").sid(&alice)).new_sid();
    stage.log_out(&rotated);
    for number in 0..2 {
        stage.get_as(&sealed_sid(&stage, number), "/required");
    }
    let identity = app::identity("carol@example.com");
    stage.says("/login", json!([{"type": "login", "identity": identity}]));
    stage.says("/logout", json!([{"type": "logout", "scope": "this"}]));
    let carol = stage.send(&Request::post("/login")).new_sid();
    stage.send(&Request::post("/logout").sid(&carol));
    stage.stop();

    let events = stage.security_events();
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let word = |name: &str| event[name].as_str().unwrap();
            (word("event"), word("reason"), word("actor"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("login", "password", "user:alice"),
            ("login_failed", "invalid_credentials", "client"),
            ("login_failed", "invalid_credentials", "client"),
            ("login_limited", "network", "client"),
            ("cross_site", "endpoint:session", "client"),
            ("spoof", "identity", "client"),
            ("refused", "sid_repeated", "client"),
            ("rotated", "rotate", "user:alice"),
            ("logout", "own", "user:alice"),
            ("unknown_sids", "misses_per_client", "client"),
            ("login", "event", "user:carol"),
            ("logout", "logout", "user:carol"),
        ]
    );
    for event in &events {
        assert_eq!(event["client"], "127.0.0.1", "{event}");
        assert_eq!(event["request_id"].as_str().unwrap().len(), 32, "{event}");
    }
    a_life_can_be_followed(&events);
    let accounts: Vec<_> = events
        .iter()
        .filter_map(|event| event["account"].as_str())
        .collect();
    assert_eq!(accounts.len(), 4);
    assert!(accounts.iter().all(|account| *account == accounts[0]));
    let text = format!("{events:?}");
    for secret in ["alice@", &alice, &rotated, &carol, PASSWORD] {
        assert!(!text.to_lowercase().contains(secret), "{text}");
    }
}

/// What a line says about who ended or looked at whose sessions.
fn deed(event: &Value) -> Value {
    let names = [
        "event", "reason", "actor", "acting", "session", "user", "tenant", "scope", "sessions",
        "comment",
    ];
    let said = names.iter().filter(|name| !event[**name].is_null());
    said.map(|name| ((*name).to_owned(), event[*name].clone()))
        .collect()
}

#[test]
fn who_ended_or_looked_at_sessions_is_told() {
    let mut stage = Stage::start();
    let [own, other, last] = [(); 3].map(|()| stage.log_in("alice@example.com"));
    let view = stage.session_of(&own);
    let (id, user) = (&view["session"]["id"], &view["user"]["id"]);
    let tenant = &view["tenantId"];
    let other_id = stage.session_of(&other)["session"]["id"].clone();
    let last_id = stage.session_of(&last)["session"]["id"].clone();
    let device = |id: &Value| format!("/api/auth/sessions/{}", id.as_str().unwrap());
    let by_admin = |what: Value| Request::post("/api/admin/revocations").json(&what);

    stage.send(&Request::delete(&device(&other_id)).sid(&own));
    stage.send(&Request::delete(&device(&other_id)).sid(&own));
    stage.send(&Request::delete("/api/auth/sessions?scope=others").sid(&own));
    stage.send_to_admin(&Request::get("/api/admin/sessions?user=7"));
    stage.send_to_admin(&Request::get(&format!(
        "/api/admin/sessions/{}",
        last_id.as_str().unwrap()
    )));
    stage.send_to_admin(&Request::get("/api/admin/stats"));
    stage.send_to_admin(&by_admin(json!({"id": id, "reason": "a stolen laptop"})));
    stage.send_to_admin(&by_admin(json!({"id": id, "reason": "again"})));
    stage.send_to_admin(&by_admin(json!({"user": user, "reason": "left"})));
    stage.stop();

    let events = stage.security_events();
    let deeds: Vec<_> = events
        .iter()
        .filter(|event| event["event"] != "login")
        .map(deed)
        .collect();
    let by_user = |reason: &str, scope: &str| {
        json!({"event": "revoked", "reason": reason, "sessions": 1, "acting": id, "user": user, "tenant": tenant,
            "scope": scope, "actor": format!("user:{}", user.as_str().unwrap())})
    };
    let mut device = by_user("device", "session");
    device["session"] = other_id;
    let asked = |reason: &str| json!({"event": "admin", "reason": reason, "actor": "local"});
    let mut shown = asked("show");
    shown["session"] = last_id;
    let mut searched = asked("search");
    searched["user"] = json!("7");
    let about_one = |comment: &str| json!({"event": "admin", "reason": "revoke", "actor": "local", "session": id, "scope": "session", "comment": comment});
    let about_all = json!({"event": "admin", "reason": "revoke", "actor": "local", "user": user, "scope": "user", "comment": "left"});
    assert_eq!(
        deeds,
        [
            device,
            by_user("logout_everywhere", "others"),
            searched,
            shown,
            about_one("a stolen laptop"),
            json!({"event": "revoked", "reason": "admin", "actor": "local", "session": id, "scope": "session",
                "sessions": 1, "comment": "a stolen laptop"}),
            about_one("again"),
            about_all,
            json!({"event": "revoked", "reason": "admin", "actor": "local", "user": user, "scope": "user",
                "sessions": 0, "comment": "left"}),
        ]
    );
    for event in &events {
        assert_eq!(event["client"], "127.0.0.1", "{event}");
        assert_eq!(event["request_id"].as_str().unwrap().len(), 32, "{event}");
    }
}

/// By themselves, or because of a login elsewhere: written once, with the handle, when the browser comes again.
#[test]
fn ends_that_nobody_asked_for_are_told() {
    let (mut stage, evicted) =
        Stage::with(["[session]\nabsolute_timeout = \"3s\"\nmax_per_user = 1"]).and_alice();
    let evicted_id = stage.session_of(&evicted)["session"]["id"].clone();
    let expired = stage.log_in("alice@example.com");
    let expired_id = stage.session_of(&expired)["session"]["id"].clone();
    for _ in 0..3 {
        let ask = Request::get("/required").sid(&evicted);
        assert_eq!(stage.send(&ask).status, 401);
    }
    until_true("the end", LONG, || {
        let ask = Request::get("/required").sid(&expired);
        stage.send(&ask).status == 401
    });
    stage.get_as(&expired, "/required");
    stage.stop();

    let ends: Vec<_> = stage
        .security_events()
        .into_iter()
        .filter(|event| event["event"] != "login")
        .inspect(|event| {
            assert_eq!(
                (&event["actor"], &event["user"]),
                (&json!("gateway"), &json!("alice"))
            )
        })
        .map(|event| (event["event"].clone(), event["session"].clone()))
        .collect();

    assert_eq!(
        ends,
        [
            (json!("evicted"), evicted_id),
            (json!("expired"), expired_id)
        ]
    );
}

/// By SQL, or by an app that writes to the tables: told when the browser comes again, by whichever node it comes to.
#[test]
fn an_end_past_every_gateway_is_told() {
    let database = TestPostgres::shared().database();
    let (mut stage, alice) = Stage::with([&store_config(&database)]).and_alice();
    let id = stage.session_of(&alice)["session"]["id"].clone();
    sql(&database, "DELETE FROM sidgate_session");
    until_true("the end", LONG, || !stage.knows(&alice));
    let bob = stage.log_in("bob@example.com");
    let bob_id = stage.session_of(&bob)["session"]["id"].clone();
    sql(
        &database,
        "UPDATE sidgate_session SET revoked_at = now(), revoke_reason = 'external'",
    );
    until_true("the end", LONG, || !stage.knows(&bob));
    stage.stop();

    let ends: Vec<_> = stage
        .security_events()
        .into_iter()
        .filter(|event| event["event"] != "login")
        .map(|event| deed(&event))
        .collect();
    assert_eq!(
        ends,
        [
            json!({"event": "revoked", "reason": "external", "actor": "outside", "session": bob_id, "user": "bob",
            "tenant": "t1"})
        ],
        "of a row that is gone ({id}) nobody knows anything"
    );
}

/// Whoever brings a sid that is over has proved nothing: they are not who it belonged to.
#[test]
fn a_logout_that_ends_nothing_is_nobodys_deed() {
    let mut stage = Stage::start();
    stage.says("/logout", json!([{"type": "logout", "scope": "this"}]));
    let sid = stage.log_in("alice@example.com");
    for _ in 0..2 {
        stage.log_out(&sid).must_be(204);
    }
    stage.send(&Request::post("/logout").sid(&sid));
    stage.stop();

    let events = stage.security_events();
    let logouts = events.iter().filter(|event| event["event"] == "logout");
    assert_eq!(logouts.count(), 1);
}

/// An app that ends the user's other sessions has not logged this browser out.
#[test]
fn an_app_that_ends_the_others_is_told_with_the_session_that_stays() {
    let mut stage = Stage::start();
    stage.says("/password", json!([{"type": "logout", "scope": "others"}]));
    let [own, _other] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let id = stage.session_of(&own)["session"]["id"].clone();
    stage.send(&Request::post("/password").sid(&own));
    stage.stop();

    let deeds: Vec<_> = stage
        .security_events()
        .iter()
        .filter(|event| event["event"] != "login")
        .map(deed)
        .collect();
    assert_eq!(
        deeds,
        [
            json!({"event": "revoked", "reason": "logout_everywhere", "actor": "user:alice", "acting": id, "user": "alice",
            "tenant": "t1", "scope": "others", "sessions": 1})
        ]
    );
}
