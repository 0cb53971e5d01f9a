//! What is not let through, and what the visitor gets.

use session_testing::TestPostgres;
use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::stores::store_config;
use sidgate_testkit::wait::{LONG, until_true};

use super::asking::{Asked, OWN_SITE, WAYS, Way};

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
        // Other edges pass the whole answer on to the browser.
        let told = (way == Way::Nginx).then_some(("unauthenticated", "303"));
        assert_eq!(call.header("x-sidgate-code"), told.map(|told| told.0));
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
        assert_eq!(page.header("x-sidgate-status"), told.map(|told| told.1));
    }
}

#[test]
fn a_request_that_the_proxy_refuses_is_refused_for_the_same_reason() {
    let asked = Asked::with(OWN_SITE);
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
            "/own",
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
        assert!(direct.status >= 400, "{method} {target} {fields:?}");
        for way in WAYS {
            let told = asked.about(way, (method, target), fields);
            assert_eq!(
                told.status, direct.status,
                "{way:?} {method} {target} {fields:?}"
            );
            for member in ["code", "reason"] {
                let (told, direct) = (told.json(), direct.json());
                assert_eq!(told[member], direct[member], "{way:?} {target}");
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
        let status = (way == Way::Nginx).then_some("204");
        assert_eq!(told.header("x-sidgate-status"), status);
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
    let postgres = TestPostgres::start();
    let database = postgres.database();
    let stale = "[[routes]]\npath = \"/stale\"\nupstream = \"app\"\nsession = \"required\"\nmax_stale = \"5m\"\n\
                 [[routes]]\npath = \"/pass\"\nupstream = \"app\"\nsession = \"optional\"\non_unknown = \"pass\"\n";
    let asked = Asked::with(&format!("{}\n{stale}", store_config(&database)));
    let sid = asked.stage.log_in("alice@example.com");
    asked.ask_as(Way::Nginx, &sid, "/required").must_be(200);
    postgres.stop();
    until_true("the end of the lease", LONG, || {
        asked.ask_as(Way::Nginx, &sid, "/required").status == 503
    });
    for way in WAYS {
        let unknown = asked.ask_as(way, &sid, "/required");
        assert_eq!(unknown.problem(503), "unavailable", "{way:?}");
        assert!(unknown.header("retry-after").is_some() && unknown.leaves_cookies_alone());
        let stale = asked.ask_as(way, &sid, "/stale").must_be(200);
        assert_eq!(stale.header("x-session-state"), Some("active"));
        assert_ne!(stale.header("x-session-stale"), Some(""), "{way:?}");
        let passed = asked.ask_as(way, &sid, "/pass").must_be(200);
        assert_eq!(passed.header("x-session-state"), Some("unknown"));
        assert_eq!(passed.header("x-session-user-id"), Some(""));
    }
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
    let statuses: Vec<_> = (0..9)
        .map(|number| {
            let sid = sealed_sid(&asked.stage.gateway, number);
            asked
                .ask_as(WAYS[number as usize % 3], &sid, "/page")
                .status
        })
        .collect();
    assert_eq!(statuses[..3], [200; 3], "{statuses:?}");
    assert_eq!(statuses[5..], [429; 4], "{statuses:?}");
    // By whom the edge says, and not by the edge.
    let sid = sealed_sid(&asked.stage.gateway, 100);
    let other = [("Cookie", format!("sid={sid}"))];
    let fields: Vec<_> = other
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let question = asked.question(Way::Nginx, ("GET", "/page"), "198.51.100.1", &fields);
    assert_eq!(asked.send(&question).status, 200);
}

/// Browsers send cookies with a handshake that another site opens.
#[test]
fn a_handshake_from_another_site_is_refused() {
    let asked = Asked::with(OWN_SITE);
    let sid = asked.stage.log_in("alice@example.com");
    let cookie = format!("sid={sid}");
    let handshake = |origin| {
        [
            ("Cookie", cookie.as_str()),
            ("Origin", origin),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ]
    };
    let own = asked.stage.origin();
    for way in WAYS {
        let evil = asked.ask(way, "/own", &handshake("https://evil.test"));
        assert_eq!(evil.status, 403, "{way:?}: {evil:?}");
        asked.ask(way, "/own", &handshake(&own)).must_be(200);
    }
}
