//! The devices of a user: listed, ended one by one, ended together; never anybody else's.

use serde_json::Value;
use session_testing::TestPostgres;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::http::Response;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, SESSION, Stage, login};

const SESSIONS: &str = "/api/auth/sessions";
const CHROME: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// Logs in with a browser of one's own.
fn log_in_with(gateway: &Gateway, email: &str, user_agent: &str) -> String {
    let request = login(email, PASSWORD).header("User-Agent", user_agent);
    gateway.send(&request).must_be(201).new_sid()
}

fn devices(gateway: &Gateway, sid: &str) -> Vec<Value> {
    let response = gateway.get_as(sid, SESSIONS).must_be(200);
    let body = response.json();
    let members: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["sessions"]);
    body["sessions"].as_array().unwrap().clone()
}

fn end(gateway: &Gateway, sid: &str, target: &str) -> Response {
    gateway.send(&Request::delete(&format!("{SESSIONS}{target}")).sid(sid))
}

fn ended_as_device(gateway: &Gateway) -> f64 {
    let labels = [("reason", "device")];
    gateway.sum("sidgate_sessions_revoked_total", &labels)
}

#[test]
fn list_shows_ones_own_devices_and_no_secret() {
    let stage = Stage::start();
    let first = log_in_with(&stage, "alice@example.com", CHROME);
    let second = log_in_with(&stage, "alice@example.com", "<script>alert(1)</script>");
    let other = stage.log_in("bob@example.com");

    let response = stage.get_as(&second, SESSIONS).must_be(200);

    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(response.header("cache-control"), Some("no-store"));
    assert!(response.leaves_cookies_alone());
    for secret in [&first, &second, &other] {
        assert!(!response.text().contains(secret.as_str()), "a sid is shown");
    }
    let devices = devices(&stage, &second);
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
        let id = stage.id_of(sid);
        devices.iter().find(|device| device["id"] == *id).unwrap()
    };
    let (chrome, script) = (by_id(&first), by_id(&second));
    assert_eq!(chrome["device"]["label"], "Chrome on macOS");
    assert_eq!(chrome["device"]["user_agent"], CHROME);
    assert_eq!(chrome["current"], false);
    assert_eq!(script["device"]["label"], "Unknown device");
    assert_eq!(script["current"], true);
    assert!(
        stage.app.requests().is_empty(),
        "answered by the gateway itself"
    );
}

#[test]
fn one_device_is_ended_and_the_others_stay() {
    let stage = Stage::start();
    let [mine, lost, third] = [(); 3].map(|()| stage.log_in("alice@example.com"));

    let response = end(&stage, &mine, &format!("/{}", stage.id_of(&lost)));

    assert_eq!(response.status, 204, "{response:?}");
    assert!(response.leaves_cookies_alone());
    assert!(!stage.knows(&lost));
    assert!(stage.knows(&mine) && stage.knows(&third));
    assert_eq!(devices(&stage, &mine).len(), 2);
    assert_eq!(ended_as_device(&stage), 1.0);
}

#[test]
fn ones_own_device_can_be_ended_and_takes_its_cookie_along() {
    let (stage, sid) = Stage::start().and_alice();

    let response = end(&stage, &sid, &format!("/{}", stage.id_of(&sid)));

    assert_eq!(response.status, 204);
    assert!(response.clears_the_sid(), "{response:?}");
    assert!(!stage.knows(&sid));
}

#[test]
fn what_is_not_ones_own_is_not_there() {
    let stage = Stage::start();
    let (mine, foreign) = (
        stage.log_in("alice@example.com"),
        stage.log_in("bob@example.com"),
    );
    let foreign_id = stage.id_of(&foreign);
    let ended = stage.log_in("alice@example.com");
    let ended_id = stage.id_of(&ended);
    stage.log_out(&ended);

    let answers = [
        format!("/{foreign_id}"),
        format!("/{ended_id}"),
        "/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b".to_owned(),
        "/1".to_owned(),
        format!("/{}", foreign_id.to_uppercase()),
        format!("/{mine}"),
    ]
    .map(|target| {
        let answer = end(&stage, &mine, &target);
        assert_eq!(answer.problem(404), "not_found");
        // All but the id of the request, which is its own.
        let mut body = answer.json();
        assert!(body["request_id"].take().is_string());
        body
    });

    for answer in &answers {
        assert_eq!(answer, &answers[0], "nothing tells them apart");
    }
    assert!(stage.knows(&foreign), "somebody else's session lives on");
}

#[test]
fn all_others_are_ended() {
    let stage = Stage::start();
    let [mine, second, third] = [(); 3].map(|()| stage.log_in("alice@example.com"));
    let foreign = stage.log_in("bob@example.com");

    let response = end(&stage, &mine, "?scope=others");

    assert_eq!(response.status, 200, "{response:?}");
    let receipt = response.json();
    assert_eq!(receipt["revoked"], 2);
    assert_eq!(receipt["nodes"], 1);
    assert_eq!(receipt["acked"], 1);
    assert!(receipt["worst_ms"].is_u64());
    assert!(response.leaves_cookies_alone());
    assert!(stage.knows(&mine) && stage.knows(&foreign));
    assert!(!stage.knows(&second) && !stage.knows(&third));
}

#[test]
fn all_are_ended_with_ones_own() {
    let stage = Stage::start();
    let [mine, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let foreign = stage.log_in("bob@example.com");

    let response = end(&stage, &mine, "?scope=all&wait=none");

    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.json()["revoked"], 2);
    assert_eq!(response.json()["nodes"], 0, "nobody was waited for");
    assert!(response.clears_the_sid());
    assert!(!stage.knows(&mine) && !stage.knows(&second));
    assert!(stage.knows(&foreign));
    assert!(
        stage.knows(&stage.log_in("alice@example.com")),
        "a later login is not concerned"
    );
}

#[test]
fn parameters_are_known_words() {
    let (stage, sid) = Stage::start().and_alice();
    let id = stage.id_of(&sid);

    for target in [
        "",
        "?scope=",
        "?scope=mine",
        "?scope=all&scope=others",
        "?scope=all&wait=some",
        &format!("/{id}?wait=1"),
    ] {
        assert_eq!(
            end(&stage, &sid, target).problem(400),
            "invalid_request",
            "{target}"
        );
    }
    let logout = Request::delete(&format!("{SESSION}?wait=later")).sid(&sid);
    assert_eq!(stage.send(&logout).problem(400), "invalid_request");
    assert!(stage.knows(&sid), "nothing was ended");
}

#[test]
fn without_a_session_there_are_no_devices() {
    let (stage, ended) = Stage::start().and_alice();
    stage.log_out(&ended);

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
            let answer = stage.send(&request);
            assert_eq!(answer.problem(401), "unauthenticated");
            assert!(answer.leaves_cookies_alone());
        }
    }
}

#[test]
fn other_methods_are_named() {
    let stage = Stage::start();
    for (method, target, allow) in [
        ("POST", "", "GET, HEAD, DELETE"),
        ("GET", "/01932c07-7b9c-7a51-8d2c-0f6f6d1e2a3b", "DELETE"),
    ] {
        let answer = stage.send(&Request::new(method, &format!("{SESSIONS}{target}")));
        assert_eq!(answer.problem(405), "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow));
    }
    for nothing in ["/", "/a/b"] {
        let answer = stage.get(&format!("{SESSIONS}{nothing}"));
        assert_eq!(answer.problem(404), "not_found");
    }
}

#[test]
fn another_site_cannot_end_anything() {
    let stage = Stage::start();
    let [mine, second] = [(); 2].map(|()| stage.log_in("alice@example.com"));
    let second_id = stage.id_of(&second);

    for target in ["?scope=all".to_owned(), format!("/{second_id}")] {
        for (name, value) in [
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
            ("Origin", "http://evil.test"),
        ] {
            let request = Request::delete(&format!("{SESSIONS}{target}"));
            let answer = stage.send(&request.sid(&mine).header(name, value));
            assert_eq!(answer.problem(403), "cross_site");
        }
    }

    assert!(stage.knows(&mine) && stage.knows(&second));
}

#[test]
fn an_outage_is_no_answer_to_who_is_logged_in_where() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let (stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    let id = stage.id_of(&sid);

    postgres.stop();
    until_true("the end of the lease", LONG, || !stage.is_ready());

    let list = stage.get_as(&sid, SESSIONS);
    for answer in [
        list,
        end(&stage, &sid, "?scope=all"),
        end(&stage, &sid, &format!("/{id}")),
    ] {
        assert_eq!(answer.problem(503), "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.leaves_cookies_alone());
    }
}
