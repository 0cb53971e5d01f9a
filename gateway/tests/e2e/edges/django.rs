//! The real Django demo behind an edge: Django's own login form, its admin, and logout.

use serde_json::Value;
use sidgate_testkit::Request;
use sidgate_testkit::browser::Browser;
use sidgate_testkit::django::Demo;
use sidgate_testkit::edge::{Edge, RunningEdge};
use sidgate_testkit::port::free_port;

const USER: &str = "test@example.com";

pub(super) fn djangos_own_form(edge: Edge) {
    let authz = free_port();
    let config = format!("[authz]\nlisten = [\"127.0.0.1:{authz}\"]");
    let demo = Demo::start_telling(&config, &format!("http://127.0.0.1:{authz}/authz/event"));
    let edge = RunningEdge::start(edge, &demo.gateway);
    let mut browser = Browser::through(&edge, &demo.gateway);
    // A page that needs a session leads to the form.
    let page = browser.open("/private");
    assert_eq!(page.status, 303, "{page:?}");
    let login = page.header("location").unwrap().to_owned();
    let form = [("username", USER), ("password", "password")];
    browser
        .submit(&login[login.find("/login").unwrap()..], &form)
        .must_be(302);
    let sid = browser.sid().expect("a session").to_owned();
    let seen: Value = browser.open("/whoami").must_be(200).json();
    assert_eq!(seen["user"]["email"], USER, "{seen}");
    assert_eq!(seen["session"]["verified"], true);
    browser.open("/private").must_be(200);
    assert_eq!(demo.gateway.session_of(&sid)["user"]["email"], USER);
    // Wrong passwords open nothing.
    let mut other = Browser::through(&edge, &demo.gateway);
    other.submit("/login", &[("username", USER), ("password", "wrong")]);
    assert!(
        !other
            .sid()
            .is_some_and(|sid| demo.gateway.session_of(sid)["user"]["email"] == USER)
    );
    // Django's own logout ends the session for everybody.
    let page = browser.open("/").must_be(200);
    let out = browser.submit_to("/logout", &page, &[]);
    assert!(out.status < 400, "{out:?}");
    let request = Request::get("/private")
        .sid(&sid)
        .header("Accept", "application/json");
    assert_eq!(edge.send(&request, &demo.gateway.host()).status, 401);
}
