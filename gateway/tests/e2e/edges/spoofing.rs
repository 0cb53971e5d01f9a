//! The vectors of categories A and B, sent to an edge. Whatever the edge makes of them: an app never sees an identity that the
//! gateway did not give for that request.

use sidgate_policy::edge::headers::{Reserved, reserved};
use sidgate_testkit::edge::{Edge, RunningEdge};
use sidgate_testkit::upstream::Received;
use sidgate_testkit::{Request, h2};

use super::stage::Edged;
use crate::authz::asking::{NAMES, OWN_SITE};
use crate::vectors::case::{Case, File};
use crate::vectors::sent::Sent;

pub(super) fn headers_of_category_a(edge: Edge) {
    run(edge, include_str!("../../vectors/a-headers.toml"));
}

pub(super) fn cookies_of_category_b(edge: Edge) {
    run(edge, include_str!("../../vectors/b-cookies.toml"));
}

fn run(edge: Edge, text: &str) {
    let file: File = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    let edged = Edged::with(edge, &file.config);
    let by_h2 = RunningEdge::start_for_h2(edge, &edged.stage.gateway);
    let send = |sent: &Sent<'_>| {
        if sent.case.h2.is_none() {
            edged.exchange(&sent.h1_bytes());
        }
        if sent.case.h1.is_none() {
            let (fields, body) = sent.h2_fields();
            h2::send_by(&by_h2.h2(), &fields, body.as_deref());
        }
    };
    send_all(&edged, &file.cases, send, check);
}

/// Sends every vector that says nothing of an answer, and looks at all that the app has received.
pub(super) fn send_all<'c>(
    edged: &Edged,
    cases: impl IntoIterator<Item = &'c Case>,
    send: impl Fn(&Sent<'_>),
    check: impl Fn(&Edged, &Received) -> Result<(), String>,
) {
    let values = values(edged);
    let (mut failures, mut received) = (Vec::new(), 0);
    for case in cases.into_iter().filter(|case| case.reply.is_none()) {
        for (id, values) in case.instances(&values) {
            let before = edged.stage.app.requests().len();
            send(&Sent {
                case,
                id: &id,
                values,
            });
            let seen = edged.stage.app.requests().split_off(before);
            received += seen.len();
            for seen in seen {
                failures.extend(check(edged, &seen).err().map(|why| format!("{id}: {why}")));
            }
        }
    }
    assert!(received > 0, "nothing reached the app");
    assert!(
        failures.is_empty(),
        "{} of {received}:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

/// By these other gateways tell apps who somebody is.
const PEOPLE: [&str; 5] = [
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
];

/// Names that are in no vector.
pub(super) fn people_of_other_gateways(edge: Edge) {
    let edged = Edged::start(edge);
    let sid = edged.stage.log_in("alice@example.com");
    for name in PEOPLE {
        let before = edged.stage.app.requests().len();
        edged.send(&Request::get("/page").sid(&sid).header(name, "root"));
        for seen in edged.stage.app.requests().split_off(before) {
            check(&edged, &seen).unwrap();
        }
    }
}

/// A handshake over HTTP/2 (RFC 8441) has no key. What another site opens is refused all the same.
pub(super) fn handshakes_over_h2(edge: Edge) {
    let edged = Edged::with(edge, OWN_SITE);
    let by_h2 = RunningEdge::start_for_h2(edge, &edged.stage.gateway);
    let sid = edged.stage.log_in("alice@example.com");
    let seen = |origin: &str| {
        let before = edged.stage.app.requests().len();
        let (host, cookie) = (edged.stage.host(), format!("sid={sid}"));
        let fields = [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/own/socket"),
            (":authority", &host),
            ("origin", origin),
            ("sec-websocket-version", "13"),
            ("cookie", &cookie),
        ];
        let fields = fields.map(|(name, value)| (name.into(), value.into()));
        h2::send_by(&by_h2.h2(), &fields, None);
        edged.stage.app.requests().split_off(before)
    };
    let evil = seen("https://evil.test");
    assert!(evil.is_empty(), "{evil:?}");
    let own = seen(&edged.stage.origin());
    // The others open none of them.
    if edge == Edge::Haproxy {
        assert_eq!(own.len(), 1);
        assert_eq!(own[0].user().unwrap(), "alice");
    }
}

fn values(edged: &Edged) -> Vec<(&'static str, String)> {
    let [alice, bob] =
        ["alice@example.com", "bob@example.com"].map(|email| edged.stage.log_in(email));
    vec![
        ("host", edged.stage.host()),
        ("port", edged.stage.public_port().to_string()),
        ("origin", edged.stage.origin()),
        ("N", "sid".to_owned()),
        ("sid", alice),
        ("bob", bob),
    ]
}

/// What an app has received: one identity or none, which is that of a signed assertion, and nothing else that pretends to be one.
fn check(edged: &Edged, seen: &Received) -> Result<(), String> {
    let told = |name: &str| {
        let all = seen.all(name);
        match all.as_slice() {
            [] => Ok(String::new()),
            [one] => Ok(one.clone()),
            _ => Err(format!("{name} stands there {} times: {all:?}", all.len())),
        }
    };
    let assertion = told("x-session-assertion")?;
    let (state, user) = (told("x-session-state")?, told("x-session-user-id")?);
    if assertion.is_empty() {
        let nobody = state.is_empty() && user.is_empty();
        return nobody
            .then_some(())
            .ok_or(format!("{state} {user} without an assertion"));
    }
    let claims = edged.stage.app.assertion_in(seen);
    let (claimed, subject) = (claims["state"].as_str(), claims["sub"].as_str());
    if claimed != Some(&*state) || subject.unwrap_or_default() != user {
        return Err(format!("{state} {user}, and the assertion says {claims}"));
    }
    for (name, value) in seen.headers() {
        let name = name.to_ascii_lowercase();
        let kind = reserved(&name);
        let pretends = matches!(
            kind,
            Some(Reserved::Identity | Reserved::RemoteUser | Reserved::Proxy)
        );
        let names_somebody = PEOPLE.contains(&&*name);
        let pretends = pretends || names_somebody;
        let is_ours = NAMES.contains(&&*name) || name == "x-sidgate-hop";
        let is_odd = name
            .bytes()
            .any(|byte| !byte.is_ascii_alphanumeric() && byte != b'-');
        if (pretends && !is_ours && !value.is_empty())
            || (is_odd
                && reserved(&name.replace(|c: char| !c.is_ascii_alphanumeric(), "-")).is_some())
        {
            return Err(format!("{name}: {value}"));
        }
        if NAMES.contains(&&*name) && (value == "root" || value == "mallory") {
            return Err(format!("{name}: {value}"));
        }
    }
    let cookies = told("cookie")?;
    let is_ours = |pair: &str| pair.trim().starts_with("sid=");
    if cookies.split(';').any(is_ours) {
        return Err(format!("our cookie in {cookies:?}"));
    }
    Ok(())
}
