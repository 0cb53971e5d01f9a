//! Cookies that no honest browser sends, and sids that are nobody's. Catalogue: category B; the cases that need no story of
//! their own are in `vectors/b-cookies.toml`.

use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::{Request, Stage};

#[test]
fn genuine_sid_without_a_session_is_read_once_and_then_remembered() {
    let stage = Stage::start();
    let sid = sealed_sid(&stage, 1);
    let reads = stage.core("store_loads");

    for _ in 0..3 {
        let response = stage.get_as(&sid, "/required");
        assert_eq!(response.problem(401), "unauthenticated");
    }

    assert_eq!(stage.core("store_loads"), reads + 1.0);
    assert!(stage.app.requests().is_empty());
}

#[test]
fn sid_of_an_ended_session_is_anonymous_on_an_optional_route() {
    let (stage, sid) = Stage::start().and_alice();
    stage.log_out(&sid);

    stage.get_as(&sid, "/app").must_be(200);
    let seen = stage.app.only_request();
    assert_eq!(seen.state(), "anonymous");
    assert_eq!(seen.user(), None);
    assert!(seen.all("cookie").is_empty());
}

#[test]
fn sid_of_an_ended_session_does_not_open_a_required_route() {
    let (stage, sid) = Stage::start().and_alice();
    stage.log_out(&sid);

    let response = stage.get_as(&sid, "/required");

    assert_eq!(response.problem(401), "unauthenticated");
    assert!(stage.app.requests().is_empty());
}

#[test]
fn cookie_can_have_another_name() {
    let stage = Stage::with(["[cookie]\nname = \"__Host-sid\""]);
    let response = stage.send(&sidgate_testkit::login(
        "alice@example.com",
        sidgate_testkit::app::PASSWORD,
    ));
    let cookie = response.header("set-cookie").unwrap().to_owned();
    let (pair, _) = cookie.split_once(';').unwrap();
    let (name, sid) = pair.split_once('=').unwrap();
    assert_eq!(name, "__Host-sid");

    stage.send(&Request::get("/").header("Cookie", &format!("sid=other; {pair}")));
    stage.get_as(sid, "/");

    let requests = stage.app.requests();
    assert_eq!(requests[0].state(), "active");
    assert_eq!(requests[0].all("cookie"), ["sid=other"]);
    assert_eq!(requests[1].state(), "anonymous");
}
