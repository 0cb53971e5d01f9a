//! The devices of a user: listed, ended one by one, ended together; never anybody else's.

use serde_json::Value;
use session_testing::TestPostgres;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::http::Response;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, SESSION, login};

const SESSIONS: &str = "/api/auth/sessions";
const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Logs in with a browser of one's own.
fn log_in_with(gateway: &Gateway, email: &str, user_agent: &str) -> String {
    let request = login(email, PASSWORD).header("User-Agent", user_agent);
    let response = gateway.send(&request);
    assert_eq!(response.status, 201, "{response:?}");
    response.new_sid()
}

fn devices(gateway: &Gateway, sid: &str) -> Vec<Value> {
    let response = gateway.send(&Request::get(SESSIONS).sid(sid));
    assert_eq!(response.status, 200, "{response:?}");
    let body = response.json();
    let members: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["sessions"]);
    body["sessions"].as_array().unwrap().clone()
}

fn id_of(gateway: &Gateway, sid: &str) -> String {
    let view = gateway.session_of(sid);
    view["session"]["id"].as_str().unwrap().to_owned()
}

fn end(gateway: &Gateway, sid: &str, target: &str) -> Response {
    gateway.send(&Request::delete(&format!("{SESSIONS}{target}")).sid(sid))
}

fn clears_the_cookie(response: &Response) -> bool {
    let cookie = response.header("set-cookie").unwrap_or_default();
    cookie.starts_with("sid=;") && cookie.contains("Max-Age=0")
}

fn ended_as_device(gateway: &Gateway) -> f64 {
    let labels = [("reason", "device")];
    gateway
        .metrics()
        .sum("sidgate_sessions_revoked_total", &labels)
}

#[test]
fn list_shows_ones_own_devices_and_no_secret() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let first = log_in_with(&gateway, "alice@example.com", CHROME);
    let second = log_in_with(&gateway, "alice@example.com", "<script>alert(1)</script>");
    let other = gateway.log_in("bob@example.com");

    let response = gateway.send(&Request::get(SESSIONS).sid(&second));

    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.leaves_cookies_alone());
    for secret in [&first, &second, &other] {
        assert!(!response.text().contains(secret.as_str()), "a sid is shown");
    }
    let devices = devices(&gateway, &second);
    assert_eq!(devices.len(), 2, "{devices:?}");
    for device in &devices {
        let members: Vec<_> = device
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            members,
            [
                "createdAt",
                "current",
                "device",
                "expiresAt",
                "flags",
                "id",
                "ip",
                "lastActivity"
            ]
        );
        assert_eq!(device["ip"], "127.0.0.1");
        assert!(device["createdAt"].as_str().unwrap().ends_with('Z'));
    }
    let by_id = |sid: &str| {
        let id = id_of(&gateway, sid);
        devices.iter().find(|device| device["id"] == *id).unwrap()
    };
    let (chrome, script) = (by_id(&first), by_id(&second));
    assert_eq!(chrome["device"]["label"], "Chrome on macOS");
    assert_eq!(chrome["device"]["user_agent"], CHROME);
    assert_eq!(chrome["current"], false);
    assert_eq!(script["device"]["label"], "Unknown device");
    assert_eq!(script["current"], true);
    assert!(app.requests().is_empty(), "answered by the gateway itself");
}

#[test]
fn one_device_is_ended_and_the_others_stay() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let [mine, lost, third] = [(); 3].map(|()| gateway.log_in("alice@example.com"));

    let response = end(&gateway, &mine, &format!("/{}", id_of(&gateway, &lost)));

    assert_eq!(response.status, 204, "{response:?}");
    assert!(response.leaves_cookies_alone());
    assert!(!gateway.knows(&lost));
    assert!(gateway.knows(&mine) && gateway.knows(&third));
    assert_eq!(devices(&gateway, &mine).len(), 2);
    assert_eq!(ended_as_device(&gateway), 1.0);
}

#[test]
fn ones_own_device_can_be_ended_and_takes_its_cookie_along() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");

    let response = end(&gateway, &sid, &format!("/{}", id_of(&gateway, &sid)));

    assert_eq!(response.status, 204);
    assert!(clears_the_cookie(&response), "{response:?}");
    assert!(!gateway.knows(&sid));
}

#[test]
fn what_is_not_ones_own_is_not_there() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let (mine, foreign) = (
        gateway.log_in("alice@example.com"),
        gateway.log_in("bob@example.com"),
    );
    let foreign_id = id_of(&gateway, &foreign);
    let ended = gateway.log_in("alice@example.com");
    let ended_id = id_of(&gateway, &ended);
    gateway.send(&Request::delete(SESSION).sid(&ended));

    let answers = [
        format!("/{foreign_id}"),
        format!("/{ended_id}"),
        "/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b".to_owned(),
        "/1".to_owned(),
        format!("/{}", foreign_id.to_uppercase()),
        format!("/{mine}"),
    ]
    .map(|target| {
        let answer = end(&gateway, &mine, &target);
        assert_eq!(answer.problem(404), "not_found");
        // All but the id of the request, which is its own.
        let mut body = answer.json();
        assert!(body["request_id"].take().is_string());
        body
    });

    for answer in &answers {
        assert_eq!(answer, &answers[0], "nothing tells them apart");
    }
    assert!(gateway.knows(&foreign), "somebody else's session lives on");
}

#[test]
fn all_others_are_ended() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let [mine, second, third] = [(); 3].map(|()| gateway.log_in("alice@example.com"));
    let foreign = gateway.log_in("bob@example.com");

    let response = end(&gateway, &mine, "?scope=others");

    assert_eq!(response.status, 200, "{response:?}");
    let receipt = response.json();
    assert_eq!(receipt["revoked"], 2);
    assert_eq!(receipt["nodes"], 1);
    assert_eq!(receipt["acked"], 1);
    assert!(receipt["worst_ms"].is_u64());
    assert!(response.leaves_cookies_alone());
    assert!(gateway.knows(&mine) && gateway.knows(&foreign));
    assert!(!gateway.knows(&second) && !gateway.knows(&third));
}

#[test]
fn all_are_ended_with_ones_own() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let [mine, second] = [(); 2].map(|()| gateway.log_in("alice@example.com"));
    let foreign = gateway.log_in("bob@example.com");

    let response = end(&gateway, &mine, "?scope=all&wait=none");

    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.json()["revoked"], 2);
    assert_eq!(response.json()["nodes"], 0, "nobody was waited for");
    assert!(clears_the_cookie(&response));
    assert!(!gateway.knows(&mine) && !gateway.knows(&second));
    assert!(gateway.knows(&foreign));
    assert!(
        gateway.knows(&gateway.log_in("alice@example.com")),
        "a later login is not concerned"
    );
}

#[test]
fn parameters_are_known_words() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let sid = gateway.log_in("alice@example.com");
    let id = id_of(&gateway, &sid);

    for target in [
        "",
        "?scope=",
        "?scope=mine",
        "?scope=all&scope=others",
        "?scope=all&wait=some",
        &format!("/{id}?wait=1"),
    ] {
        assert_eq!(
            end(&gateway, &sid, target).problem(400),
            "invalid_request",
            "{target}"
        );
    }
    let logout = Request::delete(&format!("{SESSION}?wait=later")).sid(&sid);
    assert_eq!(gateway.send(&logout).problem(400), "invalid_request");
    assert!(gateway.knows(&sid), "nothing was ended");
}

#[test]
fn without_a_session_there_are_no_devices() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let ended = gateway.log_in("alice@example.com");
    gateway.send(&Request::delete(SESSION).sid(&ended));

    for (method, target) in [
        ("GET", ""),
        ("DELETE", "?scope=all"),
        ("DELETE", "?scope=nonsense"),
        ("DELETE", "/1"),
    ] {
        let request = Request::new(method, &format!("{SESSIONS}{target}"));
        for request in [
            request.clone(),
            request.clone().sid(&ended),
            request.sid("junk"),
        ] {
            let answer = gateway.send(&request);
            assert_eq!(answer.problem(401), "unauthenticated");
            assert!(answer.leaves_cookies_alone());
        }
    }
}

#[test]
fn other_methods_are_named() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    for (method, target, allow) in [
        ("POST", "", "GET, HEAD, DELETE"),
        ("GET", "/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b", "DELETE"),
    ] {
        let answer = gateway.send(&Request::new(method, &format!("{SESSIONS}{target}")));
        assert_eq!(answer.problem(405), "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow));
    }
    for nothing in ["/", "/a/b"] {
        let answer = gateway.send(&Request::get(&format!("{SESSIONS}{nothing}")));
        assert_eq!(answer.problem(404), "not_found");
    }
}

#[test]
fn another_site_cannot_end_anything() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app).start();
    let [mine, second] = [(); 2].map(|()| gateway.log_in("alice@example.com"));
    let second_id = id_of(&gateway, &second);

    for target in ["?scope=all".to_owned(), format!("/{second_id}")] {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "http://evil.test"),
        ] {
            let request = Request::delete(&format!("{SESSIONS}{target}"));
            let answer = gateway.send(&request.sid(&mine).header(name, value));
            assert_eq!(answer.problem(403), "cross_site");
        }
    }

    assert!(gateway.knows(&mine) && gateway.knows(&second));
}

#[test]
fn an_outage_is_no_answer_to_who_is_logged_in_where() {
    let app = App::start();
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let gateway = Gateway::in_front_of(&app)
        .with(&store_config(&database))
        .start();
    let sid = gateway.log_in("alice@example.com");
    let id = id_of(&gateway, &sid);

    postgres.stop();
    until_true("the end of the lease", LONG, || !gateway.is_ready());

    let list = gateway.send(&Request::get(SESSIONS).sid(&sid));
    for answer in [
        list,
        end(&gateway, &sid, "?scope=all"),
        end(&gateway, &sid, &format!("/{id}")),
    ] {
        assert_eq!(answer.problem(503), "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.leaves_cookies_alone());
    }
}
