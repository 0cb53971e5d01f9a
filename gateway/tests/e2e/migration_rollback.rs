//! The way back: old cookies return when migration is switched off, and go again when somebody logs out.

use serde_json::json;
use sidgate_testkit::{App, Gateway, Request, Response, SESSION};

use crate::migration::{cookies, start_with, with_cookie};
use crate::migration_modes::mode;

const OLD: &str = "session_token=alice.1; dott_auth_session.0=ali; dott_auth_session.1=ce.2; \
                   onboardingStep=3";

/// Somebody who has migrated, after the way back was taken: their gateway and their sid.
fn gone_back(app: &App, more: &str) -> (Gateway, String) {
    let more = format!("[migration]\nrollback_reissue = true\n{more}");
    let gateway = start_with(app, &more);
    let sid = cookies(&gateway.send(&with_cookie(Request::get("/"), OLD))).0;
    mode(&gateway, "on", "off");
    (gateway, sid.unwrap())
}

fn lines(response: &Response) -> Vec<String> {
    let lines = response.all("set-cookie");
    lines.into_iter().map(str::to_owned).collect()
}

#[test]
fn old_cookies_return_when_migration_is_switched_off() {
    let app = App::start();
    let gateway = start_with(
        &app,
        "[migration]\nrollback_reissue = true\nclear_domains = []",
    );
    let old = "session_token=alice.1; onboardingStep=3; theme=1";
    let sid = cookies(&gateway.send(&with_cookie(Request::get("/"), old)))
        .0
        .unwrap();
    let new = with_cookie(Request::get("/required"), &format!("theme=1; sid={sid}"));
    assert!(gateway.send(&new).leaves_cookies_alone());

    mode(&gateway, "on", "off");
    let response = gateway.send(&new);
    assert_eq!(response.status, 200);
    let returned: Vec<_> = response
        .all("set-cookie")
        .iter()
        .map(|one| one.split(';').next().unwrap().to_owned())
        .collect();
    assert_eq!(returned, ["session_token=alice.1", "onboardingStep=3"]);
    let seen = app.last_request().header("cookie").unwrap();
    assert_eq!(
        seen, "theme=1; session_token=alice.1; onboardingStep=3",
        "the app sees them at once"
    );
    let both = with_cookie(Request::get("/required"), &format!("{old}; sid={sid}"));
    let response = gateway.send(&both);
    assert!(response.leaves_cookies_alone());
    assert_eq!(app.last_request().header("cookie").unwrap(), old);

    mode(&gateway, "off", "on");
    assert_eq!(gateway.send(&both).status, 200);
    assert_eq!(
        app.last_request().header("x-session-user-id").unwrap(),
        "alice"
    );
    // What was kept goes with the session, and is not returned to anybody after that.
    assert_eq!(
        gateway.send(&Request::delete(SESSION).sid(&sid)).status,
        204
    );
    mode(&gateway, "on", "off");
    assert!(
        gateway
            .send(&Request::get("/").sid(&sid))
            .leaves_cookies_alone()
    );
}

#[test]
fn credentials_return_out_of_reach_of_scripts_and_other_hosts() {
    let app = App::start();
    let domains = "clear_domains = [\"app.test\"]";
    let (gateway, sid) = gone_back(&app, domains);
    let returned = lines(&gateway.send(&Request::get("/").sid(&sid)));
    assert_eq!(returned.len(), 4, "{returned:?}");
    for line in &returned {
        let is_credential = !line.starts_with("onboardingStep=");
        assert_eq!(line.contains("; HttpOnly"), is_credential, "{line}");
        assert!(!line.contains("Domain="), "{line}");
        assert!(
            line.contains("; Path=/;") && line.contains("; SameSite=Lax"),
            "{line}"
        );
    }
}

#[test]
fn they_return_otherwise_where_the_old_system_needs_it() {
    let app = App::start();
    let more = "reissue_domain = \".app.test\"\nreissue_readable = [\"dott_auth_session\"]";
    let (gateway, sid) = gone_back(&app, more);
    for line in lines(&gateway.send(&Request::get("/").sid(&sid))) {
        assert!(line.contains("; Domain=app.test"), "{line}");
        let is_hidden = line.starts_with("session_token=");
        assert_eq!(line.contains("; HttpOnly"), is_hidden, "{line}");
    }
}

#[test]
fn logging_out_takes_back_what_was_returned() {
    const NAMES: [&str; 5] = [
        "dott_auth_session.0",
        "dott_auth_session.1",
        "onboardingStep",
        "session_token",
        "sid",
    ];
    let app = App::start();
    app.says("/leave", json!([{"type": "logout", "scope": "this"}]));
    app.says("/leave-all", json!([{"type": "logout", "scope": "all"}]));
    for leave in [
        Request::delete(SESSION),
        Request::delete("/api/auth/sessions?scope=all"),
        Request::get("/leave"),
        Request::get("/leave-all"),
    ] {
        let (gateway, sid) = gone_back(&app, "");
        gateway.send(&Request::get("/").sid(&sid));
        let response = gateway.send(&with_cookie(leave, &format!("sid={sid}; {OLD}")));
        let (none, mut cleared) = cookies(&response);
        cleared.sort_by_key(|name| name == "sid");
        assert_eq!((none, &*cleared), (None, &NAMES.map(str::to_owned)[..]));
    }
}

#[test]
fn what_was_not_returned_is_not_taken() {
    let app = App::start();
    let gateway = start_with(&app, "[migration]\nmode = \"off\"\nrollback_reissue = true");
    let sid = gateway.log_in("alice@example.com");
    let logout = with_cookie(Request::delete(SESSION), &format!("sid={sid}; {OLD}"));
    assert_eq!(cookies(&gateway.send(&logout)).1, ["sid"]);
}
