//! Old cookies become one session in a single request, through an edge.

use sidgate_testkit::Request;
use sidgate_testkit::edge::Edge;
use sidgate_testkit::legacy::{MIGRATION, knows_old_logins};

use super::stage::Edged;

pub(super) fn eighteen_cookies_become_one(edge: Edge) {
    // Traefik passes on cookies whose names it was told: those that the configuration has.
    let names: Vec<String> = (0..16).map(|n| format!("dott_{n:02}")).collect();
    let listed: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let companions = format!(
        "[migration]\ncompanions = [\"onboarding_status\", {}]",
        listed.join(", ")
    );
    let edged = Edged::with(edge, &format!("{MIGRATION}\n").replace("companions = [\"onboarding_status\", \"businessInfoCompleted\", \"onboardingStep\", \"dott_*\"]\n    companions_passthrough = [\"onboarding_status\"]", companions.trim_start_matches("[migration]\n")));
    knows_old_logins(&edged.stage.app);
    let mut cookie = "session_token=alice.1; onboarding_status=x; theme=dark".to_owned();
    for name in &names {
        cookie.push_str(&format!("; {name}={}", "v".repeat(150)));
    }
    let answer = edged
        .send(&Request::get("/required").header("Cookie", &cookie))
        .must_be(200);
    let seen = edged.stage.app.last_request();
    assert_eq!(seen.state(), "active");
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(seen.header("cookie").unwrap(), "theme=dark");
    let (sids, cleared): (Vec<_>, Vec<_>) = answer
        .all("set-cookie")
        .into_iter()
        .partition(|cookie| cookie.starts_with("sid=") && !cookie.starts_with("sid=;"));
    assert_eq!(sids.len(), 1, "{answer:?}");
    let cleared: std::collections::BTreeSet<_> = cleared
        .iter()
        .map(|cookie| cookie.split('=').next().unwrap())
        .collect();
    assert_eq!(cleared.len(), 18, "{cleared:?}");
    let sid = sids[0]
        .strip_prefix("sid=")
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    edged.get_as(sid, "/required").must_be(200);
    assert_eq!(edged.stage.app.last_request().user().unwrap(), "alice");
}
