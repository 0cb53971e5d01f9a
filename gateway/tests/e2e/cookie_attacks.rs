//! Cookies that no honest browser sends, and sids that are nobody's. Catalogue: category B; the cases that need no story of
//! their own are in `vectors/b-cookies.toml`.

use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::{App, Gateway, Request, SESSION};

/// A gateway in front of an app, and a session of alice.
struct Stage {
    app: App,
    gateway: Gateway,
    sid: String,
}

impl Stage {
    fn set() -> Self {
        let app = App::start();
        let gateway = Gateway::in_front_of(&app).start();
        let sid = gateway.log_in("alice@example.com");
        Self { app, gateway, sid }
    }

    fn store_reads(&self) -> f64 {
        let labels = [("what", "store_loads")];
        self.gateway.metrics().sum("sidgate_core_total", &labels)
    }
}

#[test]
fn genuine_sid_without_a_session_is_read_once_and_then_remembered() {
    let stage = Stage::set();
    let sid = sealed_sid(&stage.gateway, 1);
    let reads = stage.store_reads();

    for _ in 0..3 {
        let response = stage.gateway.send(&Request::get("/required").sid(&sid));
        assert_eq!(response.problem(401), "unauthenticated");
    }

    assert_eq!(stage.store_reads(), reads + 1.0);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn sid_of_an_ended_session_is_anonymous_on_an_optional_route() {
    let stage = Stage::set();
    stage
        .gateway
        .send(&Request::delete(SESSION).sid(&stage.sid));

    let response = stage.gateway.send(&Request::get("/app").sid(&stage.sid));

    assert_eq!(response.status, 200);
    let seen = stage.app.only_request();
    assert_eq!(seen.header("x-session-state").unwrap(), "anonymous");
    assert_eq!(seen.header("x-session-user-id"), None);
    assert!(seen.all("cookie").is_empty());
}

#[test]
fn sid_of_an_ended_session_does_not_open_a_required_route() {
    let stage = Stage::set();
    stage
        .gateway
        .send(&Request::delete(SESSION).sid(&stage.sid));

    let response = stage
        .gateway
        .send(&Request::get("/required").sid(&stage.sid));

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(stage.app.requests().is_empty());
}

#[test]
fn cookie_can_have_another_name() {
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .with("[cookie]\nname = \"__Host-sid\"")
        .start();
    let response = gateway.send(&sidgate_testkit::login(
        "alice@example.com",
        sidgate_testkit::app::PASSWORD,
    ));
    let cookie = response.header("set-cookie").unwrap().to_owned();
    let (pair, _) = cookie.split_once(';').unwrap();
    let (name, sid) = pair.split_once('=').unwrap();
    assert_eq!(name, "__Host-sid");

    gateway.send(&Request::get("/").header("Cookie", &format!("sid=other; {pair}")));
    gateway.send(&Request::get("/").sid(sid));

    let requests = app.requests();
    assert_eq!(requests[0].header("x-session-state").unwrap(), "active");
    assert_eq!(requests[0].all("cookie"), ["sid=other"]);
    assert_eq!(requests[1].header("x-session-state").unwrap(), "anonymous");
}
