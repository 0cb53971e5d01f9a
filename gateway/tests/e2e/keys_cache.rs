//! Keys of `[cache]` that decide how long and how much one process remembers, by the reads of the store.

use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Stage};

fn use_session(gateway: &Gateway, sid: &str) {
    gateway.get_as(sid, "/required").must_be(200);
}

#[test]
fn local_ttl_is_how_long_a_session_is_not_read_again() {
    let app = App::start();
    let with =
        |ttl: &str| Gateway::in_front_of(&app).with(&format!("[cache]\nlocal_ttl = \"{ttl}\""));
    let short = with("500ms").start();
    // The app has one key.
    let long = with("1h").master_of(&short).start();
    let (short_sid, long_sid) = (short.log_in("a@example.com"), long.log_in("a@example.com"));
    use_session(&short, &short_sid);
    use_session(&long, &long_sid);
    let (short_reads, long_reads) = (short.core("store_loads"), long.core("store_loads"));

    until_true("three reads by the short-lived cache", LONG, || {
        use_session(&short, &short_sid);
        use_session(&long, &long_sid);
        short.core("store_loads") >= short_reads + 3.0
    });

    assert_eq!(long.core("store_loads"), long_reads, "still in memory");
}

#[test]
fn local_max_entries_is_how_many_sessions_are_remembered() {
    const SESSIONS: usize = 40;
    let reads_with = |entries: usize| {
        let stage = Stage::with([&format!("[cache]\nlocal_max_entries = {entries}")]);
        let log_in = |at| stage.log_in(&format!("user{at}@example.com"));
        let sids: Vec<_> = (0..SESSIONS).map(log_in).collect();
        sids.iter().for_each(|sid| use_session(&stage, sid));
        let before = stage.core("store_loads");
        sids.iter().for_each(|sid| use_session(&stage, sid));
        stage.core("store_loads") - before
    };

    assert_eq!(reads_with(1_000), 0.0, "there is room for all");
    let read_again = reads_with(4);
    assert!(read_again >= 30.0, "{read_again} of {SESSIONS}");
}

#[test]
fn negative_ttl_is_how_long_a_sid_stays_unknown() {
    let app = App::start();
    let with = |ttl: &str| {
        Gateway::in_front_of(&app)
            .with(&format!("[cache]\nnegative_ttl = \"{ttl}\""))
            .start()
    };
    let (short, long) = (with("500ms"), with("1m"));
    let ask = |gateway: &Gateway, sid: &str| {
        let response = gateway.get_as(sid, "/required");
        assert_eq!(response.problem(401), "unauthenticated");
    };
    let (short_sid, long_sid) = (sealed_sid(&short, 1), sealed_sid(&long, 1));
    ask(&short, &short_sid);
    ask(&long, &long_sid);
    let (short_reads, long_reads) = (short.core("store_loads"), long.core("store_loads"));

    until_true("three reads by the forgetful one", LONG, || {
        ask(&short, &short_sid);
        ask(&long, &long_sid);
        short.core("store_loads") >= short_reads + 3.0
    });

    assert_eq!(long.core("store_loads"), long_reads, "still remembered");
}
