//! What an investigator reads afterwards (O08): one line for each thing that matters, with who, from where and why.

use serde_json::{Value, json};

use crate::support::app::{self, PASSWORD};
use crate::support::sids::sealed_sid;
use crate::support::wait::{LONG, until_true};
use crate::support::{App, Gateway, Request, SESSION, login};

/// Security events written so far.
fn events(gateway: &Gateway) -> Vec<Value> {
    let lines = gateway.stdout();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["target"] == "sidgate::security")
        .collect()
}

#[test]
fn each_thing_that_matters_is_one_line() {
    let app = App::start();
    let mut gateway = Gateway::in_front_of(&app)
        .with("[login_limits]\nper_account = \"3/h\"\n[edge]\nmisses_per_client = \"1/h\"")
        .start();
    let alice = gateway.log_in("alice@example.com");
    gateway.send(&login("ALICE@example.com", "wrong"));
    gateway.send(&login("alice@example.com", "wrong"));
    gateway.send(&login("alice@example.com", PASSWORD));
    gateway.send(&login("bob@example.com", PASSWORD).header("Sec-Fetch-Site", "cross-site"));
    gateway.send(&Request::get("/").header("X-Session-User-Id", "root"));
    gateway.send(&Request::get("/").header("Cookie", &format!("sid={alice}; sid={alice}")));
    app.says("/rotate", json!([{"type": "rotate"}]));
    let rotated = gateway
        .send(&Request::post("/rotate").sid(&alice))
        .new_sid();
    gateway.send(&Request::delete(SESSION).sid(&rotated));
    for number in 0..2 {
        gateway.send(&Request::get("/required").sid(&sealed_sid(&gateway, number)));
    }
    let identity = app::identity("carol@example.com");
    app.says("/login", json!([{"type": "login", "identity": identity}]));
    app.says("/logout", json!([{"type": "logout", "scope": "this"}]));
    let carol = gateway.send(&Request::post("/login")).new_sid();
    gateway.send(&Request::post("/logout").sid(&carol));
    gateway.stop();

    let events = events(&gateway);
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (
                event["event"].as_str().unwrap(),
                event["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("login", "password"),
            ("login_failed", "invalid_credentials"),
            ("login_failed", "invalid_credentials"),
            ("login_limited", "login_limit"),
            ("cross_site", "endpoint:session"),
            ("spoof", "identity"),
            ("refused", "sid_repeated"),
            ("rotated", "rotate"),
            ("logout", "own"),
            ("unknown_sids", "misses_per_client"),
            ("login", "event"),
            ("logout", "logout"),
        ]
    );
    for event in &events {
        assert_eq!(event["client"], "127.0.0.1", "{event}");
        assert_eq!(event["request_id"].as_str().unwrap().len(), 32, "{event}");
    }
    let mut logouts = events.iter().filter(|event| event["event"] == "logout");
    assert!(logouts.all(|event| event["session"].is_string()));
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
        "event", "reason", "actor", "session", "user", "tenant", "sessions",
    ];
    let said = names.iter().filter(|name| !event[**name].is_null());
    said.map(|name| ((*name).to_owned(), event[*name].clone()))
        .collect()
}

#[test]
fn who_ended_or_looked_at_sessions_is_told() {
    let app = App::start();
    let mut gateway = Gateway::in_front_of(&app).start();
    let [own, other, last] = [(); 3].map(|()| gateway.log_in("alice@example.com"));
    let view = gateway.session_of(&own);
    let (id, user) = (&view["session"]["id"], &view["user"]["id"]);
    let tenant = &view["tenantId"];
    let other_id = gateway.session_of(&other)["session"]["id"].clone();
    let last_id = gateway.session_of(&last)["session"]["id"].clone();
    let device = |id: &Value| format!("/api/auth/sessions/{}", id.as_str().unwrap());
    let by_admin = |what: Value| Request::post("/api/admin/revocations").json(&what);

    gateway.send(&Request::delete(&device(&other_id)).sid(&own));
    gateway.send(&Request::delete(&device(&other_id)).sid(&own));
    gateway.send(&Request::delete("/api/auth/sessions?scope=others").sid(&own));
    gateway.send_admin(&Request::get("/api/admin/sessions?user=7"));
    gateway.send_admin(&Request::get(&format!(
        "/api/admin/sessions/{}",
        last_id.as_str().unwrap()
    )));
    gateway.send_admin(&Request::get("/api/admin/stats"));
    gateway.send_admin(&by_admin(json!({"id": id, "reason": "a stolen laptop"})));
    gateway.send_admin(&by_admin(json!({"id": id, "reason": "again"})));
    gateway.send_admin(&by_admin(json!({"user": user, "reason": "left"})));
    gateway.stop();

    let events = events(&gateway);
    let deeds: Vec<_> = events
        .iter()
        .filter(|event| event["event"] != "login")
        .map(deed)
        .collect();
    let by_user = |reason: &str| {
        json!({"event": "revoked", "reason": reason, "sessions": 1, "session": id, "user": user, "tenant": tenant,
            "actor": format!("user:{}", user.as_str().unwrap())})
    };
    let asked = |reason: &str| json!({"event": "admin", "reason": reason, "actor": "local"});
    let mut shown = asked("show");
    shown["session"] = last_id;
    assert_eq!(
        deeds,
        [
            by_user("device"),
            by_user("logout_everywhere"),
            asked("search"),
            shown,
            asked("revoke"),
            json!({"event": "revoked", "reason": "admin", "actor": "local", "session": id, "sessions": 1}),
            asked("revoke"),
            asked("revoke"),
            json!({"event": "revoked", "reason": "admin", "actor": "local", "user": user, "sessions": 0}),
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
    let app = App::start();
    let mut gateway = Gateway::in_front_of(&app)
        .with("[session]\nabsolute_timeout = \"3s\"\nmax_per_user = 1")
        .start();
    let evicted = gateway.log_in("alice@example.com");
    let evicted_id = gateway.session_of(&evicted)["session"]["id"].clone();
    let expired = gateway.log_in("alice@example.com");
    let expired_id = gateway.session_of(&expired)["session"]["id"].clone();
    for _ in 0..3 {
        let ask = Request::get("/required").sid(&evicted);
        assert_eq!(gateway.send(&ask).status, 401);
    }
    until_true("the end", LONG, || {
        let ask = Request::get("/required").sid(&expired);
        gateway.send(&ask).status == 401
    });
    gateway.send(&Request::get("/required").sid(&expired));
    gateway.stop();

    let ends: Vec<_> = events(&gateway)
        .into_iter()
        .filter(|event| event["event"] != "login")
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
