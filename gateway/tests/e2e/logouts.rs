//! Logouts that end nothing cost next to nothing, and whoever has a session can always end it.

use session_testing::TestPostgres;

use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::{Gateway, Request, Response, SESSION, Stage};

const SESSIONS: &str = "/api/auth/sessions";
const SMALL_BUDGET: &str =
    "[edge]\nmisses_per_client = \"3/h\"\n[server]\ntrusted_proxies = [\"127.0.0.1\"]";

fn log_out(gateway: &Gateway, sid: &str, ip: &str) -> Response {
    let request = Request::delete(SESSION).sid(sid);
    gateway.send(&request.header("X-Forwarded-For", ip))
}

/// Each used to be a read, a write transaction and a heartbeat.
#[test]
fn the_same_dead_sid_again_and_again_reaches_the_store_once() {
    const TIMES: u32 = 300;
    let database = TestPostgres::shared().database();
    let (stage, sid) =
        Stage::with([&store_config(&database), "[cache]\nnegative_ttl = \"1m\""]).and_alice();
    assert_eq!(log_out(&stage, &sid, "192.0.2.1").status, 204);
    let before = (stage.core("store_loads"), stage.core("beats"));
    let written = || sql_number(&database, "SELECT seq FROM sidgate_clock");
    let writes = written();

    for _ in 0..TIMES {
        assert_eq!(log_out(&stage, &sid, "192.0.2.1").status, 204);
        let unknown = sealed_sid(&stage, 1);
        assert_eq!(log_out(&stage, &unknown, "192.0.2.1").status, 204);
    }

    let after = (stage.core("store_loads"), stage.core("beats"));
    assert!(after.0 <= before.0 + 2.0, "reads: {before:?} {after:?}");
    assert!(
        after.1 < before.1 + f64::from(TIMES),
        "heartbeats: {before:?} {after:?}"
    );
    assert_eq!(written(), writes, "nothing was written");
}

#[test]
fn sids_that_are_no_sessions_count_against_their_client_when_they_log_out_too() {
    let (mut stage, alice) = Stage::with([SMALL_BUDGET]).and_alice();
    // A fresh process has nothing at hand: the session has to be read.
    stage.stop();
    stage.start_again();
    let dead = |number, ip| log_out(&stage, &sealed_sid(&stage, number), ip);
    for number in 0..3 {
        assert_eq!(dead(number, "2001:db8::1").status, 204, "within the budget");
    }

    for number in 3..6 {
        let refused = dead(number, "2001:db8::2");
        assert_eq!(refused.problem(429), "too_many_requests", "same /64");
        assert!(refused.header("retry-after").is_some());
    }

    assert_eq!(dead(7, "2001:db8:0:1::1").status, 204, "another network");
    let done = log_out(&stage, &alice, "2001:db8::1");
    assert_eq!(done.status, 204, "a session behind the same address");
    assert!(
        done.header("set-cookie")
            .is_some_and(|line| line.starts_with("sid=;"))
    );
    assert!(!stage.knows(&alice));
}

/// The rest of the class: ending what is somebody else's, or nobody's.
#[test]
fn devices_that_are_not_ones_own_count_against_the_client() {
    let stage = Stage::with([SMALL_BUDGET]);
    let [alice, tablet, bob] =
        ["alice", "alice", "bob"].map(|user| stage.log_in(&format!("{user}@example.com")));
    let id_of = |sid: &str| {
        stage.session_of(sid)["session"]["id"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let end = |id: &str| {
        let request = Request::delete(&format!("{SESSIONS}/{id}")).sid(&alice);
        stage.send(&request.header("X-Forwarded-For", "192.0.2.1"))
    };
    let foreign = id_of(&bob);
    for _ in 0..3 {
        assert_eq!(end(&foreign).status, 404);
    }

    assert_eq!(end(&foreign).problem(429), "too_many_requests");
    assert_eq!(
        end("01890000-0000-7000-8000-000000000000").problem(429),
        "too_many_requests",
        "one that never was is told the same"
    );

    assert_eq!(end(&id_of(&tablet)).status, 204, "one's own");
    assert!(stage.knows(&bob));
    assert_eq!(log_out(&stage, &alice, "192.0.2.1").status, 204);
}
