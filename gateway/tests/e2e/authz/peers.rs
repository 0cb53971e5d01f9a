//! Who may ask, and what makes a question.

use sidgate_testkit::Request;

use super::asking::{Asked, WAYS, Way};

#[test]
fn whoever_is_not_trusted_learns_nothing() {
    let asked = Asked::with("[authz]\ntrusted_edges = [\"192.0.2.1\"]");
    let sid = asked.stage.log_in("alice@example.com");
    for way in WAYS {
        let answer = asked.ask_as(way, &sid, "/page");
        assert_eq!(answer.status, 403);
        assert!(
            answer.body.is_empty() && answer.headers.len() < 4,
            "{answer:?}"
        );
    }
    let refused = asked
        .stage
        .sum("sidgate_authz_refused_total", &[("reason", "peer")]);
    assert_eq!(refused, 3.0);
}

#[test]
fn a_question_that_does_not_say_where_the_request_goes_is_none() {
    let asked = Asked::start();
    let host = asked.stage.host();
    let complete = [
        ("X-Original-Method", "GET"),
        ("X-Original-URI", "/page"),
        ("X-Forwarded-Proto", "http"),
        ("X-Forwarded-Host", host.as_str()),
        ("X-Forwarded-For", "192.0.2.7"),
    ];
    let question = |fields: &[(&str, &str)]| {
        let question = Request::get("/authz/nginx");
        let fields = fields.iter();
        asked.send(&fields.fold(question, |question, (name, value)| {
            question.header(name, value)
        }))
    };
    assert_eq!(question(&complete).status, 200);
    for index in 0..complete.len() {
        let mut fields = complete.to_vec();
        let (name, _) = fields.remove(index);
        let answer = question(&fields);
        assert_eq!(answer.status, 400, "without {name}");
        assert_eq!(answer.header("x-sidgate-code"), Some("incomplete"));
    }
    let counted = asked
        .stage
        .sum("sidgate_authz_refused_total", &[("reason", "incomplete")]);
    assert_eq!(counted, 5.0);
    let elsewhere = asked.send(&Request::get("/authz/other"));
    assert_eq!(elsewhere.status, 404);
}

#[test]
fn a_trusted_edge_is_believed_about_one_hop_only() {
    let asked = Asked::start();
    // The left one is what the client has written; nobody is known to have written between both.
    let fields = [("X-Forwarded-For", "203.0.113.5, 198.51.100.9")];
    asked.ask(Way::Nginx, "/page", &fields).must_be(200);
    let line = sidgate_testkit::wait::until("its line", sidgate_testkit::wait::LONG, || {
        let output = asked.stage.stdout();
        let line = output
            .lines()
            .find(|line| line.contains("\"via\":\"nginx\""));
        line.map(str::to_owned)
    });
    assert!(line.contains("\"client\":\"198.51.100.9\""), "{line}");
}

#[test]
fn the_socket_of_a_listener_decides_who_may_ask() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream;

    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("authz.sock");
    let toml = format!(
        "[authz]\nlisten = [\"unix:{}\"]\ntrusted_edges = [\"192.0.2.1\"]",
        socket.display()
    );
    let asked = Asked::with(&toml);
    let host = asked.stage.host();
    let mut stream = UnixStream::connect(&socket).unwrap();
    let question = format!(
        "GET /authz/forward HTTP/1.1\r\nHost: x\r\nX-Forwarded-Method: GET\r\nX-Forwarded-Uri: /page\r\n\
         X-Forwarded-Proto: http\r\nX-Forwarded-Host: {host}\r\nX-Forwarded-For: 192.0.2.3\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(question.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}
