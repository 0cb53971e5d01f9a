//! Keys of `[cache]` that decide how long and how much one process remembers, by the reads of the store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use session_core::keys::{Keyring, MasterKey};

use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request};

fn store_reads(gateway: &Gateway) -> f64 {
    let labels = [("what", "store_loads")];
    gateway.metrics().sum("sidgate_core_total", &labels)
}

fn use_session(gateway: &Gateway, sid: &str) {
    let response = gateway.send(&Request::get("/required").sid(sid));
    assert_eq!(response.status, 200, "{response:?}");
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
    let (short_reads, long_reads) = (store_reads(&short), store_reads(&long));

    until_true("three reads by the short-lived cache", LONG, || {
        use_session(&short, &short_sid);
        use_session(&long, &long_sid);
        store_reads(&short) >= short_reads + 3.0
    });

    assert_eq!(store_reads(&long), long_reads, "still in memory");
}

#[test]
fn local_max_entries_is_how_many_sessions_are_remembered() {
    const SESSIONS: usize = 40;
    let app = App::start();
    let reads_with = |entries: usize| {
        let gateway = Gateway::in_front_of(&app)
            .with(&format!("[cache]\nlocal_max_entries = {entries}"))
            .start();
        let log_in = |at| gateway.log_in(&format!("user{at}@example.com"));
        let sids: Vec<_> = (0..SESSIONS).map(log_in).collect();
        sids.iter().for_each(|sid| use_session(&gateway, sid));
        let before = store_reads(&gateway);
        sids.iter().for_each(|sid| use_session(&gateway, sid));
        store_reads(&gateway) - before
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
        let response = gateway.send(&Request::get("/required").sid(sid));
        assert_eq!(response.problem(401), "unauthenticated");
    };
    let (short_sid, long_sid) = (nobodys(&short), nobodys(&long));
    ask(&short, &short_sid);
    ask(&long, &long_sid);
    let (short_reads, long_reads) = (store_reads(&short), store_reads(&long));

    until_true("three reads by the forgetful one", LONG, || {
        ask(&short, &short_sid);
        ask(&long, &long_sid);
        store_reads(&short) >= short_reads + 3.0
    });

    assert_eq!(store_reads(&long), long_reads, "still remembered");
}

/// A sid that the gateway could have minted, and has not.
fn nobodys(gateway: &Gateway) -> String {
    let master = STANDARD.decode(gateway.master().trim()).unwrap();
    let master = MasterKey::from_bytes(master.try_into().unwrap());
    let (sid, _) = Keyring::new(master, vec![]).mint(*b"twelve bytes");
    sid.expose().as_str().to_owned()
}
