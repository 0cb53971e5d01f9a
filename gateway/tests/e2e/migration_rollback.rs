//! The way back: old cookies return when migration is switched off, and go again when somebody logs out.

use serde_json::json;
use sidgate_testkit::{Request, Response, SESSION, Stage};

use crate::migration::{cookies, start_with, with_cookie};
use crate::migration_modes::mode;

const OLD: &str = "session_token=alice.1; dott_auth_session.0=ali; dott_auth_session.1=ce.2; \
                   onboardingStep=3";

/// Somebody who has migrated, after the way back was taken: their gateway and their sid.
fn gone_back(more: &str) -> (Stage, String) {
    let more = format!("[migration]\nrollback_reissue = true\n{more}");
    let stage = start_with(&more);
    let sid = cookies(&stage.send(&with_cookie(Request::get("/"), OLD))).0;
    mode(&stage, "on", "off");
    (stage, sid.unwrap())
}

fn lines(response: &Response) -> Vec<String> {
    let lines = response.all("set-cookie");
    lines.into_iter().map(str::to_owned).collect()
}

#[test]
fn old_cookies_return_when_migration_is_switched_off() {
    let stage = start_with("[migration]\nrollback_reissue = true\nclear_domains = []");
    let old = "session_token=alice.1; onboardingStep=3; theme=1";
    let sid = cookies(&stage.send(&with_cookie(Request::get("/"), old)))
        .0
        .unwrap();
    let new = with_cookie(Request::get("/required"), &format!("theme=1; sid={sid}"));
    assert!(stage.send(&new).leaves_cookies_alone());

    mode(&stage, "on", "off");
    let response = stage.send(&new).must_be(200);
    let returned: Vec<_> = response
        .all("set-cookie")
        .iter()
        .map(|one| one.split(';').next().unwrap().to_owned())
        .collect();
    assert_eq!(returned, ["session_token=alice.1", "onboardingStep=3"]);
    let seen = stage.app.last_request().header("cookie").unwrap();
    assert_eq!(
        seen, "theme=1; session_token=alice.1; onboardingStep=3",
        "the app sees them at once"
    );
    let both = with_cookie(Request::get("/required"), &format!("{old}; sid={sid}"));
    let response = stage.send(&both);
    assert!(response.leaves_cookies_alone());
    assert_eq!(stage.app.last_request().header("cookie").unwrap(), old);

    mode(&stage, "off", "on");
    assert_eq!(stage.send(&both).status, 200);
    assert_eq!(stage.app.last_request().user().unwrap(), "alice");
    // What was kept goes with the session, and is not returned to anybody after that.
    assert_eq!(stage.log_out(&sid).status, 204);
    mode(&stage, "on", "off");
    assert!(stage.get_as(&sid, "/").leaves_cookies_alone());
}

#[test]
fn credentials_return_out_of_reach_of_scripts_and_other_hosts() {
    let domains = "clear_domains = [\"app.test\"]";
    let (stage, sid) = gone_back(domains);
    let returned = lines(&stage.get_as(&sid, "/"));
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
    let more = "reissue_domain = \".app.test\"\nreissue_readable = [\"dott_auth_session\"]";
    let (stage, sid) = gone_back(more);
    for line in lines(&stage.get_as(&sid, "/")) {
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
    for leave in [
        Request::delete(SESSION),
        Request::delete("/api/auth/sessions?scope=all"),
        Request::get("/leave"),
        Request::get("/leave-all"),
    ] {
        let (stage, sid) = gone_back("");
        stage.says("/leave", json!([{"type": "logout", "scope": "this"}]));
        stage.says("/leave-all", json!([{"type": "logout", "scope": "all"}]));
        stage.get_as(&sid, "/");
        let response = stage.send(&with_cookie(leave, &format!("sid={sid}; {OLD}")));
        let (none, mut cleared) = cookies(&response);
        cleared.sort_by_key(|name| name == "sid");
        assert_eq!((none, &*cleared), (None, &NAMES.map(str::to_owned)[..]));
    }
}

#[test]
fn what_was_not_returned_is_not_taken() {
    let (stage, sid) =
        start_with("[migration]\nmode = \"off\"\nrollback_reissue = true").and_alice();
    let logout = with_cookie(Request::delete(SESSION), &format!("sid={sid}; {OLD}"));
    assert_eq!(cookies(&stage.send(&logout)).1, ["sid"]);
}
