//! What reaches the app and the visitor.

use sidgate_testkit::client::Connection;
use sidgate_testkit::edge::Edge;
use sidgate_testkit::wait::{LONG, until};
use sidgate_testkit::{Reply, Request, SESSION};

use super::stage::Edged;
use crate::authz::asking::OWN_SITE;

pub(super) fn the_app_is_told(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    edged.get("/page?x=%20y").must_be(200);
    let seen = edged.stage.app.last_request();
    assert_eq!(seen.request_line(), "GET /page?x=%20y");
    assert_eq!(seen.state(), "anonymous");
    assert_eq!(seen.user().unwrap_or_default(), "");
    let request = Request::get("/required").header("Cookie", &format!("a=1; sid={sid}; b=2"));
    edged.send(&request).must_be(200);
    let seen = edged.stage.app.last_request();
    assert_eq!(seen.state(), "active");
    assert_eq!(seen.user().unwrap(), "alice");
    assert_eq!(seen.header("x-session-email").unwrap(), "alice@example.com");
    assert_eq!(seen.header("cookie").unwrap(), "a=1; b=2");
    assert_eq!(seen.header("host").unwrap(), edged.stage.host());
    assert_eq!(edged.stage.app.assertion_in(&seen)["sub"], "alice");
    assert_eq!(seen.header("x-request-id").unwrap().split('.').count(), 3);
    assert_ne!(seen.header("x-forwarded-for").unwrap(), "");
    edged.get_as(&sid, "/none").must_be(200);
    let seen = edged.stage.app.last_request();
    assert_eq!(
        (&*seen.state(), &*seen.user().unwrap_or_default()),
        ("none", "")
    );
    assert_eq!(seen.header("cookie").unwrap_or_default(), "");
}

pub(super) fn a_body_arrives_intact(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    let body: Vec<u8> = (0..150_000_u32).flat_map(u32::to_le_bytes).collect();
    let request = Request::post("/required/form?x=1")
        .sid(&sid)
        .header("Content-Type", "application/octet-stream")
        .body(body.clone());
    edged.send(&request).must_be(200);
    let seen = edged.stage.app.last_request();
    assert_eq!(seen.request_line(), "POST /required/form?x=1");
    assert_eq!(seen.user().unwrap(), "alice");
    assert!(seen.body == body, "{} bytes", seen.body.len());
}

pub(super) fn refusals_reach_the_visitor(edge: Edge) {
    let edged = Edged::with(edge, OWN_SITE);
    let call = Request::get("/required/x").header("Accept", "application/json");
    let told = edged.send(&call);
    assert_eq!(told.status, 401, "{told:?}");
    assert_eq!(told.json()["code"], "unauthenticated", "{told:?}");
    let page = edged.send(&Request::get("/required/x?y=1").navigation());
    assert_eq!(page.status, 303, "{page:?}");
    let location = page.header("location").unwrap();
    assert!(
        location.ends_with("/login?next=/required/x%3Fy%3D1"),
        "{location}"
    );
    let other = Request::post("/own")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Origin", "https://evil.test")
        .body("a=1");
    let status = edged.send(&other).status;
    assert_eq!(status, 403);
    let twice = edged.send(&Request::get("/page").header("Cookie", "sid=a; sid=b"));
    assert_eq!(twice.status, 400, "{twice:?}");
    for name in [
        "x-session-user-id",
        "x-session-assertion",
        "x-sidgate-cookie",
    ] {
        assert_eq!(told.header(name), None, "{told:?}");
    }
    assert!(
        edged
            .stage
            .app
            .requests()
            .iter()
            .all(|seen| !seen.target().starts_with("/required"))
    );
}

pub(super) fn a_sid_is_renewed(edge: Edge) {
    let edged = Edged::with(edge, "[session]\nrotate_every = \"1s\"");
    edged.stage.on("/page", |_| {
        Reply::new(
            200,
            &[
                ("Set-Cookie", "own=1; Path=/"),
                ("X-Session-Event", "x.y.z"),
            ],
            "page",
        )
    });
    let sid = edged.stage.log_in("alice@example.com");
    let answer = until("a new sid", LONG, || {
        let answer = edged.get_as(&sid, "/page").must_be(200);
        (answer.all("set-cookie").len() > 1).then_some(answer)
    });
    assert_eq!(answer.header("x-session-event"), None, "{answer:?}");
    let cookies = answer.all("set-cookie");
    assert!(cookies.contains(&"own=1; Path=/"), "{cookies:?}");
    let next = cookies
        .iter()
        .find_map(|cookie| cookie.strip_prefix("sid="))
        .unwrap();
    let next = next.split(';').next().unwrap();
    assert!(next.len() == 36 && next != sid);
    // Traefik has no way to copy it.
    let is_kept_private = |value: &&str| value.contains("no-store");
    let told = answer.all("cache-control");
    assert!(
        told.iter().any(is_kept_private) || edge == Edge::Traefik,
        "{answer:?}"
    );
    edged.get_as(next, "/required").must_be(200);
}

pub(super) fn websockets(edge: Edge) {
    let edged = Edged::with(edge, OWN_SITE);
    let sid = edged.stage.log_in("alice@example.com");
    edged.stage.on("/required/socket", |_| {
        Reply::Open(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
              Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
                .to_vec(),
        )
    });
    let mut connection = Connection::open(edged.edge.address());
    let request = Request::get("/required/socket")
        .sid(&sid)
        .websocket()
        .header("Origin", &edged.stage.origin());
    connection.write(&request.bytes(&edged.stage.host()));
    assert_eq!(connection.read(false).status, 101);
    let seen = edged.stage.app.last_request();
    assert_eq!(seen.user().unwrap(), "alice");
    assert!(
        seen.header("upgrade")
            .unwrap()
            .eq_ignore_ascii_case("websocket")
    );
    let refused = edged.send(&Request::get("/required/socket").websocket());
    assert_eq!(refused.status, 401, "{refused:?}");
    let other = Request::get("/own/socket").sid(&sid).websocket();
    let refused = edged.send(&other.header("Origin", "https://evil.test"));
    assert_eq!(refused.status, 403, "{refused:?}");
}

pub(super) fn nothing_is_known(edge: Edge) {
    let mut edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    edged.get_as(&sid, "/required").must_be(200);
    let before = edged.stage.app.requests().len();
    edged.stage.stop();
    for request in [
        Request::get("/required").sid(&sid),
        Request::get("/page"),
        Request::get("/none"),
    ] {
        let answer = edged.send(&request);
        // Traefik calls it an error of its own.
        let expected = if edge == Edge::Traefik { 500 } else { 503 };
        assert_eq!(answer.status, expected, "{answer:?}");
        assert!(answer.leaves_cookies_alone(), "{answer:?}");
    }
    assert_eq!(edged.stage.app.requests().len(), before);
}

/// What the gateway says while nothing can be served.
pub(super) fn an_outage_is_told(edge: Edge) {
    let edged = Edged::with(edge, "[maintenance]\non = true\nretry_after = \"90s\"");
    let answer = edged.get("/page");
    assert_eq!(answer.status, 503, "{answer:?}");
    // Over HTTP Envoy takes every 5xx for an outage of the gateway itself, and answers by itself.
    if edge != Edge::EnvoyHttp {
        assert_eq!(answer.header("retry-after"), Some("90"));
        assert_eq!(answer.json()["code"], "maintenance", "{answer:?}");
    }
    assert!(edged.stage.app.requests().is_empty());
}

/// The lines of the seed, through the edge.
pub(super) fn endpoints_are_reached(edge: Edge) {
    let edged = Edged::start(edge);
    let anonymous = edged.get(SESSION).must_be(200).json();
    assert_eq!(anonymous["authenticated"], false);
    let login =
        sidgate_testkit::gateway::login("alice@example.com", sidgate_testkit::app::PASSWORD);
    let sid = edged.send(&login).must_be(201).new_sid();
    let view = edged.get_as(&sid, SESSION).must_be(200).json();
    assert_eq!(view["user"]["id"], "alice");
    edged.get_as(&sid, "/required").must_be(200);
    // Logout everywhere ends it for the edge as well, within the bound: the answer waits for all nodes.
    let everywhere = edged.send(&Request::delete("/api/auth/sessions?scope=all").sid(&sid));
    assert!(everywhere.status < 300, "{everywhere:?}");
    let refused = edged.send(
        &Request::get("/required")
            .sid(&sid)
            .header("Accept", "application/json"),
    );
    assert_eq!(refused.status, 401, "{refused:?}");
    // Nobody gets past by naming a path of ours.
    let private = edged.get("/__sidgate__/introspect");
    assert_eq!(private.status, 404, "{}: {private:?}", edged.name());
}
