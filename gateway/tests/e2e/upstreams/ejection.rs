use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;
use sidgate_testkit::port::free_port;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Reply, Request};

use super::{answering, in_front_of, of_server, server, wait_until_healthy};
use crate::causes::lines;
use crate::keys_upstream::Full;

const LONG_AWAY: &str = "passive = { eject = \"1h\", eject_max = \"1h\" }\n";

/// A server that answers with a status that can be changed.
fn changing(status: u16) -> (RecordingUpstream, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answered = Arc::clone(&status);
    let server = RecordingUpstream::start(move |_| {
        Reply::new(answered.load(Ordering::Relaxed), &[], "changing")
    });
    (server, status)
}

#[test]
fn a_server_that_refuses_costs_one_try_and_not_one_each_time() {
    let well = server("well");
    let gone = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let stage = in_front_of(&[gone, well.address()], LONG_AWAY);
    for _ in 0..20 {
        assert_eq!(stage.get("/it").status, 200);
    }
    let refused = [("upstream", "it"), ("kind", "refused")];
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &refused), 1.0);
    let health = |server| of_server(&stage, "sidgate_upstream_healthy", server);
    assert_eq!((health(gone), health(well.address())), (0.0, 1.0));
    let [line] = &lines(&stage, "server ejected")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(line["cause"], "connection refused");
    assert_eq!(line["left"], 1);
}

/// Nobody waits for `connect_timeout` while another server is free.
#[test]
fn a_server_that_swallows_connections_is_left_after_connect_after() {
    let (full, well) = (Full::start(), server("well"));
    let keys =
        format!("connect_timeout = \"1m\"\nretry = {{ connect_after = \"50ms\" }}\n{LONG_AWAY}");
    let stage = in_front_of(&[full.address, well.address()], &keys);
    for _ in 0..6 {
        let post = Request::post("/it").body("x");
        assert_eq!(stage.send(&post).status, 200);
    }
    let slow = [("upstream", "it"), ("kind", "connect_timeout")];
    assert_eq!(stage.sum("sidgate_upstream_errors_total", &slow), 1.0);
    assert_eq!(
        of_server(&stage, "sidgate_upstream_healthy", full.address),
        0.0
    );
    let doubted = lines(&stage, "server passed over until a probe has found out");
    assert_eq!(doubted.len(), 1);
}

#[test]
fn failures_in_a_row_eject_a_server_and_a_500_is_an_answer() {
    for status in [502, 503, 504] {
        let (ill, well) = (answering(status), server("well"));
        let stage = in_front_of(&[ill.address(), well.address()], LONG_AWAY);
        let failed = (0..20).filter(|_| stage.get("/it").status == status);
        assert_eq!(failed.count(), 3, "{status}");
        assert_eq!(ill.received().len(), 3);
        assert_eq!(
            of_server(&stage, "sidgate_upstream_healthy", ill.address()),
            0.0
        );
    }
    let (failing, well) = (answering(500), server("well"));
    let stage = in_front_of(&[failing.address(), well.address()], LONG_AWAY);
    let failed = (0..20).filter(|_| stage.get("/it").status == 500);
    assert_eq!(failed.count(), 10);
}

#[test]
fn a_server_that_breaks_off_or_is_silent_is_ejected_too() {
    let broken = RecordingUpstream::start(|_| Reply::hang_up());
    let silent = RecordingUpstream::start(|_| Reply::Silence);
    for (ill, status) in [(&broken, 502), (&silent, 504)] {
        let well = server("well");
        let keys = format!("read_timeout = \"100ms\"\n{LONG_AWAY}");
        let stage = in_front_of(&[ill.address(), well.address()], &keys);
        let failed = (0..20).filter(|_| stage.get("/it").status == status);
        assert_eq!(failed.count(), 3, "{status}");
    }
}

#[test]
fn an_ejected_server_is_back_after_a_probe_that_no_visitor_waits_for() {
    let well = server("well");
    let away = free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], away));
    let keys = "passive = { eject = \"300ms\", eject_max = \"300ms\" }\n";
    let stage = in_front_of(&[address, well.address()], keys);
    for _ in 0..4 {
        assert_eq!(stage.get("/it").status, 200);
    }
    wait_until_healthy(&stage, address, false);
    let listener = TcpListener::bind(address).unwrap();
    // A probe takes a connection and nothing more: no request is made for it.
    wait_until_healthy(&stage, address, true);
    let [back] = &lines(&stage, "server is back")[..] else {
        panic!("once: {}", stage.output());
    };
    assert!(back["since"].is_string());
    assert!(lines(&stage, "request failed").is_empty(), "nobody noticed");
    drop(listener);
}

#[test]
fn if_all_servers_fail_all_are_tried_and_the_first_answer_brings_one_back() {
    let (one, first) = changing(503);
    let (two, _second) = changing(503);
    let stage = in_front_of(&[one.address(), two.address()], LONG_AWAY);
    for _ in 0..12 {
        assert_eq!(stage.get("/it").status, 503);
    }
    assert_eq!(
        one.received().len() + two.received().len(),
        12,
        "all are asked"
    );
    let last = lines(&stage, "server ejected");
    assert_eq!(last.last().map(|line| line["left"].clone()), Some(0.into()));
    first.store(200, Ordering::Relaxed);
    let answers: Vec<u16> = (0..12).map(|_| stage.get("/it").status).collect();
    let until_found = answers.iter().take_while(|status| **status == 503).count();
    assert!(until_found <= 1, "{answers:?}");
    assert!(
        answers[until_found..].iter().all(|status| *status == 200),
        "{answers:?}"
    );
    assert_eq!(
        of_server(&stage, "sidgate_upstream_healthy", one.address()),
        1.0
    );
}

#[test]
fn a_reload_keeps_what_is_known_of_servers() {
    let (ill, well) = (answering(503), server("well"));
    let stage = in_front_of(&[ill.address(), well.address()], LONG_AWAY);
    for _ in 0..8 {
        let _answer = stage.get("/it");
    }
    assert_eq!(ill.received().len(), 3);
    let reload = |_: &Path, text: String| {
        text.replace("[upstreams.it]", "[upstreams.it]\nread_timeout = \"9s\"")
    };
    stage.reconfigure(reload);
    stage.signal(Signal::HUP);
    until_true("the reload", LONG, || {
        let done = [("result", "reloaded")];
        stage.sum("sidgate_config_reloads_total", &done) > 0.0
    });
    for _ in 0..8 {
        assert_eq!(stage.get("/it").status, 200);
    }
    assert_eq!(ill.received().len(), 3, "still ejected");
}
