//! `session.rotate_every`: another sid now and then, ten seconds in which both are accepted, and one session all the time.
//! Catalogue: F21.

use std::thread;
use std::time::Duration;

use session_testing::TestPostgres;

use sidgate_testkit::stores::{sql_number, store_config};
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

/// How long the former sid is accepted.
const GRACE: Duration = Duration::from_secs(10);
/// Every sid is due at once, and would be again a second after its renewal.
const ALWAYS: &str = "[session]\nrotate_every = \"1s\"";

fn ask(gateway: &Gateway, sid: &str) -> Response {
    gateway.get_as(sid, "/required")
}

/// Asks until the sid is due.
fn renewed(gateway: &Gateway, sid: &str) -> Response {
    let mut response = ask(gateway, sid);
    until_true("a new sid", LONG, || {
        response = ask(gateway, sid);
        assert_eq!(response.status, 200);
        !response.leaves_cookies_alone()
    });
    response
}

#[test]
fn session_gets_another_sid_and_stays_the_same() {
    let stage = Stage::with([ALWAYS]);
    let login = stage.send(&sidgate_testkit::login(
        "alice@example.com",
        sidgate_testkit::app::PASSWORD,
    ));
    let old = login.new_sid();
    let id = stage.id_of(&old);

    let response = renewed(&stage, &old);

    let new = response.new_sid();
    assert_ne!(new, old);
    assert_eq!(response.header("cache-control"), Some("private, no-store"));
    let attributes = |response: &Response, sid: &str| {
        let cookie = response.header("set-cookie").unwrap().replace(sid, "");
        let parts = cookie
            .split("; ")
            .filter(|part| !part.starts_with("Max-Age"));
        parts.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(attributes(&response, &new), attributes(&login, &old));
    for sid in [&old, &new] {
        assert_eq!(stage.id_of(sid), id, "one session under both");
    }
    let seen = stage.app.last_request();
    assert_eq!(seen.header("x-session-id").as_deref(), Some(&*id));
    assert!(ask(&stage, &old).leaves_cookies_alone(), "one successor");
    let renewals = [("result", "done")];
    assert!(stage.sum("sidgate_sid_renewals_total", &renewals) >= 1.0);
}

#[test]
fn former_sid_ends_after_the_grace_and_streams_do_not() {
    let mut stage = Stage::with(["[session]\nrotate_every = \"2s\""]);
    stage.on("/stream", |_| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx\n\r\n";
        Reply::Open(head.to_vec())
    });
    let old = stage.log_in("alice@example.com");
    let mut stream = stage.connect();
    stream.write(&Request::get("/stream").sid(&old).bytes(&stage.host()));
    assert_eq!(stream.read_head_only(), 200);
    let new = renewed(&stage, &old).new_sid();
    let start = instant();

    until_true("the end of the grace", GRACE + LONG, || {
        let asked = start.elapsed();
        let status = ask(&stage, &old).status;
        assert!(status == 401 || asked <= GRACE, "accepted {asked:?} after");
        status == 401
    });

    assert!(
        start.elapsed() > GRACE.saturating_sub(Duration::from_secs(1)),
        "cut short"
    );
    // The new one has itself been renewed or not; it lives.
    assert_eq!(ask(&stage, &new).status, 200);
    thread::sleep(Duration::from_secs(2));
    let status = stream.read_chunk();
    assert_eq!(status, b"x\n");
    assert!(stream.is_silent(), "the stream goes on");
    stage.stop();
    assert!(stage.stdout().contains("\"former_sid\""), "worth a line");
}

#[test]
fn parallel_requests_on_two_nodes_make_one_successor() {
    let database = TestPostgres::shared().database();
    let config = store_config(&database) + "[session]\nrotate_every = \"1s\"";
    let one = Stage::with([&config]);
    let two = Gateway::in_front_of(&one.app)
        .with(&config)
        .master_of(&one)
        .start();
    let old = one.log_in("alice@example.com");
    for node in [&one.gateway, &two] {
        assert_eq!(node.get_as(&old, SESSION).status, 200);
    }
    thread::sleep(Duration::from_millis(1_100));

    let responses: Vec<Response> = thread::scope(|scope| {
        let asked: Vec<_> = (0..50)
            .map(|number| {
                let node = if number % 2 == 0 { &one.gateway } else { &two };
                let old = &old;
                scope.spawn(move || ask(node, old))
            })
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });

    assert!(responses.iter().all(|response| response.status == 200));
    let successors: Vec<String> = responses
        .iter()
        .filter(|response| !response.leaves_cookies_alone())
        .map(Response::new_sid)
        .collect();
    assert_eq!(successors.len(), 1, "{successors:?}");
    assert_eq!(
        sql_number(&database, "SELECT count(*) FROM sidgate_session"),
        1
    );

    // Whoever ends it with the old sid ends it under the new one, on both nodes.
    two.log_out(&old).must_be(204);
    for node in [&one.gateway, &two] {
        for sid in [&old, &successors[0]] {
            assert_eq!(ask(node, sid).status, 401);
        }
    }
}

#[test]
fn new_sid_ends_the_old_one_too() {
    let (stage, old) = Stage::with([ALWAYS]).and_alice();
    let new = renewed(&stage, &old).new_sid();

    let id = stage.id_of(&new);
    let ended = stage.send(&Request::delete(&format!("/api/auth/sessions/{id}")).sid(&old));

    assert_eq!(ended.status, 204);
    assert_eq!(ask(&stage, &old).status, 401);
    assert_eq!(ask(&stage, &new).status, 401);
}

#[test]
fn answers_that_are_shared_wait_for_the_next() {
    let stage = Stage::with([ALWAYS]);
    stage.on("/required/shared", |_| {
        Reply::new(200, &[("Cache-Control", "public, max-age=60")], "for all")
    });
    let sid = stage.log_in("alice@example.com");
    thread::sleep(Duration::from_millis(1_100));

    let shared = stage.get_as(&sid, "/required/shared");

    assert!(shared.leaves_cookies_alone());
    assert!(
        !ask(&stage, &sid).leaves_cookies_alone(),
        "the next one has it"
    );
}

#[test]
fn store_that_cannot_write_costs_nobody_the_session() {
    let database = TestPostgres::shared().database();
    let (stage, sid) = Stage::with([&(store_config(&database) + ALWAYS)]).and_alice();
    assert_eq!(ask(&stage, &sid).status, 200);
    let refuse = "ALTER TABLE sidgate_former_key ADD CONSTRAINT never CHECK (false) NOT VALID";
    sidgate_testkit::stores::sql(&database, refuse);
    thread::sleep(Duration::from_millis(1_100));

    for _ in 0..3 {
        let response = ask(&stage, &sid);
        assert_eq!(response.status, 200);
        assert!(response.leaves_cookies_alone());
    }

    let failed = [("result", "failed")];
    assert!(stage.sum("sidgate_sid_renewals_total", &failed) >= 1.0);
}
