//! How many sessions a user may have, on one node and on several.

use std::sync::Barrier;
use std::thread;

use serde_json::json;
use session_testing::TestPostgres;

use sidgate_testkit::app::{self, PASSWORD};
use sidgate_testkit::audit::events_in;
use sidgate_testkit::client::Connection;
use sidgate_testkit::http::Response;
use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{App, Gateway, Reply, Request, SESSION, login};

const EVICT: &str = "[session]\nmax_per_user = 2\n";
const DENY: &str = "[session]\nmax_per_user = 2\nover_limit = \"deny\"\n";

fn try_login(gateway: &Gateway, email: &str) -> Response {
    gateway.send(&login(email, PASSWORD))
}

#[test]
fn oldest_session_gives_way_and_its_browser_learns_why() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(EVICT).start();
    let [first, second] = [(); 2].map(|()| gateway.log_in("alice@example.com"));
    assert!(gateway.knows(&first) && gateway.knows(&second));

    let third = gateway.log_in("alice@example.com");

    assert!(gateway.knows(&second) && gateway.knows(&third));
    assert_eq!(
        gateway.session_of(&first),
        json!({"authenticated": false, "user": null, "code": "session_evicted"})
    );
    for path in ["/required", "/api/auth/sessions", "/api/auth/events"] {
        // Asked twice: what is remembered says so, too.
        for _ in 0..2 {
            let answer = gateway.send(&Request::get(path).sid(&first));
            assert_eq!(answer.problem(401), "session_evicted", "{path}");
        }
    }
    let other = gateway.send(&Request::get("/required").sid(&gateway.log_in("bob@example.com")));
    assert_eq!(other.status, 200, "another user is not concerned");
}

#[test]
fn open_page_of_an_evicted_session_hears_of_it() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[session]\nmax_per_user = 1\n")
        .start();
    let sid = gateway.log_in("alice@example.com");
    let mut page: Connection = gateway.connect();
    page.write(
        &Request::get("/api/auth/events")
            .sid(&sid)
            .bytes(&gateway.host()),
    );
    assert_eq!(page.read_head_only(), 200);
    page.read_chunk();

    gateway.log_in("alice@example.com");

    let event = String::from_utf8(page.read_chunk()).unwrap();
    assert!(event.starts_with("event: revoked\ndata: "), "{event}");
    assert!(event.contains(r#""reason":"evicted""#), "{event}");
    assert!(event.contains(r#""code":"session_evicted""#), "{event}");
}

#[test]
fn denied_login_says_how_many_there_are_and_offers_to_end_them() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(DENY).start();
    let [first, second] = [(); 2].map(|()| gateway.log_in("alice@example.com"));

    let denied = try_login(&gateway, "alice@example.com");

    assert_eq!(denied.problem(409), "session_limit");
    assert!(denied.leaves_cookies_alone());
    let problem = denied.json();
    assert_eq!(
        (&problem["sessions"], &problem["limit"]),
        (&json!(2), &json!(2))
    );
    assert_eq!(problem["offers"], json!(["end_others"]));
    assert!(gateway.knows(&first) && gateway.knows(&second));

    let form = json!({"email": "alice@example.com", "password": PASSWORD, "end_others": true});
    let accepted = gateway.send(&Request::post(SESSION).json(&form));

    assert_eq!(accepted.status, 201, "{accepted:?}");
    assert!(gateway.knows(&accepted.new_sid()));
    assert!(!gateway.knows(&first) && !gateway.knows(&second));
    let asked: serde_json::Value = serde_json::from_slice(&app.backend_calls()[3].body).unwrap();
    assert!(
        asked.get("end_others").is_none(),
        "it is not the app's affair"
    );
}

#[test]
fn ending_the_others_takes_the_password() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(DENY).start();
    let sid = gateway.log_in("alice@example.com");

    let form = json!({"email": "alice@example.com", "password": "wrong", "end_others": true});
    let refused = gateway.send(&Request::post(SESSION).json(&form));

    assert_eq!(refused.problem(401), "invalid_credentials");
    assert!(gateway.knows(&sid));
}

#[test]
fn browser_that_logs_in_again_needs_no_second_place() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(DENY).start();
    let [first, second] = [(); 2].map(|()| gateway.log_in("alice@example.com"));

    let again = gateway.send(&login("alice@example.com", PASSWORD).sid(&first));

    assert_eq!(again.status, 201, "{again:?}");
    assert!(gateway.knows(&second));
}

#[test]
fn tenants_may_have_limits_of_their_own() {
    let app = App::start();
    let config = format!("{EVICT}[session.tenants.t1]\nmax_per_user = 1\nover_limit = \"deny\"\n");
    let gateway = Gateway::in_front_of(&app).with(&config).start();
    gateway.log_in("alice@example.com");
    assert_eq!(
        try_login(&gateway, "alice@example.com").problem(409),
        "session_limit"
    );

    let mut identity = app::identity("bob@example.com");
    identity["tenant_id"] = json!("t2");
    app.on_authenticate(Reply::json(200, &identity));
    let sids = [(); 3].map(|()| gateway.log_in("bob@example.com"));

    assert_eq!(sids.map(|sid| gateway.knows(&sid)), [false, true, true]);
}

#[test]
fn login_through_the_app_is_held_to_the_limit() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).with(DENY).start();
    let identity = app::identity("alice@example.com");
    app.says("/enter", json!([{"type": "login", "identity": identity}]));
    let enter = || gateway.send(&Request::post("/enter"));
    let sids = [enter().new_sid(), enter().new_sid()];

    let denied = enter();

    assert_eq!(denied.problem(409), "session_limit");
    assert_eq!(denied.json()["sessions"], 2);
    assert!(denied.leaves_cookies_alone());
    // Lines are written behind the answer.
    let reason = until("the line", LONG, || {
        let told = events_in(&gateway.stdout());
        let refused = told.iter().rfind(|event| event["event"] == "login_failed");
        refused.map(|event| event["reason"].clone())
    });
    assert_eq!(reason, "session_limit");
    assert_eq!(sids.map(|sid| gateway.knows(&sid)), [true, true]);
}

#[test]
fn limit_holds_against_twenty_logins_at_once_on_two_nodes() {
    const AT_ONCE: usize = 20;
    for (config, admitted) in [(EVICT, AT_ONCE), (DENY, 2)] {
        let app = App::start();
        let postgres = TestPostgres::shared();
        let database = postgres.database();
        let store = store_config(&database);
        let one = Gateway::in_front_of(&app).with(&store).with(config).start();
        let two = Gateway::in_front_of(&app)
            .with(&store)
            .with(config)
            .master_of(&one)
            .start();
        let start = Barrier::new(AT_ONCE);

        let answers: Vec<Response> = thread::scope(|scope| {
            let attempts: Vec<_> = (0..AT_ONCE)
                .map(|n| {
                    let (node, start) = (if n % 2 == 0 { &one } else { &two }, &start);
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
