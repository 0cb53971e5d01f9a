//! An app logs people in and out by events that it sends past the edge.

use serde_json::{Value, json};
use sidgate_testkit::client::Connection;
use sidgate_testkit::edge::Edge;
use sidgate_testkit::{Reply, Request};

use super::stage::Edged;

/// From now on the app answers `path` with the cookies that the gateway gives it for these events.
fn says(edged: &Edged, path: &str, events: Value) {
    let (authz, host) = (edged.authz, edged.stage.host());
    edged.stage.on(path, move |exchange| {
        let got = |name: &str| exchange.received.header(name).unwrap_or_default();
        let token = exchange.sign(&exchange.event_claims(&events));
        let question = Request::post("/authz/event")
            .header("X-Session-Event", &token)
            .header("X-Session-Assertion", &got("x-session-assertion"))
            .header("X-Request-Id", &got("x-request-id"))
            .header("X-Forwarded-Host", &got("host"))
            .header("X-Forwarded-For", &got("x-forwarded-for"))
            .header("User-Agent", &got("user-agent"));
        let mut connection = Connection::open(([127, 0, 0, 1], authz).into());
        connection.write(&question.bytes(&host));
        let answer = connection.read(false);
        assert_eq!(answer.status, 204, "{answer:?}");
        let cookies = answer.all("set-cookie");
        let fields: Vec<_> = cookies
            .into_iter()
            .map(|cookie| ("Set-Cookie", cookie))
            .collect();
        Reply::new(200, &fields, "done")
    });
}

pub(super) fn an_app_logs_in_and_out(edge: Edge) {
    let edged = Edged::start(edge);
    says(
        &edged,
        "/login",
        json!([{"type": "login", "identity": {"user": {"id": "bob", "email": "bob@example.com"}}}]),
    );
    says(
        &edged,
        "/logout",
        json!([{"type": "logout", "scope": "all"}]),
    );
    let login = Request::post("/login")
        .header("User-Agent", "Mozilla/5.0 Firefox/140.0")
        .body("x=1");
    let sid = edged.send(&login).must_be(200).new_sid();
    edged.get_as(&sid, "/required").must_be(200);
    assert_eq!(edged.stage.app.last_request().user().unwrap(), "bob");
    let other = edged.send(&login).must_be(200).new_sid();
    let out = edged.get_as(&other, "/logout").must_be(200);
    assert!(out.clears_the_sid(), "{out:?}");
    for sid in [sid, other] {
        let request = Request::get("/required")
            .sid(&sid)
            .header("Accept", "application/json");
        assert_eq!(edged.send(&request).status, 401);
    }
}
