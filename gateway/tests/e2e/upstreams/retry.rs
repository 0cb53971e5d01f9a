use sidgate_testkit::port::free_port;
use sidgate_testkit::upstream::RecordingUpstream;
use sidgate_testkit::{Reply, Request, Stage};

use super::{answering, in_front_of, server};

/// No failure of a server has a consequence beyond its request.
const NEVER_EJECTED: &str = "passive = { failures = 0 }\n";

fn retried(stage: &Stage) -> f64 {
    stage.sum("sidgate_upstream_retries_total", &[("upstream", "it")])
}

/// Each request's answer, for enough requests that each server has its turn.
fn statuses(stage: &Stage, request: &Request) -> Vec<u16> {
    let mut statuses: Vec<u16> = (0..6).map(|_| stage.send(request).status).collect();
    statuses.sort_unstable();
    statuses
}

/// A `POST` whose connection failed was not sent. So it goes to another server, with its body.
#[test]
fn a_connection_that_fails_is_tried_at_another_server_whatever_the_request() {
    let well = server("well");
    let gone = ([127, 0, 0, 1], free_port()).into();
    let stage = in_front_of(&[gone, well.address()], NEVER_EJECTED);
    let post = Request::post("/it").body("a body");
    assert_eq!(statuses(&stage, &post), [200; 6]);
    assert!(
        well.received()
            .iter()
            .all(|request| request.body == b"a body")
    );
    assert_eq!(well.received().len(), 6);
    assert_eq!(retried(&stage), 3.0);
}

#[test]
fn a_status_is_tried_again_only_where_that_is_asked_for() {
    for (status, word) in [(502, "502"), (503, "503"), (504, "504")] {
        let (ill, well) = (answering(status), server("well"));
        let servers = [ill.address(), well.address()];
        let plain = in_front_of(&servers, NEVER_EJECTED);
        let get = Request::get("/it");
        let as_they_are = [200, 200, 200, status, status, status];
        assert_eq!(statuses(&plain, &get), as_they_are);
        let retry = format!("{NEVER_EJECTED}retry = {{ on = [\"connect\", \"{word}\"] }}\n");
        let stage = in_front_of(&servers, &retry);
        assert_eq!(statuses(&stage, &get), [200; 6], "{status}");
        assert_eq!(retried(&stage), 3.0);
        let put = Request::new("PUT", "/it").body("x");
        assert_eq!(statuses(&stage, &put), as_they_are, "it has a body");
        let post = Request::post("/it");
        assert_eq!(
            statuses(&stage, &post),
            as_they_are,
            "it may not arrive twice"
        );
        let delete = Request::delete("/it");
        assert_eq!(statuses(&stage, &delete), [200; 6], "it may");
        assert_eq!(retried(&stage), 6.0);
    }
}

#[test]
fn a_connection_that_breaks_and_a_server_that_is_silent_count_as_502_and_504() {
    let broken = RecordingUpstream::start(|_| Reply::hang_up());
    let silent = RecordingUpstream::start(|_| Reply::Silence);
    for (ill, status, word) in [(&broken, 502, "502"), (&silent, 504, "504")] {
        let well = server("well");
        let keys =
            format!("read_timeout = \"200ms\"\n{NEVER_EJECTED}retry = {{ on = [\"{word}\"] }}\n");
        let stage = in_front_of(&[ill.address(), well.address()], &keys);
        assert_eq!(statuses(&stage, &Request::get("/it")), [200; 6], "{word}");
        let before = ill.received().len();
        let post = Request::post("/it").body("once");
        let expected = [200, 200, 200, status, status, status];
        assert_eq!(statuses(&stage, &post), expected);
        let arrived = ill.received().len() - before + well.received().len() - 6;
        assert_eq!(arrived, 6, "no POST arrived twice");
    }
}

#[test]
fn tries_are_counted_and_the_last_answer_stands() {
    let all: Vec<_> = (0..4).map(|_| answering(503)).collect();
    let servers: Vec<_> = all.iter().map(RecordingUpstream::address).collect();
    let keys = format!("{NEVER_EJECTED}retry = {{ on = [\"503\"], attempts = 3 }}\n");
    let stage = in_front_of(&servers, &keys);
    let answer = stage.get("/it");
    assert_eq!((answer.status, answer.text()), (503, "not well".to_owned()));
    let arrived: usize = all.iter().map(|server| server.received().len()).sum();
    assert_eq!(arrived, 3);
    let one = |server: &RecordingUpstream| server.received().len() <= 1;
    assert!(all.iter().all(one), "no server was asked twice");
}

/// What the client has got cannot be taken back.
#[test]
fn nothing_is_tried_again_once_the_client_has_something() {
    let half = RecordingUpstream::start(|_| {
        Reply::Last(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec())
    });
    let hinting = RecordingUpstream::start(|_| {
        Reply::Last(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n".to_vec())
    });
    for ill in [&half, &hinting] {
        let well = server("well");
        let keys = format!("{NEVER_EJECTED}retry = {{ on = [\"connect\", \"502\"] }}\n");
        let stage = in_front_of(&[ill.address(), well.address()], &keys);
        let mut connection = stage.connect();
        connection.write(&Request::get("/it").bytes(&stage.host()));
        let got = connection.read_to_end();
        assert!(
            !got.ends_with(b"well"),
            "{:?}",
            String::from_utf8_lossy(&got)
        );
        assert_eq!(well.received().len(), 0);
    }
}

/// A server may close a connection that has rested. That says nothing against it, and `GET` goes out once more.
#[test]
fn a_connection_that_was_closed_while_it_rested_is_no_failure() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut request = [0; 4096];
            // The second request on a connection is read and not answered.
            for is_first in [true, false] {
                if socket.read(&mut request).unwrap_or(0) > 0 && is_first {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                    socket.write_all(answer).unwrap();
                }
            }
        }
    });
    let keys = "idle_timeout = \"10s\"\npassive = { failures = 1 }\n";
    let stage = in_front_of(&[address], keys);
    for _ in 0..6 {
        assert_eq!(stage.get("/it").status, 200);
    }
    assert_eq!(retried(&stage), 0.0);
    assert_eq!(
        super::of_server(&stage, "sidgate_upstream_healthy", address),
        1.0
    );
}
