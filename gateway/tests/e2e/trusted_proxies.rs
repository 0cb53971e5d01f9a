//! What a proxy is believed that the operator has named: who its client is, how that client came, what the request is called.
//! Nobody else is.

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Gateway, Request, Response, SESSION, Stage, login};

const ORIGIN: &str = "https://app.example.com";

/// A gateway behind a balancer that ends TLS; this machine is the balancer.
fn behind_a_balancer(more: &str) -> Stage {
    Stage::with([
        &format!("[server]\npublic_origin = \"{ORIGIN}\"\ntrusted_proxies = [\"127.0.0.1/32\"]"),
        more,
    ])
}

/// Through the balancer, with these fields.
fn send(gateway: &Gateway, request: Request, fields: &[(&str, &str)]) -> Response {
    let request = request
        .header("Host", "app.example.com")
        .header("X-Forwarded-For", "203.0.113.7");
    let add = |request: Request, (name, value): &(&str, &str)| request.header(name, value);
    gateway.send(&fields.iter().fold(request, add))
}

const IN_CLEAR: [&[(&str, &str)]; 7] = [
    &[("X-Forwarded-Proto", "https, http,")],
    &[("X-Forwarded-Proto", "http")],
    &[("X-Forwarded-Proto", "HTTP")],
    &[("X-Forwarded-Proto", "https, http")],
    &[
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Proto", "http"),
    ],
    &[("Forwarded", "for=203.0.113.7;proto=http")],
    &[("Forwarded", "proto=https, for=10.0.0.1;Proto=\"http\"")],
];

#[test]
fn page_that_was_asked_for_in_clear_text_is_asked_for_again() {
    let stage = behind_a_balancer("");
    for fields in IN_CLEAR {
        for path in ["/app/x?y=1", "/required", SESSION] {
            let response = send(&stage, Request::get(path), fields);
            assert_eq!(response.status, 308, "{fields:?}: {response:?}");
            let location = response.header("location").unwrap();
            assert_eq!(location, format!("{ORIGIN}{path}"), "{fields:?}");
            assert!(response.leaves_cookies_alone());
        }
    }
    assert!(stage.app.requests().is_empty());
}

/// A handshake is a GET, and HEAD asks for the head of a GET.
#[test]
fn handshakes_and_heads_are_sent_to_https_as_pages_are() {
    let stage = behind_a_balancer("");
    let handshake = Request::get("/app/socket").websocket();
    for request in [handshake, Request::new("HEAD", "/app/socket")] {
        let response = send(&stage, request, IN_CLEAR[0]);
        assert_eq!(response.status, 308, "{response:?}");
        let location = response.header("location").unwrap();
        assert_eq!(location, format!("{ORIGIN}/app/socket"));
        assert!(response.body.is_empty());
    }
    assert!(stage.app.requests().is_empty());
}

#[test]
fn nothing_is_done_in_clear_text() {
    let stage = behind_a_balancer("");
    for fields in IN_CLEAR {
        for request in [
            login("alice@example.com", PASSWORD),
            Request::delete(SESSION),
            Request::post("/app/x").body("hello"),
        ] {
            let response = send(&stage, request, fields);
            assert_eq!(response.problem(403), "https_required", "{fields:?}");
            assert!(response.leaves_cookies_alone());
        }
    }
    assert!(stage.app.requests().is_empty());
    assert!(stage.app.backend_calls().is_empty());
}

#[test]
fn what_came_over_https_is_served() {
    for more in ["", "[server]\nredirect_https = true"] {
        let stage = behind_a_balancer(more);
        let fields: [&[(&str, &str)]; 4] = [
            &[("X-Forwarded-Proto", "https")],
            &[("X-Forwarded-Proto", "http, HTTPS")],
            &[("X-Forwarded-Proto", "https"), ("Forwarded", "proto=http")],
            &[("Forwarded", "proto=https")],
        ];
        for fields in fields {
            let response = send(&stage, Request::get("/app/x"), fields);
            assert_eq!(response.status, 200, "{fields:?}");
            let seen = stage.app.last_request();
            assert_eq!(seen.all("x-forwarded-proto"), ["https"], "{fields:?}");
            assert!(seen.all("forwarded").is_empty());
        }
    }
}

#[test]
fn strangers_are_not_believed_about_the_scheme() {
    let stage = Stage::with([&format!("[server]\npublic_origin = \"{ORIGIN}\"")]);
    let response = send(&stage, Request::get("/app/x"), IN_CLEAR[0]);
    assert_eq!(response.status, 200);
    let stage = Stage::with([&format!(
        "[server]\npublic_origin = \"{ORIGIN}\"\nredirect_https = true"
    )]);
    let https = [("X-Forwarded-Proto", "https")];
    let response = send(&stage, Request::get("/app/x"), &https);
    assert_eq!(response.status, 308);
}

#[test]
fn trusted_proxy_is_no_attacker() {
    let stage = behind_a_balancer("");
    let expected = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Host", "app.example.com"),
        ("X-Forwarded-Server", "balancer-1"),
        ("X-Forwarded-Prefix", "/app"),
        ("X-Forwarded-Scheme", "https"),
        ("X-Scheme", "https"),
        ("X-Original-Forwarded-For", "203.0.113.7"),
        ("X-Original-Host", "app.example.com"),
        ("X-Original-Proto", "https"),
        ("Via", "1.1 balancer"),
        ("Forwarded", "for=203.0.113.7;proto=https"),
        ("X-Real-IP", "203.0.113.7"),
        ("X-Request-Id", "of-the-balancer"),
        ("X-Nextjs-Data", "1"),
        ("X-Middleware-Prefetch", "1"),
        ("X-Nextjs-Request-Id", "1"),
    ];
    send(&stage, Request::get("/app/x"), &expected);
    let counted = |kind| {
        let labels = [("kind", kind)];
        stage.sum("sidgate_spoof_blocked_total", &labels)
    };
    for kind in ["forwarding", "framework", "rewrite"] {
        assert_eq!(counted(kind), 0.0, "{kind}");
    }
    assert!(stage.security_events().is_empty());
    let seen = stage.app.only_request();
    assert!(seen.all("x-real-ip").is_empty(), "removed all the same");
    assert!(seen.all("x-nextjs-request-id").is_empty());
    assert!(seen.all("x-original-host").is_empty());

    send(
        &stage,
        Request::get("/app/x"),
        &[("X-Session-User-Id", "root")],
    );
    assert_eq!(counted("identity"), 1.0);
}

#[test]
fn request_goes_by_the_name_that_the_balancer_gave_it() {
    let stage = behind_a_balancer("[server]\nrequest_id_from = \"trusted_proxies\"");
    let longest = "x".repeat(128);
    for id in ["Root=1-67891233-abcdef", "a", &longest] {
        let response = send(&stage, Request::get("/app/x"), &[("X-Request-Id", id)]);
        assert_eq!(response.header("x-request-id"), Some(id));
        assert_eq!(stage.app.last_request().all("x-request-id"), [id]);
    }
    for id in ["", "a b", "caf\u{e9}", &"x".repeat(129)] {
        let response = send(&stage, Request::get("/app/x"), &[("X-Request-Id", id)]);
        assert_ne!(response.header("x-request-id"), Some(id));
        assert_eq!(stage.app.last_request().all("x-request-id").len(), 1);
    }
    let twice = [("X-Request-Id", "one"), ("X-Request-Id", "two")];
    send(&stage, Request::get("/app/x"), &twice);
    let chosen = stage.app.last_request().header("x-request-id").unwrap();
    assert!(chosen != "one" && chosen != "two", "neither of two");
    until_true("the line", LONG, || {
        stage.stdout().contains("Root=1-67891233-abcdef")
    });
}

#[test]
fn nobody_else_names_requests() {
    let believing = "[server]\nrequest_id_from = \"trusted_proxies\"";
    let trusting = behind_a_balancer("");
    let unknown = Gateway::in_front_of(&trusting.app).with(believing).start();
    let of_unknown = unknown.host();
    for (gateway, host) in [
        (&trusting.gateway, "app.example.com"),
        (&unknown, &of_unknown),
    ] {
        let request = Request::get("/app/x")
            .header("Host", host)
            .header("X-Request-Id", "chosen");
        assert_eq!(gateway.send(&request).status, 200);
        assert_ne!(trusting.app.last_request().all("x-request-id"), ["chosen"]);
    }
}
