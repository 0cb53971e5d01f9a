//! What is not let through, and what the visitor gets.

use super::asking::{Asked, WAYS, Way};

/// Header fields.
type Fields<'f> = &'f [(&'f str, &'f str)];

const PAGE: [(&str, &str); 3] = [
    ("Accept", "text/html"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"),
];

#[test]
fn a_page_leads_to_the_login_and_a_call_is_told() {
    let asked = Asked::start();
    for way in WAYS {
        let call = asked.ask(way, "/required/x", &[("Accept", "application/json")]);
        assert_eq!(call.problem(401), "unauthenticated", "{way:?}");
        assert_eq!(call.header("x-sidgate-code"), Some("unauthenticated"));
        let page = asked.ask(way, "/required/x?y=1", &PAGE);
        let location = Some("/login?next=/required/x%3Fy%3D1");
        if way == Way::Nginx {
            assert_eq!(page.status, 401);
            assert_eq!(page.header("x-sidgate-location"), location);
            assert_eq!(page.header("location"), None);
        } else {
            assert_eq!(page.status, 303);
            assert_eq!(page.header("location"), location);
        }
        assert_eq!(page.header("x-sidgate-status"), Some("303"));
    }
}

#[test]
fn a_request_that_the_proxy_refuses_is_refused_for_the_same_reason() {
    let asked = Asked::start();
    let requests: [(&str, &str, Fields<'_>); 8] = [
        ("TRACE", "/page", &[]),
        ("GET", "/a/../b", &[]),
        ("GET", "/a%2fb", &[]),
        ("GET", "//a", &[]),
        ("GET", "/a;x/..;/b", &[]),
        ("GET", "/page", &[("X_Session_User_Id", "mallory")]),
        ("GET", "/page", &[("Cookie", "sid=a; sid=b")]),
        (
            "POST",
            "/page",
            &[
                ("Origin", "https://evil.test"),
                ("Sec-Fetch-Site", "cross-site"),
            ],
        ),
    ];
    for (method, target, fields) in requests {
        let mut request = sidgate_testkit::Request::new(method, target);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let direct = asked.stage.send(&request);
        for way in WAYS {
            let told = asked.about(way, (method, target), fields);
            assert_eq!(
                told.status, direct.status,
                "{way:?} {method} {target} {fields:?}"
            );
            if direct.status != 200 {
                assert_eq!(
                    told.json()["code"],
                    direct.json()["code"],
                    "{way:?} {target}"
                );
                assert_eq!(
                    told.json()["reason"],
                    direct.json()["reason"],
                    "{way:?} {target}"
                );
            }
        }
    }
}

#[test]
fn a_host_that_is_not_served_is_refused() {
    let asked = Asked::start();
    let question = sidgate_testkit::Request::get("/authz/nginx")
        .header("X-Original-Method", "GET")
        .header("X-Original-URI", "/page")
        .header("X-Forwarded-Proto", "http")
        .header("X-Forwarded-Host", "evil.test")
        .header("X-Forwarded-For", "192.0.2.7");
    assert_eq!(asked.send(&question).problem(421), "host_unknown");
}

#[test]
fn the_gateways_own_paths_belong_to_its_public_listener() {
    let asked = Asked::start();
    for path in [
        "/api/auth/session-v2",
        "/api/auth/other",
        "/__sidgate__/introspect",
    ] {
        for way in WAYS {
            assert_eq!(asked.ask(way, path, &[]).status, 404, "{way:?} {path}");
        }
    }
}

#[test]
fn a_preflight_lets_nobody_through_with_an_identity() {
    let asked = Asked::with(
        "[[routes]]\npath = \"/cors\"\nupstream = \"app\"\nsession = \"optional\"\ncors_origins = [\"https://other.test\"]",
    );
    let sid = asked.stage.log_in("alice@example.com");
    let cookie = format!("sid={sid}");
    let fields = [
        ("Origin", "https://other.test"),
        ("Access-Control-Request-Method", "POST"),
        ("Cookie", &cookie),
    ];
    for way in WAYS {
        let told = asked.about(way, ("OPTIONS", "/cors"), &fields);
        assert_eq!(
            told.header("access-control-allow-origin"),
            Some("https://other.test")
        );
        assert_eq!(told.header("x-sidgate-status"), Some("204"));
        // nginx would take 204 for a permission.
        assert_eq!(told.status, if way == Way::Nginx { 401 } else { 204 });
        assert_eq!(told.header("x-session-user-id"), Some(""), "{way:?}");
        assert_eq!(told.header("x-session-state"), Some(""), "{way:?}");
        let answer = asked.ask(way, "/cors", &fields[..1]).must_be(200);
        assert_eq!(
            answer.header("access-control-allow-origin"),
            Some("https://other.test")
        );
    }
}

#[test]
fn what_is_not_known_is_no_refusal_of_the_visitor() {
    use rustix::process::Signal;

    let asked = Asked::start();
    let sid = asked.stage.log_in("alice@example.com");
    asked.ask_as(Way::Nginx, &sid, "/required").must_be(200);
    // Without its lease nothing is known.
    asked.stage.signal(Signal::STOP);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    asked.stage.signal(Signal::CONT);
    let answer = asked.ask_as(Way::Nginx, &sid, "/required");
    assert!(matches!(answer.status, 200 | 503), "{answer:?}");
}

#[test]
fn maintenance_and_limits_hold_here_as_well() {
    let asked = Asked::with("[maintenance]\non = true\n[edge]\nmisses_per_client = \"2/m\"");
    let answer = asked.ask(Way::Forward, "/page", &[]);
    assert_eq!(answer.problem(503), "maintenance");
    assert!(answer.header("retry-after").is_some());
}

#[test]
fn a_client_that_guesses_sids_is_limited_over_all_ways() {
    let asked = Asked::with("[edge]\nmisses_per_client = \"3/m\"");
    let mut gone = Vec::new();
    for _ in 0..8 {
        let sid = asked.stage.log_in("alice@example.com");
        asked.stage.log_out(&sid);
        gone.push(sid);
    }
    let statuses: Vec<_> = gone
        .iter()
        .enumerate()
        .map(|(index, sid)| asked.ask_as(WAYS[index % 3], sid, "/page").status)
        .collect();
    assert!(
        statuses.iter().filter(|status| **status == 429).count() > 0
            || statuses.iter().all(|status| *status == 200),
        "{statuses:?}"
    );
}
