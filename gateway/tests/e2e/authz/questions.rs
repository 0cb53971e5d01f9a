//! What is let through, and what the edge is told.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use sidgate_testkit::Request;

use super::asking::{Asked, NAMES, WAYS, Way};

#[test]
fn a_session_is_told_by_every_way() {
    let asked = Asked::start();
    let sid = asked.stage.log_in("alice@example.com");
    for way in WAYS {
        let answer = asked.ask_as(way, &sid, "/required/page?x=1").must_be(200);
        assert_eq!(answer.header("x-session-state"), Some("active"), "{way:?}");
        assert_eq!(answer.header("x-session-user-id"), Some("alice"));
        assert_eq!(answer.header("x-session-email"), Some("alice@example.com"));
        assert_eq!(answer.header("x-session-stale"), Some(""));
        for name in NAMES {
            assert_eq!(answer.all(name).len(), 1, "{way:?} {name}: {answer:?}");
        }
        let id = answer.header("x-request-id").unwrap();
        assert!(id.split('.').count() == 3, "{id}");
        assert!(answer.leaves_cookies_alone());
        assert!(answer.body.is_empty());
    }
    assert!(asked.stage.app.requests().is_empty(), "the edge sends it");
}

#[test]
fn every_name_is_there_also_where_there_is_nothing_to_say() {
    let asked = Asked::start();
    for way in WAYS {
        for (path, state) in [("/page", "anonymous"), ("/none", "none")] {
            let answer = asked.ask(way, path, &[]).must_be(200);
            assert_eq!(answer.header("x-session-state"), Some(state));
            for name in NAMES {
                assert!(answer.header(name).is_some(), "{way:?} {name}: {answer:?}");
            }
            assert_eq!(answer.header("x-session-user-id"), Some(""));
            assert_ne!(answer.header("x-session-assertion"), Some(""));
        }
    }
}

#[test]
fn the_app_gets_its_own_cookies_and_not_ours() {
    let asked = Asked::start();
    let sid = asked.stage.log_in("alice@example.com");
    let cookies = format!("theme=dark; sid={sid}; lang=de");
    for way in WAYS {
        let answer = asked
            .ask(way, "/page", &[("Cookie", &cookies)])
            .must_be(200);
        assert_eq!(
            answer.header("x-sidgate-cookie"),
            Some("theme=dark; lang=de")
        );
        if way == Way::Forward {
            assert_eq!(answer.header("cookie"), Some("theme=dark; lang=de"));
        }
        let none = asked.ask_as(way, &sid, "/page");
        assert_eq!(none.header("x-sidgate-cookie"), Some(""), "{way:?}");
    }
}

#[test]
fn questions_come_in_every_version_of_http() {
    let asked = Asked::start();
    let host = asked.stage.host();
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let question = format!(
            "GET /authz/nginx {version}\r\nHost: edge\r\nX-Original-Method: GET\r\nX-Original-URI: /page\r\n\
             X-Forwarded-Host: {host}\r\nX-Forwarded-Proto: http\r\nX-Forwarded-For: 192.0.2.1\r\n\
             Connection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", asked.port)).unwrap();
        stream.write_all(question.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with(&format!("{version} 200 OK\r\n")),
            "{answer}"
        );
    }
}

#[test]
fn a_sid_that_is_due_gets_a_successor() {
    let asked = Asked::with("[session]\nrotate_every = \"1s\"");
    let sid = asked.stage.log_in("alice@example.com");
    let renewed = sidgate_testkit::wait::until("a new sid", sidgate_testkit::wait::LONG, || {
        let answer = asked.ask_as(Way::Nginx, &sid, "/page").must_be(200);
        (!answer.leaves_cookies_alone()).then_some(answer)
    });
    let next = renewed.new_sid();
    assert_ne!(next, sid);
    let told = renewed.header("x-sidgate-set-cookie-1").unwrap();
    assert!(told.starts_with(&format!("sid={next};")), "{told}");
    assert_eq!(renewed.header("cache-control"), Some("private, no-store"));
    let answer = asked.ask_as(Way::Nginx, &next, "/required");
    assert_eq!(
        answer.must_be(200).header("x-session-state"),
        Some("active")
    );
}

/// The app may answer a form, or the way back from another site, with a login: its cookie must be the last one.
#[test]
fn cookies_wait_where_the_app_may_set_one() {
    let asked = Asked::with("[session]\nrotate_every = \"1s\"");
    let sid = asked.stage.log_in("alice@example.com");
    let cookie = format!("sid={sid}");
    std::thread::sleep(std::time::Duration::from_millis(1_200));
    let own = [("Cookie", cookie.as_str())];
    for way in WAYS {
        assert!(
            asked
                .about(way, ("POST", "/page"), &own)
                .must_be(200)
                .leaves_cookies_alone()
        );
        for site in ["cross-site", "same-site", "unheard-of"] {
            let from_elsewhere = [own[0], ("Sec-Fetch-Site", site)];
            let answer = asked.ask(way, "/page", &from_elsewhere).must_be(200);
            assert!(answer.leaves_cookies_alone(), "{way:?} {site}");
        }
    }
    assert!(!asked.ask(Way::Nginx, "/page", &own).leaves_cookies_alone());
}

#[test]
fn an_app_without_servers_is_behind_the_edge_alone() {
    let asked = Asked::with(
        "[upstreams.away]\n[[routes]]\npath = \"/away\"\nupstream = \"away\"\nsession = \"optional\"",
    );
    let answer = asked.ask(Way::Nginx, "/away", &[]).must_be(200);
    assert_eq!(answer.header("x-session-state"), Some("anonymous"));
    assert_eq!(asked.stage.get("/away").problem(404), "not_found");
}

#[test]
fn lines_and_figures_tell_by_which_way_it_was_asked() {
    let asked = Asked::start();
    asked.ask(Way::Forward, "/page?secret=1", &[]).must_be(200);
    let labels = [("via", "forward"), ("outcome", "anonymous")];
    assert_eq!(
        asked.stage.sum("sidgate_authz_requests_total", &labels),
        1.0
    );
    let line = sidgate_testkit::wait::until("its line", sidgate_testkit::wait::LONG, || {
        let output = asked.stage.stdout();
        let mut lines = output
            .lines()
            .filter(|line| line.contains("\"via\":\"forward\""));
        lines.next().map(str::to_owned)
    });
    assert!(
        line.contains("\"path\":\"/page\"") && line.contains("\"client\":\"192.0.2.7\""),
        "{line}"
    );
    assert!(
        line.contains("\"upstream\":\"app\"") && !line.contains("secret"),
        "{line}"
    );
}

#[test]
fn a_gateway_without_the_section_has_no_such_listener() {
    let stage = sidgate_testkit::Stage::start();
    let question = Request::get("/authz/nginx").header("X-Original-URI", "/page");
    let response = stage.send(&question);
    // A path like any other: it belongs to the app.
    assert_eq!(response.status, 200);
    assert_eq!(stage.app.last_request().request_line(), "GET /authz/nginx");
}
