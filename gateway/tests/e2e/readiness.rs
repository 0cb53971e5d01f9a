//! Whether a node may be sent traffic: with its lease, and for platforms that have no other node.

use rustix::process::Signal;
use session_testing::TestPostgres;

use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, Stage};

const WITHOUT_LEASE: &str = "/readyz?ignore=lease";

/// A store that is away for all takes nobody out who can go on without it.
#[test]
fn readiness_without_the_lease_outlives_the_store() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let stage = Stage::with([&store_config(&database)]);
    let both = stage.admin(WITHOUT_LEASE).must_be(200).json();
    assert_eq!(both["checks"]["lease"], "ignored", "{both}");

    postgres.pause();
    until_true("the end of the lease", LONG, || !stage.is_ready());

    let still = stage.admin(WITHOUT_LEASE).must_be(200).json();
    assert_eq!(still["status"], "ready", "{still}");
    assert_eq!(
        stage.get("/").status,
        200,
        "what needs no session is served"
    );
    postgres.resume();
    stage.wait_until_ready();
}

#[test]
fn readiness_without_the_lease_needs_schema_and_window_once() {
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let other = Stage::with([&store_config(&database)]);
    postgres.stop();
    let gateway = Gateway::in_front_of(&other.app)
        .with(&store_config(&database))
        .master_of(&other)
        .not_ready()
        .start();

    let not_yet = gateway.admin(WITHOUT_LEASE).must_be(503).json();
    assert_eq!(not_yet["checks"]["window"], "failing", "{not_yet}");
    assert_eq!(gateway.get("/").status, 200);

    postgres.restart();
    until_true("the window", LONG, || {
        gateway.admin(WITHOUT_LEASE).status == 200
    });
}

#[test]
fn readiness_is_asked_one_of_two_questions() {
    let stage = Stage::start();
    for query in [
        "ignore=schema",
        "ignore=",
        "lease",
        "ignore=lease&ignore=lease",
        "x=1",
    ] {
        let refused = stage.admin(&format!("/readyz?{query}")).must_be(400);
        assert!(refused.text().contains("ignore=lease"), "{refused:?}");
    }
    assert_eq!(stage.admin("/readyz?").status, 200);
    assert_eq!(stage.admin("/livez?x=1").status, 200);
}

/// Both questions are answered with no before the listeners close, for as long as the key says.
#[test]
fn unready_before_drain_is_how_long_a_balancer_has_to_notice() {
    let mut stage = Stage::with(["[server]\nunready_before_drain = \"10m\""]);
    stage.signal(Signal::TERM);
    until_true("the end of readiness", LONG, || !stage.is_ready());
    assert_eq!(stage.admin(WITHOUT_LEASE).status, 503);
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    assert_eq!(stage.get("/").status, 200, "longer than the default");

    // Whoever does not want to wait interrupts it.
    stage.signal(Signal::INT);
    assert!(stage.stop().success());
}

/// Whoever comes in the first moment waits for the first lease, and is not told that the store is away.
#[test]
fn first_visitor_after_the_start_is_served() {
    let database = TestPostgres::shared().database();
    let (mut stage, sid) = Stage::with([&store_config(&database)]).and_alice();
    for _ in 0..3 {
        stage.stop();
        stage.start_again_at_once();
        let visit = stage.send(&Request::get("/required").sid(&sid));
        assert_eq!(visit.status, 200, "{visit:?}");
    }
}
