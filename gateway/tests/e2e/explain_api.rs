//! `POST /api/admin/explain`, and sessions in what is explained.

use serde_json::{Value, json};

use sidgate_testkit::app;
use sidgate_testkit::legacy::{MIGRATION, knows_old_logins, questions};
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

use crate::explain::{explain, step};

const EXPLAIN: &str = "/api/admin/explain";

#[test]
fn a_session_is_looked_at_and_not_used() {
    let (stage, sid) = Stage::start().and_alice();
    let id = stage.id_of(&sid);
    let shell = |sid: &str| {
        let outcome = explain(
            stage.folder(),
            sid.as_bytes(),
            &["--json", "--sid-stdin", "/required"],
        );
        assert!(!outcome.output().contains(sid.trim()), "{outcome:?}");
        (
            outcome.code,
            serde_json::from_str::<Value>(&outcome.stdout).unwrap(),
        )
    };
    let api = |sid: &str| ask(&stage, &json!({"url": "/required", "sid": sid}));
    let looked_up = stage.sum("sidgate_resolve_total", &[]);

    let (code, told) = shell(&format!("{sid}\n"));
    for told in [told, api(&sid)] {
        assert_eq!(told["verdict"], "allowed", "{told}");
        assert_eq!(told["reason"], "active");
        let fields = told["app"]["fields"].as_array().unwrap();
        for name in [
            "x-session-user-id",
            "x-session-tenant-id",
            "x-session-email",
            "x-session-assertion",
        ] {
            assert!(fields.contains(&json!(name)), "{name}: {told}");
        }
        let found = step(&told, "session")["found"].as_str().unwrap();
        assert!(found.contains(&id), "{found}");
        assert!(!told.to_string().contains("alice"), "{told}");
    }
    assert_eq!(code, Some(0));
    assert_eq!(
        stage.sum("sidgate_resolve_total", &[]),
        looked_up,
        "nothing is looked up for it"
    );

    stage.log_out(&sid);
    let (code, told) = shell(&sid);
    assert_eq!(code, Some(3));
    for told in [told, api(&sid)] {
        assert_eq!(told["status"], 401, "{told}");
        let found = step(&told, "session")["found"].as_str().unwrap();
        assert!(found.starts_with("none: revoked"), "{found}");
    }
    for (sid, why) in [
        ("nonsense", "malformed"),
        ("0123456f-89ab-4def-8123-456789abcdef", "forged"),
    ] {
        let told = api(sid);
        let found = step(&told, "session")["found"].as_str().unwrap();
        assert!(found.contains(why), "{found}");
    }
}

fn ask(gateway: &Gateway, question: &Value) -> Value {
    gateway
        .send_to_admin(&Request::post(EXPLAIN).json(question))
        .must_be(200)
        .json()
}

#[test]
fn no_app_is_asked_about_old_logins() {
    let app = App::start();
    knows_old_logins(&app);
    let gateway = Gateway::in_front_of(&app).with(MIGRATION).start();
    let cookie = json!([["Cookie", "session_token=alice.canary-old; theme=dark"]]);

    let required = ask(&gateway, &json!({"url": "/required", "headers": cookie}));
    let open = ask(&gateway, &json!({"url": "/none", "headers": cookie}));

    assert_eq!(required["verdict"], "unknown", "{required}");
    let found = step(&required, "old logins");
    assert!(
        found["found"]
            .as_str()
            .unwrap()
            .contains("the backend would be asked"),
        "{required}"
    );
    assert_eq!(found["keys"][0]["key"], "migration.mode");
    assert_eq!(open["verdict"], "allowed", "{open}");
    assert!(questions(&app).is_empty(), "the app was asked");
    assert!(!required.to_string().contains("canary"), "{required}");
}

#[test]
fn nothing_that_is_told_holds_a_secret_of_the_request() {
    let (stage, sid) = Stage::start().and_alice();
    let secrets = ["canary-value", "canary-bearer", "canary-query", &sid];
    let target = format!("/required/{sid}?next=canary-query");
    let headers = [
        ("Authorization", "Bearer canary-bearer".to_owned()),
        ("Cookie", "a=canary-value; canary-value".to_owned()),
        ("X-Api-Key", "canary-value".to_owned()),
        ("Accept", "text/html".to_owned()),
    ];
    let mut arguments = vec!["--sid-stdin".to_owned(), "GET".to_owned(), target.clone()];
    for (name, value) in &headers {
        arguments.extend(["--header".to_owned(), format!("{name}: {value}")]);
    }
    let mut written = String::new();
    for sid in [&*sid, "canary-value"] {
        for form in [&["--json"][..], &[]] {
            let arguments: Vec<&str> = arguments
                .iter()
                .map(String::as_str)
                .chain(form.iter().copied())
                .collect();
            written += &explain(stage.folder(), sid.as_bytes(), &arguments).output();
        }
        let question = json!({"url": target, "headers": headers, "sid": sid});
        written += &ask(&stage, &question).to_string();
    }
    let cross =
        json!({"method": "\u{1}canary-value", "url": "/canary-value\u{1}", "headers": headers});
    written += &stage
        .send_to_admin(&Request::post(EXPLAIN).json(&cross))
        .text();
    for secret in secrets {
        assert!(!written.contains(secret), "{secret}: {written}");
        assert!(!stage.output().contains(secret), "{secret} is in the log");
    }
    let events = stage.security_events();
    let asked = events.iter().filter(|event| event["reason"] == "explain");
    assert_eq!(asked.count(), 3, "{events:?}");
}

#[test]
fn the_api_explains_to_operators_alone() {
    let app = App::start();
    app.on("/__sidgate__/authenticate", |exchange| {
        let email = exchange.json()["email"].as_str().unwrap().to_owned();
        let mut identity = app::identity(&email);
        identity["user"]["is_staff"] = json!(email.starts_with("root"));
        Reply::json(200, &identity)
    });
    let gateway = Gateway::in_front_of(&app)
        .with("[admin]\ntoken = \"${ADMIN_TOKEN}\"\nclaim = \"user.is_staff\"")
        .env("ADMIN_TOKEN", "0123456789abcdef0123456789abcdef")
        .start();
    let question = Request::post(EXPLAIN).json(&json!({"url": "/required"}));
    let (root, alice) = (
        gateway.log_in("root@example.com"),
        gateway.log_in("alice@example.com"),
    );

    assert_eq!(gateway.send_to_admin(&question).status, 401);
    assert_eq!(gateway.send(&question).status, 401);
    assert_eq!(gateway.send(&question.clone().sid(&alice)).status, 403);
    let foreign = question
        .clone()
        .sid(&root)
        .header("Origin", "https://evil.test");
    assert_eq!(gateway.send(&foreign).problem(403), "cross_site");
    let told = gateway.send(&question.sid(&root)).must_be(200).json();
    assert_eq!(told["status"], 401, "{told}");

    // What an operator may call is told in the same way.
    let bearer = ("Authorization", "Bearer 0123456789abcdef0123456789abcdef");
    for (sid, status) in [(&alice, json!(403)), (&root, Value::Null)] {
        let question = json!({"url": "/api/admin/sessions", "sid": sid});
        let asked = Request::post(EXPLAIN)
            .header(bearer.0, bearer.1)
            .json(&question);
        assert_eq!(
            gateway.send_to_admin(&asked).must_be(200).json()["status"],
            status
        );
    }
}

#[test]
fn a_body_that_asks_nothing_is_refused() {
    let stage = Stage::start();
    for body in [
        json!({}),
        json!([]),
        json!({"url": "/", "head": "R0VUIC8="}),
        json!({"head": "%%%"}),
        json!({"head": null, "url": "/"}),
        json!({"url": "/", "sid": null}),
        json!({"url": "/", "unknown": 1}),
        json!({"url": "ftp://x/"}),
        json!({"url": "/", "headers": [["A"]]}),
        json!({"url": "/", "headers": [["A", "b\r\nC: d"]]}),
        json!({"url": "/", "peer": "nowhere"}),
    ] {
        let response = stage.send_to_admin(&Request::post(EXPLAIN).json(&body));
        assert_eq!(response.status, 400, "{body}: {response:?}");
    }
    let huge = json!({"url": "/", "headers": [["A", "x".repeat(200 * 1024)]]});
    assert_eq!(
        stage
            .send_to_admin(&Request::post(EXPLAIN).json(&huge))
            .status,
        413
    );
    assert_eq!(stage.admin(EXPLAIN).status, 405);
}
