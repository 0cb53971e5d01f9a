//! More than a gateway can take, from somebody who means harm and from too many who do not. Catalogue: categories H and L.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sidgate_testkit::client::Connection;
use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

/// A node on which three misses of a client are allowed.
fn with_a_small_budget() -> Stage {
    Stage::with([
        "[edge]\nmisses_per_client = \"3/h\"\n[server]\ntrusted_proxies = [\"127.0.0.1\"]",
    ])
}

#[test]
fn client_whose_sids_are_no_sessions_is_told_to_wait_and_others_are_not() {
    let stage = with_a_small_budget();
    let ask = |path: &str, number: u32, ip: &str| {
        let request = Request::get(path).sid(&sealed_sid(&stage, number));
        stage.send(&request.header("X-Forwarded-For", ip))
    };
    for number in 0..3 {
        assert_eq!(ask("/required", number, "2001:db8::1").status, 401);
    }

    for (number, path) in [(3, "/required"), (4, "/app"), (5, SESSION)] {
        let response = ask(path, number, "2001:db8::2");
        assert_eq!(
            response.problem(429),
            "too_many_requests",
            "{path}, same /64"
        );
        assert!(response.header("retry-after").is_some());
        assert!(response.leaves_cookies_alone());
    }
    assert_eq!(
        ask("/required", 6, "2001:db8:0:1::1").status,
        401,
        "another network"
    );
    assert!(stage.app.requests().is_empty());
}

/// The same sid again is remembered as none for a while and costs nothing; a forged one never does.
#[test]
fn only_what_costs_a_read_is_counted() {
    let stage = with_a_small_budget();
    let reads = stage.core("store_loads");
    for _ in 0..10 {
        let repeated = Request::get("/required").sid(&sealed_sid(&stage, 1));
        assert_eq!(stage.send(&repeated).status, 401);
        let forged = Request::get("/required").sid("6d0f1c52-4b1e-4c3a-9d7e-0123456789ab");
        assert_eq!(stage.send(&forged).status, 401);
    }
    assert_eq!(stage.core("store_loads"), reads + 1.0);
}

#[test]
fn live_sessions_behind_the_same_address_are_served() {
    let mut stage = with_a_small_budget();
    let alice = stage.log_in("alice@example.com");
    // A fresh process has nothing at hand: the session has to be read.
    stage.stop();
    stage.start_again();
    for number in 0..6 {
        stage.get_as(&sealed_sid(&stage, number), "/required");
    }

    for _ in 0..3 {
        assert_eq!(stage.get_as(&alice, "/required").status, 200);
    }

    let beyond = [("reason", "misses_per_client")];
    assert_eq!(stage.sum("sidgate_refused_total", &beyond), 3.0);
}

#[test]
fn misses_evict_no_live_session() {
    let (stage, alice) = Stage::with(["[cache]\nlocal_max_entries = 10"]).and_alice();
    assert_eq!(stage.get_as(&alice, "/required").status, 200);
    for number in 0..50 {
        stage.get_as(&sealed_sid(&stage, number), "/required");
    }
    let reads = stage.core("store_loads");

    assert_eq!(stage.get_as(&alice, "/required").status, 200);

    assert_eq!(stage.core("store_loads"), reads, "still at hand");
}

/// Requests that are held by an app that says nothing.
fn hold(gateway: &Gateway, sid: &str, count: usize) -> Vec<Connection> {
    let held = (0..count).map(|_| {
        let mut connection = gateway.connect();
        connection.write(&Request::get("/held").sid(sid).bytes(&gateway.host()));
        connection
    });
    held.collect()
}

/// How often somebody is turned away until they are served, as they must be: an answer may be here before its request has
/// stopped counting, and then the next one is one too many.
fn refused_before_served(ask: impl Fn() -> Response) -> f64 {
    let mut refused = 0.0;
    until_true("an answer", LONG, || {
        let is_served = ask().status == 200;
        refused += if is_served { 0.0 } else { 1.0 };
        is_served
    });
    refused
}

#[test]
fn those_who_lose_least_are_turned_away_first() {
    let stage = Stage::with(["[edge]\nmax_requests = 10"]);
    stage.on("/held", |_| Reply::Silence);
    let alice = stage.log_in("alice@example.com");
    let leaver = stage.log_in("bob@example.com");
    assert_eq!(stage.get_as(&alice, "/required").status, 200);
    let get = |sid: Option<&str>| {
        let request = Request::get("/app");
        stage.send(&sid.map_or(request.clone(), |sid| request.sid(sid)))
    };
    let calls = |held: usize| held + 1 + stage.app.backend_calls().len();

    // The next request is the ninth.
    let mut held = hold(&stage, &alice, 8);
    stage.app.wait_for(calls(8));
    let anonymous = get(None);
    assert_eq!(anonymous.problem(503), "overloaded");
    assert!(anonymous.header("retry-after").is_some());
    let early_reads = refused_before_served(|| get(Some(&sealed_sid(&stage, 1))));

    held.extend(hold(&stage, &alice, 1));
    until_true("nine held", LONG, || {
        stage
            .app
            .requests()
            .iter()
            .filter(|seen| seen.target() == "/held")
            .count()
            == 9
    });
    assert_eq!(get(Some(&sealed_sid(&stage, 2))).problem(503), "overloaded");
    let early_hits = refused_before_served(|| get(Some(&alice)));

    held.extend(hold(&stage, &alice, 1));
    until_true("ten held", LONG, || {
        stage
            .app
            .requests()
            .iter()
            .filter(|seen| seen.target() == "/held")
            .count()
            == 10
    });
    assert_eq!(get(Some(&alice)).problem(503), "overloaded");
    assert_eq!(stage.log_out(&leaver).status, 204, "may leave");
    assert!(stage.is_ready(), "health is asked elsewhere");
    for (kind, times) in [
        ("anonymous", 1.0),
        ("to_read", 1.0 + early_reads),
        ("known", 1.0 + early_hits),
        ("leaving", 0.0),
    ] {
        assert_eq!(
            stage.sum("sidgate_shed_total", &[("kind", kind)]),
            times,
            "{kind}"
        );
    }

    drop(held);
    until_true("recovery", LONG, || get(None).status == 200);
}

#[test]
fn body_that_trickles_is_not_waited_for() {
    let stage = Stage::with(["[edge]\nbody_timeout = \"1s\"\nmin_body_rate = 1000"]);
    let mut connection = stage.connect();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n",
        stage.host()
    );
    connection.write(head.as_bytes());
    let start = instant();
    while start.elapsed() < Duration::from_secs(3) {
        connection.write(b"x");
        thread::sleep(Duration::from_millis(100));
    }

    assert_eq!(connection.read(false).problem(408), "request_timeout");
    assert!(stage.app.requests().is_empty(), "no complete request");
}

/// Many who begin a header and do not end it: good clients do not notice, and afterwards nothing is left of them.
#[test]
fn slow_headers_and_idle_connections_keep_nobody_waiting() {
    const SLOW: usize = 200;
    let (stage, alice) = Stage::with(["[edge]\nheader_timeout = \"2s\""]).and_alice();
    let head = Request::get("/slow").bytes(&stage.host());
    let mut slow: Vec<_> = (0..SLOW).map(|_| stage.connect()).collect();
    for (number, connection) in slow.iter_mut().enumerate() {
        connection.write(&head[..number % 20]);
    }

    for _ in 0..20 {
        assert_eq!(stage.get_as(&alice, "/required").status, 200);
    }

    until_true("the end of the slow ones", LONG, || {
        slow.iter_mut().all(Connection::is_closed)
    });
    assert!(
        stage
            .app
            .requests()
            .iter()
            .all(|seen| seen.target() == "/required")
    );
}

/// The heartbeat has a runtime of its own: while every core is busy and the proxy's workers are too, no lease is lost.
#[test]
fn lease_outlives_busy_cores() {
    let (stage, alice) = Stage::start().and_alice();
    let resets = || stage.sum("sidgate_hard_reset_total", &[]);
    let before = resets();
    let mut refused = Vec::new();
    let stop = AtomicBool::new(false);
    let cores = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    stage.get("/none");
                }
            });
        }
        let start = instant();
        while start.elapsed() < Duration::from_secs(4) {
            let response = stage.get_as(&alice, "/required");
            refused.extend((response.status != 200).then_some(response));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(resets(), before);
}
