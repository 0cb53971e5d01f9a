//! A look-up is counted once and in one way, whoever serves the request and whatever becomes of its old cookies.

use std::time::Duration;

use sidgate_testkit::legacy::{INTROSPECT, MIGRATE, judge};
use sidgate_testkit::{Gateway, Request, SESSION};

use crate::migration::{cookies, start_with, with_cookie};

/// How long the app takes to judge an old login.
const SLOW: Duration = Duration::from_millis(700);

/// Look-ups of cookies that are no sids, and the seconds that all look-ups have taken.
fn look_ups(gateway: &Gateway) -> (f64, f64) {
    let metrics = gateway.metrics();
    let labels = [("tier", "seal"), ("result", "malformed")];
    (
        metrics.sum("sidgate_resolve_total", &labels),
        metrics.sum("sidgate_resolve_seconds_sum", &[]),
    )
}

#[test]
fn a_migration_is_one_look_up_without_the_time_of_the_app() {
    let stage = start_with("[migration]\nredirect = \"navigation\"");
    stage.on(INTROSPECT, |exchange| {
        std::thread::sleep(SLOW);
        judge(&exchange.json())
    });
    let navigation = Request::get("/required/page")
        .header("Sec-Fetch-Site", "none")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document");
    let ways = [
        ("alice.1", navigation, 303),
        ("alice.2", Request::get("/required"), 200),
        ("alice.3", Request::get(SESSION), 200),
        ("alice.4", Request::post(MIGRATE), 200),
    ];
    for (counted, (login, request, status)) in ways.into_iter().enumerate() {
        let cookie = format!("sid=no-sid; session_token={login}");
        let response = stage.send(&with_cookie(request, &cookie));
        assert_eq!(response.status, status, "{login}: {response:?}");
        assert!(cookies(&response).0.is_some(), "{login} is migrated");
        let (times, seconds) = look_ups(&stage);
        assert_eq!(
            times,
            f64::from(u32::try_from(counted).unwrap() + 1),
            "{login}"
        );
        assert!(seconds < SLOW.as_secs_f64(), "{login}: {seconds}");
    }
}
