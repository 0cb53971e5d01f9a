//! What a client writes reaches no app past the edge.

use super::asking::{Asked, WAYS, Way};

#[test]
fn an_identity_of_the_client_is_overwritten() {
    let asked = Asked::start();
    for way in WAYS {
        let fields = [
            ("X-Session-User-Id", "mallory"),
            ("X-Session-State", "active"),
        ];
        let answer = asked.ask(way, "/page", &fields).must_be(200);
        assert_eq!(answer.header("x-session-state"), Some("anonymous"));
        assert_eq!(answer.header("x-session-user-id"), Some(""));
        assert_eq!(answer.header("x-session-email"), Some(""));
        if way == Way::Envoy {
            let removed = answer.header("x-envoy-auth-headers-to-remove").unwrap();
            assert!(
                removed.split(',').any(|name| name == "x-session-user-id"),
                "{removed}"
            );
        }
    }
    let counted = asked.stage.sum("sidgate_spoof_blocked_total", &[]);
    assert!(counted >= 6.0, "{counted}");
}

#[test]
fn what_an_edge_cannot_take_away_is_refused() {
    let asked = Asked::start();
    for name in [
        "Remote-User",
        "X-Session-Anything",
        // It is configured, and perhaps since the edge was told the names.
        "X-Session-Email",
        "Http-X-Session-User-Id",
        "X-Session-Event",
        "X-Original-URL",
        "X-WebAuth-User",
        "X-Sidgate-Cookie",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
    ] {
        for way in [Way::Nginx, Way::Forward] {
            let answer = asked.ask(way, "/page", &[(name, "mallory")]);
            assert_eq!(answer.status, 400, "{way:?} {name}");
            assert_eq!(
                answer.json()["reason"],
                "header_not_removable",
                "{way:?} {name}"
            );
        }
        let answer = asked
            .ask(Way::Envoy, "/page", &[(name, "mallory")])
            .must_be(200);
        let removed = answer.header("x-envoy-auth-headers-to-remove").unwrap();
        assert!(
            removed
                .split(',')
                .any(|gone| gone.eq_ignore_ascii_case(name)),
            "{name}: {removed}"
        );
    }
    // What edges write themselves is everyday traffic.
    for name in [
        "X-Real-IP",
        "X-Forwarded-Port",
        "Forwarded",
        "CF-Connecting-IP",
    ] {
        asked.ask(Way::Nginx, "/page", &[(name, "1")]).must_be(200);
    }
}

#[test]
fn the_path_says_which_service_is_asked_and_no_field_of_the_client() {
    let asked = Asked::start();
    for way in WAYS {
        for kind in ["application/grpc", "application/grpc+proto"] {
            let fields = [("Content-Type", kind), ("TE", "trailers")];
            let answer = asked.about(way, ("POST", "/required/x"), &fields);
            assert_eq!(answer.problem(401), "unauthenticated", "{way:?} {kind}");
        }
    }
}

#[test]
fn a_second_description_of_the_request_is_no_help() {
    let asked = Asked::start();
    let answer = asked.ask(Way::Nginx, "/required", &[("X-Original-URI", "/none")]);
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("x-sidgate-code"), Some("incomplete"));
    let answer = asked.ask(Way::Forward, "/required", &[("X-Original-URI", "/none")]);
    assert_eq!(answer.json()["reason"], "header_not_removable");
}
