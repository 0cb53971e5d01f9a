//! One client does not stop everybody's migration.

use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use sidgate_testkit::legacy::{INTROSPECT, MIGRATE, MIGRATION, judge, questions};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Reply, Request, Response, SESSION, Stage};

use crate::migration::{cookies, result, start_with, with_cookie};

const TRUSTING: &str = "[server]\ntrusted_proxies = [\"127.0.0.1/32\"]\n";

/// A request of this client.
fn from(client: u8, request: Request) -> Request {
    let address = Ipv4Addr::new(198, 51, 100, client);
    request.header("X-Forwarded-For", &address.to_string())
}

fn ask(gateway: &Gateway, client: u8, cookie: &str) -> Response {
    gateway.send(&from(
        client,
        with_cookie(Request::get("/required"), cookie),
    ))
}

fn gateway(misses: &str) -> Stage {
    let more = format!("{TRUSTING}[edge]\nmisses_per_client = \"{misses}\"");
    start_with(&more)
}

#[test]
fn refused_logins_cost_the_budget_of_their_client() {
    let stage = gateway("5/h");
    let known = "session_token=alice.known";
    assert!(cookies(&ask(&stage, 1, known)).0.is_some());
    let statuses: Vec<u16> = (0..50)
        .map(|number| ask(&stage, 1, &format!("session_token=bad-{number}")).status)
        .collect();
    assert_eq!(statuses[..5], [401; 5], "{statuses:?}");
    assert!(
        statuses[5..].iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    assert!(
        questions(&stage.app).len() < 25,
        "{}",
        questions(&stage.app).len()
    );
    // What is a session already still comes from there, and others are not concerned.
    assert!(cookies(&ask(&stage, 1, known)).0.is_some());
    assert!(cookies(&ask(&stage, 2, "session_token=bob.1")).0.is_some());
    // Whichever way they come.
    for (request, cookie) in [
        (Request::post(MIGRATE), "session_token=bad-a"),
        (Request::get(SESSION), "session_token=bad-b"),
        (Request::delete(SESSION), "session_token=bad-c"),
        (Request::get("/api/auth/sessions"), "session_token=bad-d"),
    ] {
        let response = stage.send(&from(1, with_cookie(request, cookie)));
        assert_eq!(response.status, 429, "{cookie}: {response:?}");
        assert!(response.header("retry-after").is_some());
    }
}

#[test]
fn several_in_one_request_and_contradictions_cost_it_too() {
    let stage = gateway("6/h");
    let mut answers = Vec::new();
    for number in 0..20 {
        let cookie = format!("session_token=alice.{number}; dott_auth_session=bob.{number}");
        answers.push(ask(&stage, 1, &cookie).status);
    }
    assert_eq!(answers.last(), Some(&429), "{answers:?}");
    let dead = |number| format!("session_token=x{number}; session_token=y{number}");
    let answers: Vec<_> = (0..8)
        .map(|number| ask(&stage, 2, &dead(number)).status)
        .collect();
    assert_eq!(answers[..3], [401; 3], "{answers:?}");
    assert_eq!(answers[4..], [429; 4], "{answers:?}");
}

#[test]
fn a_value_for_which_the_app_fails_stops_nobody_else() {
    let stage = Stage::with([MIGRATION, TRUSTING]);
    stage.on(INTROSPECT, |exchange| {
        let question = exchange.json();
        let value = question["cookies"]["session_token"]
            .as_str()
            .unwrap_or_default();
        if value.starts_with("crash") {
            Reply::new(500, &[], "")
        } else if value.starts_with("reset") {
            Reply::hang_up()
        } else {
            judge(&question)
        }
    });
    for number in 0..40 {
        for kind in ["crash", "reset"] {
            let response = ask(&stage, 1, &format!("session_token={kind}-{number}"));
            assert_eq!(response.status, 503, "{response:?}");
        }
        let honest = ask(&stage, 2, &format!("session_token=alice.{number}"));
        assert_eq!(honest.status, 200, "after {number}: {honest:?}");
    }
    let asked = questions(&stage.app).len();
    for _ in 0..5 {
        assert_eq!(ask(&stage, 3, "session_token=crash-39").status, 503);
    }
    assert_eq!(
        questions(&stage.app).len(),
        asked,
        "it is known for a moment"
    );
}

#[test]
fn an_app_that_is_not_there_is_left_alone() {
    let stage =
        start_with("[upstreams.gone]\nservers = [\"127.0.0.1:1\"]\n[backend]\nupstream = \"gone\"");
    until_true("the breaker opens", LONG, || {
        ask(&stage, 1, "session_token=alice.1");
        let open = [("dependency", "backend")];
        stage.sum("sidgate_breaker_state", &open) == 2.0
    });
}

/// The app takes a second; one client brings more logins than there are places.
#[test]
fn places_are_shared_between_clients() {
    let stage = Stage::with([MIGRATION, TRUSTING]);
    stage.on(INTROSPECT, |exchange| {
        thread::sleep(Duration::from_millis(400));
        judge(&exchange.json())
    });
    thread::scope(|scope| {
        let flood: Vec<_> = (0..120)
            .map(|number| {
                let stage = &stage;
                let cookie = format!("session_token=bad-{number}");
                scope.spawn(move || ask(stage, 1, &cookie).status)
            })
            .collect();
        until_true("the flood", LONG, || !questions(&stage.app).is_empty());
        for client in 2..8 {
            let honest = ask(&stage, client, &format!("session_token=alice.{client}"));
            assert_eq!(honest.status, 200, "client {client}: {honest:?}");
        }
        let statuses: Vec<u16> = flood.into_iter().map(|one| one.join().unwrap()).collect();
        let turned_away = statuses.iter().filter(|status| **status == 503).count();
        assert!(turned_away > 0, "more than its share of places");
    });
}

/// Nothing in an answer changes with what shadow mode asks beside it.
#[test]
fn shadow_mode_asks_no_more_than_a_budget_of_its_own() {
    let more =
        format!("{TRUSTING}[edge]\nmisses_per_client = \"5/h\"\n[migration]\nmode = \"shadow\"");
    let stage = start_with(&more);
    for number in 0..60 {
        let request = with_cookie(Request::get("/"), &format!("session_token=bad-{number}"));
        assert_eq!(stage.send(&from(1, request)).status, 200);
        thread::sleep(Duration::from_millis(10));
    }
    assert!(
        questions(&stage.app).len() <= 5,
        "{}",
        questions(&stage.app).len()
    );
    let sid = stage.log_in("alice@example.com");
    let own = Request::get("/required").sid(&sid);
    assert_eq!(stage.send(&from(1, own)).status, 200);
    let other = with_cookie(Request::get("/"), "session_token=alice.1");
    stage.send(&from(2, other));
    until_true("another client's turn", LONG, || {
        result(&stage, "shadow_match") >= 1.0
    });
}
