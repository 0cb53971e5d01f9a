//! How often somebody may try, and how much one client may hold.

use std::time::Duration;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::wait::{LONG, instant, until, until_true};
use sidgate_testkit::{Reply, Request, Response, Stage, login};

fn wait_is_named(response: &Response) {
    assert_eq!(response.problem(429), "locked");
    let seconds = response.header("retry-after").expect("Retry-After");
    assert!(
        (1..=60).contains(&seconds.parse::<u32>().unwrap()),
        "{seconds}"
    );
    assert!(response.leaves_cookies_alone());
}

#[test]
fn guessing_at_one_account_is_slowed_down_before_the_backend_is_asked() {
    let stage = Stage::with(["[login_limits]\nper_account = \"3/m\""]);
    for _ in 0..3 {
        let response = stage.send(&login("alice@example.com", "guess"));
        assert_eq!(response.problem(401), "invalid_credentials");
    }

    wait_is_named(&stage.try_login("alice@example.com"));
    wait_is_named(&stage.try_login(" ALICE@example.com"));

    assert_eq!(stage.app.backend_calls().len(), 3);
    assert_eq!(stage.try_login("bob@example.com").status, 201);
}

#[test]
fn guessing_locks_nobody_out_of_a_known_browser() {
    let (stage, alice) = Stage::with(["[login_limits]\nper_account = \"3/m\""]).and_alice();
    let bob = stage.log_in("bob@example.com");
    for _ in 0..3 {
        stage.send(&login("alice@example.com", "guess"));
    }
    let again = || login("alice@example.com", PASSWORD);

    wait_is_named(&stage.send(&again()));
    wait_is_named(&stage.send(&again().sid(&bob)));
    assert_eq!(stage.send(&again().sid(&alice)).status, 201);
}

#[test]
fn guessing_by_one_client_is_slowed_down() {
    let stage = Stage::with(["[login_limits]\nper_client = \"3/m\""]);
    for user in ["alice", "bob", "carol"] {
        let response = stage.send(&login(&format!("{user}@example.com"), "guess"));
        assert_eq!(response.problem(401), "invalid_credentials");
    }

    wait_is_named(&stage.try_login("dave@example.com"));

    assert_eq!(stage.app.backend_calls().len(), 3);
}

#[test]
fn client_is_who_the_trusted_proxy_says() {
    let stage = Stage::with([
        "[login_limits]\nper_client = \"1/m\"\n[server]\ntrusted_proxies = [\"127.0.0.1\"]",
    ]);
    let from = |ip: &str| {
        let request = login("alice@example.com", "guess");
        stage.send(&request.header("X-Forwarded-For", ip)).status
    };

    assert_eq!(from("192.0.2.1"), 401);
    assert_eq!(from("192.0.2.1"), 429);
    assert_eq!(from("192.0.2.2"), 401);
    assert_eq!(
        from("192.0.2.3, 192.0.2.1"),
        429,
        "what the client added counts for nothing"
    );
}

#[test]
fn client_cannot_hold_more_connections_than_allowed() {
    let stage = Stage::with(["[edge]\nconnections_per_ip = 2"]);
    let hold = || {
        let mut connection = stage.connect();
        connection.write(&Request::get("/").bytes(&stage.host()));
        (
            connection.try_read(false).map(|response| response.status),
            connection,
        )
    };
    let one = hold();
    let two = hold();
    let three = hold();

    assert_eq!(one.0, Some(200));
    assert_eq!(two.0, Some(200));
    assert_eq!(three.0, None, "closed without an answer");
    let refused = [("reason", "connections_per_ip")];
    let metrics = stage.metrics();
    assert_eq!(metrics.sum("sidgate_refused_total", &refused), 1.0);
}

#[test]
fn all_clients_together_hold_no_more_connections_than_allowed() {
    let stage = Stage::with(["[edge]\nmax_connections = 2"]);
    let hold = || {
        let mut connection = stage.connect();
        connection.write(&Request::get("/").bytes(&stage.host()));
        (connection.try_read(false).map(|it| it.status), connection)
    };
    // The one that found out whether the gateway listens may not have been seen to close yet.
    let one = until("a seat", LONG, || Some(hold()).filter(|it| it.0.is_some()));
    let two = until("a seat", LONG, || Some(hold()).filter(|it| it.0.is_some()));

    assert_eq!(hold().0, None, "closed without an answer");

    assert!(stage.is_ready(), "health has a listener of its own");
    let refused = [("reason", "max_connections")];
    assert!(stage.sum("sidgate_refused_total", &refused) >= 1.0);
    drop((one, two));
    until_true("a seat again", LONG, || hold().0 == Some(200));
}

/// The app is asked one at a time; four wait, and who comes then is told to come back.
#[test]
fn logins_do_not_all_reach_the_app_at_once() {
    let stage = Stage::with(["[login_limits]\nmax_concurrent = 1\n[backend]\ntimeout = \"20s\""]);
    stage.app.on_authenticate(Reply::Silence);
    let mut waiting: Vec<_> = (0..6)
        .map(|number| {
            let mut connection = stage.connect();
            let email = format!("user{number}@example.com");
            connection.write(&login(&email, PASSWORD).bytes(&stage.host()));
            connection
        })
        .collect();
    let told = until("one too many", LONG, || {
        waiting.iter_mut().position(|it| !it.is_silent())
    });
    let refused = waiting.swap_remove(told).read(false);

    assert_eq!(refused.problem(503), "overloaded");
    let wait = refused.header("retry-after").expect("Retry-After");
    assert!(wait.parse::<u32>().is_ok_and(|seconds| seconds > 0));
    assert!(refused.leaves_cookies_alone());
    stage.app.wait_for(1);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(stage.app.backend_calls().len(), 1, "the app is spared");
    assert!(waiting.iter_mut().all(|it| it.is_silent()), "they wait");
    assert_eq!(stage.get("/").status, 200, "others are served");
}

/// The deadline is for each header, not only for the first one of a connection.
#[test]
fn slow_second_header_is_not_waited_for() {
    let stage = Stage::with(["[edge]\nheader_timeout = \"500ms\""]);
    let mut connection = stage.connect();
    let request = Request::get("/").bytes(&stage.host());
    connection.write(&request);
    assert_eq!(connection.read(false).status, 200);
    // Between two requests a connection may rest for longer than a header may take.
    std::thread::sleep(Duration::from_millis(800));
    assert!(!connection.is_closed(), "it rests");

    let start = instant();
    for byte in &request {
        if connection.is_closed() || start.elapsed() > LONG {
            break;
        }
        connection.write(&[*byte]);
        std::thread::sleep(Duration::from_millis(100));
    }

    assert!(connection.is_closed(), "after {:?}", start.elapsed());
    assert_eq!(stage.app.requests().len(), 1);
}

#[test]
fn body_that_stops_half_way_is_not_waited_for() {
    let stage = Stage::with(["[edge]\nbody_timeout = \"300ms\""]);
    // An offer that is not taken makes the body no stream.
    for offer in ["", "Connection: Upgrade\r\nUpgrade: h2c\r\n"] {
        let mut connection = stage.connect();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\n{offer}Content-Length: 10\r\n\r\nhalf",
            stage.host()
        );
        connection.write(head.as_bytes());

        assert_eq!(connection.read(false).problem(408), "request_timeout");
        assert!(connection.read_to_end().is_empty(), "and it is closed");
    }
}

/// Its buffers are full; what it does not take must not be kept for it.
#[test]
fn client_that_does_not_read_is_let_go() {
    const SIZE: usize = 64 << 20;
    let stage = Stage::with(["[edge]\nwrite_timeout = \"300ms\""]);
    stage.on("/large", |_| Reply::new(200, &[], &"x".repeat(SIZE)));
    let mut connection = stage.connect();
    connection.write(&Request::get("/large").bytes(&stage.host()));

    until_true("the end of the request", LONG, || {
        stage.stdout().contains(r#""outcome":"broken_off""#)
    });

    assert!(connection.read_to_end().len() < SIZE);
}
