//! How many sessions a user may have, on one node and on several.

use std::sync::Barrier;
use std::thread;

use serde_json::json;
use session_testing::TestPostgres;

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::client::Connection;
use sidgate_testkit::http::Response;
use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{Gateway, Reply, Request, SESSION, Stage, login};

const EVICT: &str = "[session]\nmax_per_user = 2\n";
const DENY: &str = "[session]\nmax_per_user = 2\nover_limit = \"deny\"\n";

fn try_login(gateway: &Gateway, email: &str) -> Response {
    gateway.try_login(email)
}

#[test]
fn oldest_session_gives_way_and_its_browser_learns_why() {
    let stage = Stage::with([EVICT]);
    let [first, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    assert!(stage.knows(&first) && stage.knows(&second));

    let third = stage.log_in("alice@example.com");

    assert!(stage.knows(&second) && stage.knows(&third));
    assert_eq!(
        stage.session_of(&first),
        json!({"authenticated": false, "user": null, "code": "session_evicted"})
    );
    for path in ["/required", "/api/auth/sessions", "/api/auth/events"] {
        // Asked twice: what is remembered says so, too.
        for _ in 0..2 {
            let answer = stage.get_as(&first, path);
            assert_eq!(answer.problem(401), "session_evicted", "{path}");
        }
    }
    let other = stage.get_as(&stage.log_in("bob@example.com"), "/required");
    assert_eq!(other.status, 200, "another user is not concerned");
}

#[test]
fn open_page_of_an_evicted_session_hears_of_it() {
    let (stage, sid) = Stage::with(["[session]\nmax_per_user = 1\n"]).and_alice();
    let mut page: Connection = stage.connect();
    page.write(
        &Request::get("/api/auth/events")
            .sid(&sid)
            .bytes(&stage.host()),
    );
    assert_eq!(page.read_head_only(), 200);
    page.read_chunk();

    stage.log_in("alice@example.com");

    let event = String::from_utf8(page.read_chunk()).unwrap();
    assert!(event.starts_with("event: revoked\ndata: "), "{event}");
    assert!(event.contains(r#""reason":"evicted""#), "{event}");
    assert!(event.contains(r#""code":"session_evicted""#), "{event}");
}

#[test]
fn denied_login_says_how_many_there_are_and_offers_to_end_them() {
    let stage = Stage::with([DENY]);
    let [first, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));

    let denied = try_login(&stage, "alice@example.com");

    assert_eq!(denied.problem(409), "session_limit");
    assert!(denied.leaves_cookies_alone());
    let problem = denied.json();
    assert_eq!(
        (&problem["sessions"], &problem["limit"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(problem["offers"], json!(["end_others"]));
    assert!(stage.knows(&first) && stage.knows(&second));

    let form = json!({"email": "alice@example.com", "password": PASSWORD, "end_others": true});
    let accepted = stage.send(&Request::post(SESSION).json(&form)).must_be(201);

    assert!(stage.knows(&accepted.new_sid()));
    assert!(!stage.knows(&first) && !stage.knows(&second));
    let asked: serde_json::Value =
        serde_json::from_slice(&stage.app.backend_calls()[3].body).unwrap();
    assert!(
        asked.get("end_others").is_none(),
        "it is not the app's affair"
    );
}

#[test]
fn ending_the_others_takes_the_password() {
    let (stage, sid) = Stage::with([DENY]).and_alice();

    let form = json!({"email": "alice@example.com", "password": "wrong", "end_others": true});
    let refused = stage.send(&Request::post(SESSION).json(&form));

    assert_eq!(refused.problem(401), "invalid_credentials");
    assert!(stage.knows(&sid));
}

#[test]
fn browser_that_logs_in_again_needs_no_second_place() {
    let stage = Stage::with([DENY]);
    let [first, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));

    let again = stage.send(&login("alice@example.com", PASSWORD).sid(&first));

    assert_eq!(again.status, 201, "{again:?}");
    assert!(stage.knows(&second));
}

#[test]
fn tenants_may_have_limits_of_their_own() {
    let config = format!("{EVICT}[session.tenants.t1]\nmax_per_user = 1\nover_limit = \"deny\"\n");
    let stage = Stage::with([&config]);
    stage.log_in("alice@example.com");
    assert_eq!(
        try_login(&stage, "alice@example.com").problem(409),
        "session_limit"
    );

    let mut identity = app::identity("bob@example.com");
    identity["tenant_id"] = json!("t2");
    stage.app.on_authenticate(Reply::json(200, &identity));
    let sids = [(); 3].map(|()| stage.log_in("bob@example.com"));

    assert_eq!(sids.map(|sid| stage.knows(&sid)), [false, true, true]);
}

#[test]
fn login_through_the_app_is_held_to_the_limit() {
    let stage = Stage::with([DENY]);
    let identity = app::identity("alice@example.com");
    stage.says("/enter", json!([{"type": "login", "identity": identity}]));
    let enter = || stage.send(&Request::post("/enter"));
    let sids = [enter().new_sid(), enter().new_sid()];

    let denied = enter();

    assert_eq!(denied.problem(409), "session_limit");
    assert_eq!(denied.json()["sessions"], 2);
    assert!(denied.leaves_cookies_alone());
    // Lines are written behind the answer.
    let reason = until("the line", LONG, || {
        let told = stage.security_events();
        let refused = told.iter().rfind(|event| event["event"] == "login_failed");
        refused.map(|event| event["reason"].clone())
    });
    assert_eq!(reason, "session_limit");
    assert_eq!(sids.map(|sid| stage.knows(&sid)), [true, true]);
}

#[test]
fn limit_holds_against_twenty_logins_at_once_on_two_nodes() {
    const AT_ONCE: usize = 20;
    for (config, admitted) in [(EVICT, AT_ONCE), (DENY, 2)] {
        let database = TestPostgres::shared().database();
        let store = store_config(&database);
        let one = Stage::with([&store, config]);
        let two = Gateway::in_front_of(&one.app)
            .with(&store)
            .with(config)
            .master_of(&one)
            .start();
        let start = Barrier::new(AT_ONCE);

        let answers: Vec<Response> = thread::scope(|scope| {
            let attempts: Vec<_> = (0..AT_ONCE)
                .map(|n| {
                    let (node, start) = (if n % 2 == 0 { &one.gateway } else { &two }, &start);
                    scope.spawn(move || {
                        start.wait();
                        try_login(node, "alice@example.com")
                    })
                })
                .collect();
            let answer = |attempt: thread::ScopedJoinHandle<'_, _>| attempt.join().unwrap();
            attempts.into_iter().map(answer).collect()
        });

        let created = answers.iter().filter(|answer| answer.status == 201);
        assert_eq!(created.count(), admitted);
        assert!(
            answers
                .iter()
                .all(|answer| [201, 409].contains(&answer.status))
        );
        let live = "SELECT count(*) FROM sidgate_session WHERE revoked_at IS NULL";
        assert_eq!(sql_number(&database, live), 2);
    }
}
