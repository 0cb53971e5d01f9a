//! "Remember me": a cookie that lives as long as the session, or one that ends with the browser.

use serde_json::{Value, json};

use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, Response, SESSION, app};

fn log_in(gateway: &Gateway, remember: Option<Value>) -> Response {
    let mut body = json!({"email": "alice@example.com", "password": app::PASSWORD});
    if let Some(remember) = remember {
        body["remember"] = remember;
    }
    gateway.send(&Request::post(SESSION).json(&body))
}

/// Whether the cookie goes when the browser is closed.
fn ends_with_browser(response: &Response) -> bool {
    let cookie = response.header("set-cookie").unwrap();
    assert!(!cookie.contains("Expires"), "{cookie}");
    assert!(cookie.contains("; Path=/"), "{cookie}");
    !cookie.contains("Max-Age")
}

#[test]
fn a_login_says_whether_the_browser_keeps_the_cookie() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for (remember, ends) in [
        (None, false),
        (Some(json!(true)), false),
        (Some(json!(false)), true),
    ] {
        let response = log_in(&gateway, remember.clone());
        assert_eq!(response.status, 201);
        assert_eq!(ends_with_browser(&response), ends, "{remember:?}");
        assert!(gateway.knows(&response.new_sid()));
    }
    for call in app.backend_calls() {
        let asked: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(asked.get("remember"), None, "the gateway's own affair");
    }
    for wrong in [json!("no"), json!(0), json!(null)] {
        let refused = log_in(&gateway, Some(wrong.clone()));
        assert_eq!(refused.problem(400), "invalid_request", "{wrong}");
    }
}

#[test]
fn so_does_the_login_of_an_app_whatever_its_length() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let identity = app::identity("alice@example.com");
    for (event, max_age) in [
        (json!({"remember": false}), None),
        (json!({"remember": false, "ttl": 60}), None),
        (json!({"remember": true, "ttl": 60}), Some(60)),
        (json!({"ttl": 60}), Some(60)),
    ] {
        let mut login = json!({"type": "login", "identity": identity});
        login
            .as_object_mut()
            .unwrap()
            .extend(event.as_object().unwrap().clone());
        app.says("/login", json!([login]));
        let response = gateway.send(&Request::post("/login"));
        let cookie = response.header("set-cookie").unwrap();
        let found = cookie
            .split("; ")
            .find_map(|part| part.strip_prefix("Max-Age="));
        let found: Option<i64> = found.map(|seconds| seconds.parse().unwrap());
        match max_age {
            Some(seconds) => assert!(
                (seconds - 2..=seconds).contains(&found.unwrap()),
                "{cookie}"
            ),
            None => assert_eq!(found, None, "{cookie}"),
        }
        assert!(gateway.knows(&response.new_sid()));
    }
}

/// A new sid is no reason to keep a cookie that was to end.
#[test]
fn it_stays_so_under_another_sid() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[session]\nrotate_every = \"1s\"")
        .start();
    app.says("/rotate", json!([{"type": "rotate"}]));
    app.says("/ref", json!([{"type": "ref", "ref": "cart-1"}]));
    for ends in [true, false] {
        let login = log_in(&gateway, Some(json!(!ends)));
        gateway.send(&Request::post("/ref").sid(&login.new_sid()));
        let rotated = gateway.send(&Request::post("/rotate").sid(&login.new_sid()));
        assert_eq!(ends_with_browser(&rotated), ends, "an app asked for it");
        let sid = rotated.new_sid();
        let mut renewed = None;
        until_true("a new sid", LONG, || {
            let response = gateway.send(&Request::get("/required").sid(&sid));
            renewed = (!response.leaves_cookies_alone()).then_some(response);
            renewed.is_some()
        });
        assert_eq!(
            ends_with_browser(&renewed.unwrap()),
            ends,
            "its age asked for it"
        );
    }
}
