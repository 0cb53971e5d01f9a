//! Apps out of service: who is told so, what goes on, and how it begins and ends.

use std::fs;

use serde_json::json;
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, SESSION, Stage, login};

const BY_FILE: &str = "[maintenance]\nfile = \"maintenance\"\ncheck_every = \"100ms\"";

fn is_on(gateway: &Gateway) -> bool {
    gateway.get("/page").status == 503
}

fn begin(gateway: &Gateway) {
    fs::write(gateway.folder().join("maintenance"), "").unwrap();
    until_true("maintenance", LONG, || is_on(gateway));
}

#[test]
fn routes_answer_503_and_no_app_is_asked() {
    let (mut stage, sid) = Stage::with([
        "[maintenance]\nfile = \"maintenance\"\ncheck_every = \"100ms\"\nretry_after = \"90s\"",
    ])
    .and_alice();
    begin(&stage);
    let (requests, calls) = (stage.app.requests().len(), stage.app.backend_calls().len());
    for request in [
        Request::get("/page"),
        Request::get("/required").sid(&sid),
        Request::get("/none"),
        Request::post("/required").sid(&sid).body("x"),
        login("alice@example.com", PASSWORD),
        Request::post("/api/auth/migrate-session").header("Cookie", "old=1"),
    ] {
        let answer = stage.send(&request);
        assert_eq!(answer.problem(503), "maintenance", "{request:?}");
        assert_eq!(answer.header("retry-after"), Some("90"));
        assert!(answer.leaves_cookies_alone());
    }
    let page = stage.send(
        &Request::get("/page")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document"),
    );
    let page = page.must_be(503).text();
    assert!(
        page.contains("<h1>We are working on this site</h1>"),
        "{page}"
    );
    assert!(page.contains("Try again in 90 seconds."), "{page}");
    assert_eq!(stage.app.requests().len(), requests);
    assert_eq!(stage.app.backend_calls().len(), calls);
    assert_eq!(stage.sum("sidgate_maintenance", &[]), 1.0);
    let counted = stage.sum("sidgate_requests_total", &[("outcome", "maintenance")]);
    assert!(counted >= 7.0, "{counted}");

    fs::remove_file(stage.folder().join("maintenance")).unwrap();
    until_true("the end of maintenance", LONG, || !is_on(&stage));
    stage.get_as(&sid, "/required").must_be(200);
    until_true("the gauge", LONG, || {
        stage.sum("sidgate_maintenance", &[]) == 0.0
    });
    stage.stop();
    let log = stage.stdout();
    assert!(log.contains("maintenance begins") && log.contains("maintenance ends"));
}

/// Whose laptop was stolen must be able to end its session, and what has ended stays ended.
#[test]
fn sessions_can_be_seen_and_ended_meanwhile() {
    let (stage, sid) = Stage::with([BY_FILE]).and_alice();
    let other = stage.log_in("alice@example.com");
    begin(&stage);
    assert!(stage.knows(&sid));
    stage.get_as(&sid, "/api/auth/sessions").must_be(200);
    let id = stage.id_of(&other);
    let end = Request::delete(&format!("/api/auth/sessions/{id}"));
    stage.send(&end.sid(&sid)).must_be(204);
    assert!(!stage.knows(&other));
    stage.log_out(&sid).must_be(204);
    assert!(!stage.knows(&sid));
    assert_eq!(stage.admin("/readyz").status, 200);
    assert_eq!(stage.admin("/livez").status, 200);

    fs::remove_file(stage.folder().join("maintenance")).unwrap();
    until_true("the end of maintenance", LONG, || !is_on(&stage));
    assert_eq!(stage.get_as(&sid, "/required").status, 401);
}

#[test]
fn those_who_are_named_get_through() {
    let stage = Stage::with(["[maintenance]\non = true\nallow = [\"203.0.113.0/24\"]\n\
         [server]\ntrusted_proxies = [\"loopback\"]"]);
    let from = |client: &str, path: &str| {
        let request = Request::get(path).header("X-Forwarded-For", client);
        stage.send(&request).status
    };
    assert_eq!(from("203.0.113.7", "/page"), 200);
    assert_eq!(from("203.0.114.7", "/page"), 503);
    // What a client says itself is what its proxy has seen before.
    assert_eq!(from("203.0.113.7, 198.51.100.1", "/page"), 503);
    let request = login("alice@example.com", PASSWORD).header("X-Forwarded-For", "203.0.113.7");
    stage.send(&request).must_be(201);
    assert_eq!(stage.app.requests().len(), 1);
}

#[test]
fn a_reload_begins_and_ends_it_at_once() {
    let stage = Stage::with(["[maintenance]\non = true"]);
    assert!(is_on(&stage), "from the first request on");
    let change = |from: &str, to: &str| {
        stage.reconfigure(|_, text| text.replace(from, to));
        let said = stage.send_to_admin(&Request::post("/api/admin/reload"));
        assert_eq!(said.must_be(200).json()["changed"], json!(["maintenance"]));
    };
    change("on = true", "on = false");
    assert!(!is_on(&stage));
    change("on = false", "on = true");
    assert!(is_on(&stage));
}

#[test]
fn a_file_that_is_there_at_the_start_counts_from_the_first_request_on() {
    let mut stage = Stage::with(["[maintenance]\nfile = \"maintenance\"\ncheck_every = \"10m\""]);
    stage.stop();
    fs::write(stage.folder().join("maintenance"), "").unwrap();
    stage.start_again();
    assert!(is_on(&stage));
    assert_eq!(stage.get(SESSION).status, 200);
}

#[test]
fn explain_says_who_decided() {
    let stage = Stage::with(["[maintenance]\non = true"]);
    let asked = Request::post("/api/admin/explain").json(&json!({"method": "GET", "url": "/page"}));
    let said = stage.send_to_admin(&asked).must_be(200).text();
    assert!(
        said.contains("maintenance.on") && said.contains("503"),
        "{said}"
    );
}
