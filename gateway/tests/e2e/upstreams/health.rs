use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::Signal;
use sidgate_testkit::Reply;
use sidgate_testkit::upstream::RecordingUpstream;
use toml::Table;

use super::{in_front_of, server, wait_until_healthy};
use crate::causes::lines;

const CHECKED: &str =
    "[upstreams.it.health]\npath = \"/healthz\"\ninterval = \"100ms\"\ntimeout = \"1s\"\n";

/// A server whose health can be changed; its pages are well all the time.
fn with_health(status: u16) -> (RecordingUpstream, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let answered = Arc::clone(&status);
    let server = RecordingUpstream::start(move |received| {
        if received.target() == "/healthz" {
            Reply::new(answered.load(Ordering::Relaxed), &[], "")
        } else {
            Reply::new(200, &[], "page")
        }
    });
    (server, status)
}

#[test]
fn a_server_that_says_it_is_ill_gets_no_requests_until_it_says_it_is_well() {
    let (ill, status) = with_health(200);
    let well = server("well");
    let stage = in_front_of(&[ill.address(), well.address()], CHECKED);
    status.store(500, Ordering::Relaxed);
    wait_until_healthy(&stage, ill.address(), false);
    for _ in 0..10 {
        assert_eq!(stage.get("/it").text(), "well");
    }
    let [line] = &lines(&stage, "server is unhealthy")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(line["cause"], "it answers 500");
    status.store(204, Ordering::Relaxed);
    wait_until_healthy(&stage, ill.address(), true);
    let pages = (0..10).filter(|_| stage.get("/it").text() == "page");
    assert_eq!(pages.count(), 5);
}

/// The question looks like one of the gateway's own: it carries no session and the public host.
#[test]
fn a_health_check_is_a_plain_request_for_the_public_host() {
    let (app, _status) = with_health(200);
    let stage = in_front_of(&[app.address()], CHECKED);
    let received = app.wait_for(2);
    for check in received {
        assert_eq!(check.request_line(), "GET /healthz");
        assert_eq!(check.header("host"), Some(stage.host()));
        let told = check
            .names()
            .into_iter()
            .any(|name| name.starts_with("x-session"));
        assert!(!told, "{:?}", check.names());
        assert_eq!(check.header("cookie"), None);
    }
}

#[test]
fn a_server_that_does_not_answer_a_health_check_is_unhealthy() {
    let silent = RecordingUpstream::start(|received| {
        if received.target() == "/healthz" {
            Reply::Silence
        } else {
            Reply::ok()
        }
    });
    let well = server("well");
    let keys = CHECKED.replace("\"1s\"", "\"100ms\"");
    let stage = in_front_of(&[silent.address(), well.address()], &keys);
    wait_until_healthy(&stage, silent.address(), false);
    let line = lines(&stage, "server is unhealthy").pop().unwrap();
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.contains("health.timeout (100ms)"), "{cause}");
}

/// Nobody would ever ask it again, so it would stay away for good.
#[test]
fn a_reload_that_ends_health_checks_brings_an_unhealthy_server_back() {
    let (ill, _status) = with_health(500);
    let well = server("well");
    let stage = in_front_of(&[ill.address(), well.address()], CHECKED);
    wait_until_healthy(&stage, ill.address(), false);
    stage.reconfigure(|_, text| {
        let mut config: Table = text.parse().unwrap();
        let app = config["upstreams"]["it"].as_table_mut().unwrap();
        app.remove("health").unwrap();
        config.to_string()
    });
    stage.signal(Signal::HUP);
    wait_until_healthy(&stage, ill.address(), true);
    let pages = (0..10).filter(|_| stage.get("/it").text() == "page");
    assert_eq!(pages.count(), 5);
    let [line] = &lines(&stage, "server is back")[..] else {
        panic!("once: {}", stage.output());
    };
    assert_eq!(line["cause"], "its health is not asked for any more");
}
