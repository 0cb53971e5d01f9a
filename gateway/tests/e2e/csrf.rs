//! Other sites that make a browser log in or out. Catalogue: category E; the cases that need no story
//! of their own are in `vectors/e-sites.toml`.

use sidgate_testkit::app::{NAME, PASSWORD};
use sidgate_testkit::{Gateway, Request, SESSION, Stage, login};

/// Fields that browsers send from elsewhere.
fn from_elsewhere(gateway: &Gateway) -> Vec<Vec<(&'static str, String)>> {
    let port = gateway.public_port();
    let origin = |origin: String| vec![("Origin", origin)];
    let site = |site: &str| vec![("Sec-Fetch-Site", site.to_owned())];
    vec![
        site("cross-site"),
        site("same-site"),
        site("rubbish"),
        vec![
            ("Sec-Fetch-Site", "cross-site".to_owned()),
            ("Origin", gateway.origin()),
        ],
        origin("null".to_owned()),
        origin(format!("http://localhost.evil.example:{port}")),
        origin(format!("https://localhost:{port}")),
        origin("http://localhost:1".to_owned()),
        origin("http://localhost".to_owned()),
    ]
}

/// Fields that say the request was meant.
fn from_here(gateway: &Gateway) -> Vec<Vec<(&'static str, String)>> {
    vec![
        vec![],
        vec![("Sec-Fetch-Site", "same-origin".to_owned())],
        vec![("Sec-Fetch-Site", "none".to_owned())],
        vec![("Origin", gateway.origin())],
    ]
}

fn add(request: Request, fields: &[(&str, String)]) -> Request {
    fields.iter().fold(request, |request, (name, value)| {
        request.header(name, value)
    })
}

#[test]
fn login_from_another_site_is_refused_before_the_backend_is_asked() {
    let stage = Stage::start();
    for fields in from_elsewhere(&stage) {
        let request = add(login("alice@example.com", PASSWORD), &fields);
        let response = stage.send(&request);
        assert_eq!(response.problem(403), "cross_site", "{fields:?}");
        assert!(response.leaves_cookies_alone(), "{fields:?}");
    }
    assert!(stage.app.backend_calls().is_empty());
}

#[test]
fn login_from_here_is_allowed() {
    let stage = Stage::start();
    for fields in from_here(&stage) {
        let request = add(login("alice@example.com", PASSWORD), &fields);
        assert_eq!(stage.send(&request).status, 201, "{fields:?}");
    }
}

#[test]
fn logout_from_another_site_is_refused_and_the_session_lives() {
    let (stage, sid) = Stage::start().and_alice();
    for fields in from_elsewhere(&stage) {
        let request = add(Request::delete(SESSION).sid(&sid), &fields);
        let response = stage.send(&request);
        assert_eq!(response.problem(403), "cross_site", "{fields:?}");
        assert!(response.leaves_cookies_alone(), "{fields:?}");
    }
    assert!(stage.knows(&sid));
}

#[test]
fn logout_from_here_is_allowed() {
    let stage = Stage::start();
    for fields in from_here(&stage) {
        let sid = stage.log_in("alice@example.com");
        let request = add(Request::delete(SESSION).sid(&sid), &fields);
        assert_eq!(stage.send(&request).status, 204, "{fields:?}");
        assert!(!stage.knows(&sid), "{fields:?}");
    }
}

#[test]
fn asking_from_another_site_changes_nothing() {
    let (stage, sid) = Stage::start().and_alice();
    let request = Request::get(SESSION)
        .sid(&sid)
        .header("X-HTTP-Method-Override", "DELETE");

    assert_eq!(stage.send(&request).json()["authenticated"], true);

    assert!(stage.knows(&sid));
}

#[test]
fn endpoint_knows_three_methods() {
    let (stage, sid) = Stage::start().and_alice();
    for method in ["PUT", "PATCH"] {
        let response = stage.send(&Request::new(method, SESSION).sid(&sid));
        assert_eq!(response.problem(405), "method_not_allowed", "{method}");
        assert!(response.header("allow").is_some());
    }
    assert!(stage.knows(&sid));
    assert!(stage.app.requests().is_empty());
}

/// A handshake is a GET that opens a door for everything: no browser protects it from other sites (RFC 6455, 10.2).
#[test]
fn websocket_from_another_site_is_refused_where_the_route_checks() {
    let config = format!(
        "[[routes]]\npath = \"/checked\"\nupstream = \"{NAME}\"\nsession = \"optional\"\ncsrf = \"check\""
    );
    let (stage, sid) = Stage::with([&config]).and_alice();
    let handshake = |origin: &str| {
        Request::get("/checked")
            .sid(&sid)
            .websocket()
            .header("Origin", origin)
    };

    let response = stage.send(&handshake("https://evil.test"));
    assert_eq!(response.problem(403), "cross_site");
    assert!(stage.app.requests().is_empty());

    assert_eq!(stage.send(&handshake(&stage.origin())).status, 200);
}
