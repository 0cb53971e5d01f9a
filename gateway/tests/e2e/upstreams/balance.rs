use std::collections::HashMap;

use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Reply, Request, Stage};

use super::{in_front_of, of_server, server};

fn shares(stage: &Stage, number: usize) -> HashMap<String, usize> {
    let mut shares = HashMap::new();
    for _ in 0..number {
        let answer = stage.get("/it").must_be(200).text();
        *shares.entry(answer).or_default() += 1;
    }
    shares
}

#[test]
fn servers_take_turns_by_their_weight() {
    let (light, heavy) = (server("light"), server("heavy"));
    let servers = format!(
        "servers = [\"{}\", {{ address = \"{}\", weight = 3 }}]",
        light.address(),
        heavy.address()
    );
    let stage = Stage::with([
        &format!("[upstreams.it]\n{servers}\n"),
        "[[routes]]\npath = \"/it\"\nupstream = \"it\"\nsession = \"none\"\n",
    ]);
    let shares = shares(&stage, 40);
    assert_eq!((shares["light"], shares["heavy"]), (10, 30));
}

#[test]
fn a_session_stays_at_its_server_and_strangers_take_turns() {
    let (one, two) = (server("one"), server("two"));
    let servers = [one.address(), two.address()];
    let stage = in_front_of(&servers, "balance = \"session\"");
    let mut places = HashMap::<String, usize>::new();
    for user in 0..24 {
        let sid = stage.log_in(&format!("user{user}@example.com"));
        let first = stage.get_as(&sid, "/it").text();
        for _ in 0..3 {
            assert_eq!(stage.get_as(&sid, "/it").text(), first);
        }
        *places.entry(first).or_default() += 1;
    }
    assert_eq!(places.len(), 2, "not all at one: {places:?}");
    assert_eq!(shares(&stage, 10)["one"], 5);
}

#[test]
fn the_least_busy_server_is_preferred() {
    let busy = RecordingUpstream::start(|received| {
        if received.target() == "/it/stream" {
            Reply::Open(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec())
        } else {
            Reply::new(200, &[], "busy")
        }
    });
    let idle = RecordingUpstream::start(|received| {
        assert_ne!(
            received.target(),
            "/it/stream",
            "the first turn is the other's"
        );
        Reply::new(200, &[], "idle")
    });
    let servers = [busy.address(), idle.address()];
    let stage = in_front_of(&servers, "balance = \"least_connections\"");
    let mut stream = stage.connect();
    stream.write(&Request::get("/it/stream").bytes(&stage.host()));
    assert_eq!(stream.read_head_only(), 200);
    let connections = |server| of_server(&stage, "sidgate_upstream_connections", server);
    assert_eq!(connections(busy.address()), 1.0);
    for _ in 0..10 {
        assert_eq!(stage.get("/it").text(), "idle");
        // A request is over a moment after its answer.
        until_true("the request to be over", LONG, || {
            connections(idle.address()) == 0.0
        });
    }
    drop(stream);
    until_true("the stream to be over", LONG, || {
        connections(busy.address()) == 0.0
    });
    let both = shares(&stage, 10);
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn a_request_that_finds_every_server_full_waits_and_is_told() {
    let app = RecordingUpstream::start(|received| {
        if received.target() == "/it/silent" {
            Reply::Silence
        } else {
            Reply::ok()
        }
    });
    let keys = "max_connections = 1\nconnect_timeout = \"300ms\"";
    let stage = in_front_of(&[app.address()], keys);
    let mut held = stage.connect();
    held.write(&Request::get("/it/silent").bytes(&stage.host()));
    app.wait_for(1);

    let full = stage.get("/it");
    assert_eq!(full.problem(503), "overloaded");
    assert!(full.header("retry-after").is_some());
    let busy = [("upstream", "it"), ("kind", "busy")];
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &busy), 1.0);
    assert_eq!(app.received().len(), 1, "the app was spared");

    // Whoever waits gets the place of the one that goes.
    let mut waiting = stage.connect();
    waiting.write(&Request::get("/it").bytes(&stage.host()));
    drop(held);
    assert_eq!(waiting.read(false).status, 200);
}
