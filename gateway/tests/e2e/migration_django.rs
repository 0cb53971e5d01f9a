//! The real Django demo: somebody who has logged in the old way, when migration is switched on.

use sidgate_testkit::browser::Browser;
use sidgate_testkit::django::Demo;
use sidgate_testkit::wait::{LONG, until_true};

use crate::migration_modes::mode;

#[test]
fn a_login_of_the_old_system_becomes_a_session() {
    let demo = Demo::start();
    mode(&demo.gateway, "on", "off");
    let mut browser = Browser::of(&demo.gateway);
    let page = browser.open("/old");
    let fields = [("username", "test@example.com"), ("password", "password")];
    let response = browser.submit_to("/old/login", &page, &fields);
    assert_eq!(response.status, 302, "{response:?}");
    assert!(response.all("set-cookie").len() >= 18, "{response:?}");
    let before = browser.open("/whoami").json();
    assert_eq!(before["user"]["is_authenticated"], false);
    assert!(before["cookies"].as_array().unwrap().len() >= 18);

    mode(&demo.gateway, "off", "on");
    until_true("the migration", LONG, || {
        browser.open("/whoami").status == 200 && browser.sid().is_some()
    });

    let after = browser.open("/whoami").json();
    assert_eq!(after["session"]["state"], "active");
    assert_eq!(after["user"]["email"], "test@example.com");
    let names = after["cookies"].to_string();
    assert!(
        !names.contains("dott_") && !names.contains("session_token"),
        "{names}"
    );
    let sid = browser.sid().unwrap().to_owned();
    let alone = demo.gateway.get_as(&sid, "/whoami");
    assert_eq!(alone.json()["user"]["email"], "test@example.com");
}
