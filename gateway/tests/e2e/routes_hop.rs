//! A request that goes in a circle is refused when it comes back.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use sidgate_testkit::client::Connection;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::{App, Gateway, Reply, Request, Stage};

#[test]
fn every_request_to_an_app_carries_the_same_mark() {
    let (stage, sid) = Stage::start().and_alice();
    for (path, request) in [
        ("/", Request::get("/")),
        ("/none", Request::get("/none")),
        ("/required", Request::get("/required").sid(&sid)),
    ] {
        stage.send(&request).must_be(200);
        assert_eq!(
            stage.app.last_request().request_line(),
            format!("GET {path}")
        );
    }
    let marks: Vec<_> = stage
        .app
        .requests()
        .iter()
        .map(|seen| seen.header("x-sidgate-hop").unwrap())
        .collect();
    assert_eq!(marks.len(), 3);
    assert!(
        marks
            .iter()
            .all(|mark| *mark == marks[0] && mark.len() == 64),
        "{marks:?}"
    );
}

#[test]
fn a_request_with_our_mark_is_refused() {
    let stage = Stage::start();
    stage.get("/");
    let mark = stage.app.only_request().header("x-sidgate-hop").unwrap();

    for name in ["X-Sidgate-Hop", "x-sidgate-hop", "X-SIDGATE-HOP"] {
        let request = Request::get("/none").header(name, &mark);
        let refused = stage.send(&request);
        assert_eq!(refused.problem(508), "loop_detected", "{refused:?}");
        assert_eq!(refused.json()["reason"], "loop");
        assert_eq!(refused.header("connection"), Some("close"));
    }
    // Also behind one that is not ours.
    let twice = Request::get("/none")
        .header("X-Sidgate-Hop", "x")
        .header("X-Sidgate-Hop", &mark);
    assert_eq!(stage.send(&twice).status, 508);
    assert_eq!(stage.app.requests().len(), 1);
    assert_eq!(
        stage.sum("sidgate_refused_total", &[("reason", "loop")]),
        4.0
    );
}

#[test]
fn another_mark_is_removed_and_the_request_served() {
    let (one, another) = (Stage::start(), Stage::start());
    another.get("/");
    let foreign = another.app.only_request().header("x-sidgate-hop").unwrap();
    let almost = format!("{}0", &foreign[..63]);
    for value in [&*foreign, &*almost, "", "x", &"0".repeat(64)] {
        let served = one.send(&Request::get("/none").header("X-Sidgate-Hop", value));
        assert_eq!(served.status, 200, "{value}");
        let seen = one.app.last_request();
        let own = seen.header("x-sidgate-hop").expect("exactly one");
        assert!(own != value && own.len() == 64, "{own}");
    }
}

/// The app's address is that of something that leads back, such as a balancer before the gateway.
#[test]
fn a_circle_ends_where_it_began() {
    let back: Arc<OnceLock<(SocketAddr, String)>> = Arc::default();
    let known = Arc::clone(&back);
    let relay = RecordingUpstream::start(move |received| {
        let (address, host) = known.get().unwrap();
        let mut request = Request::get(&received.target());
        for (name, value) in received.headers() {
            if !["host", "connection"].contains(&&*name.to_lowercase()) {
                request = request.header(&name, &value);
            }
        }
        let mut connection = Connection::open(*address);
        connection.write(&request.bytes(host));
        let response = connection.read(false);
        Reply::new(response.status, &[], &response.text())
    });
    let app = App::start();
    let gateway = Gateway::in_front_of(&app)
        .routes_to(relay.address())
        .start();
    back.set((gateway.address(), gateway.host())).unwrap();

    let response = gateway.send(&Request::get("/page"));

    assert_eq!(response.status, 508, "{response:?}");
    assert!(response.text().contains("loop_detected"), "{response:?}");
    assert_eq!(relay.received().len(), 1);
    let counted = gateway.sum("sidgate_refused_total", &[("reason", "loop")]);
    assert_eq!(counted, 1.0);
}
