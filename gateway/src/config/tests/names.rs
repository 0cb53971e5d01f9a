//! Names and paths: cookies, URL paths, headers, fields of an identity.

use super::super::{IdentityField, PathPrefix};
use super::{Draft, MINIMAL, Place, refuses, with};
use proptest::prelude::*;

#[test]
fn cookie_names() {
    refuses(
        "cookie.name",
        &[
            "", "a b", "a=b", "a;b", "$sid", "s\u{ef}d", "\"sid\"", "a,b", "a\tb",
        ],
    );
    refuses("migration.credentials", &["", "old*session=", "a b"]);
    refuses(
        "migration.companions",
        &["", "*", "a*b", "a**", "*a", "a b*"],
    );
    assert_eq!(
        Place::new()
            .good(&with("cookie.name", "\"a.b_c-d!\""))
            .cookie
            .name
            .as_str(),
        "a.b_c-d!"
    );
}

#[test]
fn url_paths() {
    let odd = [
        "",
        "x",
        "//",
        "//evil.test",
        "/a//b",
        "/./a",
        "/a/..",
        "/a/../b",
        "/%61",
        "/a?x",
        "/a#x",
        "/a;x",
        "/a\\b",
        "/a b",
        "/\u{e9}",
        "http://a.test/",
        "/a/*",
    ];
    refuses("server.login_url", &odd);
    refuses("routes[].path", &odd);
    refuses("endpoints.base_path", &odd);
    refuses("migration.clear_paths", &odd);
    refuses(
        "endpoints.base_path",
        &["/", "/__sidgate__", "/__sidgate__/x"],
    );
    refuses(
        "routes[].path",
        &[
            "/__sidgate__",
            "/__sidgate__/x/",
            "/api/auth",
            "/api/auth/sessions",
        ],
    );
    refuses("server.login_url", &["/__sidgate__/login"]);
    let draft = Draft::minimal()
        .set("endpoints.base_path", "\"/auth/\"")
        .set("server.login_url", "\"/accounts/login/\"")
        .set("routes[].path", "\"/api/auth/\"");
    let config = Place::new().good(&draft.text());
    assert_eq!(config.endpoints.base_path.as_str(), "/auth");
    assert_eq!(
        config.server.login_url, "/accounts/login/",
        "an app may insist on its slash"
    );
    assert_eq!(
        config.routes.iter().next().expect("a route").path.as_str(),
        "/api/auth"
    );
}

#[test]
fn identity_headers() {
    let config = Place::new().good(&format!(
        "{}[identity.headers]\nx-session-a = \"tenant_id\"\nX-Session-B = \"needs_onboarding\"\nX-SESSION-C1 = \"attributes.a.b-c\"\n",
        MINIMAL
    ));
    let shown: Vec<_> = config
        .identity
        .headers
        .iter()
        .map(|(name, field)| format!("{name}={field}"))
        .collect();
    let wanted = [
        "x-session-c1=attributes.a.b-c",
        "x-session-b=needs_onboarding",
        "x-session-a=tenant_id",
    ];
    assert_eq!(shown, wanted);
    assert_eq!(config.identity.headers[2].1, IdentityField::TenantId);
}

#[test]
fn identity_headers_that_mean_nothing() {
    let refused = |name: &str, field: &str, hint: &str| {
        let text = format!("{}[identity.headers]\n{name:?} = {field:?}\n", MINIMAL);
        let faults = Place::new().bad(&text);
        assert!(
            faults.len() == 1 && faults[0].contains(hint),
            "{name}: {faults:?}"
        );
    };
    for name in [
        "X-Email",
        "X-Session-",
        "X-Session",
        "X-Session-A_B",
        "X-Session-A B",
        "X-Session-\u{e9}",
        "",
    ] {
        refused(name, "user.email", "is named X-Session-");
    }
    for name in [
        "State",
        "Stale",
        "Id",
        "User-Id",
        "Tenant-Id",
        "Expires-At",
        "Assertion",
        "Event",
        "EVENT",
    ] {
        refused(&format!("X-Session-{name}"), "user.email", "itself defines");
    }
    for field in [
        "",
        "user",
        "user.",
        "user..a",
        "email",
        "tenant_id.x",
        "attributes.a b",
        "auth_hash",
        "attributes",
    ] {
        refused("X-Session-A", field, "is not \"tenant_id\"");
    }
    let twice = "[identity.headers]\nX-Session-A = \"user.a\"\nx-session-a = \"user.b\"\n";
    let faults = Place::new().bad(&format!("{}{twice}", MINIMAL));
    assert_eq!(
        faults,
        ["identity.headers.x-session-a: appears more than once; header names ignore case"]
    );
}

#[test]
fn passthrough_headers() {
    let config = Place::new().good(&with(
        "edge.passthrough_headers",
        "[\"X-Session-Token\", \"x-middleware-rewrite\"]",
    ));
    assert_eq!(
        config.edge.passthrough_headers[0].as_str(),
        "x-session-token"
    );
    refuses(
        "edge.passthrough_headers",
        &[
            "",
            "a b",
            "x_session_token",
            "x-session-state",
            "X-Session-User-Id",
            "x-session-assertion",
            "x-sidgate-request",
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "x-real-ip",
            "remote-user",
            "http-remote-user",
            "http-x-session-id",
            "proxy",
            "x-middleware-subrequest",
        ],
    );
}

#[test]
fn the_claim_of_the_dashboard() {
    for (text, wanted) in [
        ("is_admin", "attributes.is_admin"),
        ("user.is_staff", "user.is_staff"),
    ] {
        let config = Place::new().good(&with("admin.claim", &format!("{text:?}")));
        assert_eq!(config.admin.claim.expect("a claim").to_string(), wanted);
    }
    refuses(
        "admin.claim",
        &["tenant_id", "needs_onboarding", "a b", "email.x", "user."],
    );
    assert_eq!(
        Place::new().good(&with("admin.claim", "\"\"")).admin.claim,
        None
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_peace(text in "\\PC{0,40}|/?[a-z0-9./:\\[\\]@%*-]{0,40}") {
        let _ = IdentityField::parse(&text);
        if let Ok(path) = PathPrefix::parse(&text) {
            prop_assert_eq!(PathPrefix::parse(path.as_str()), Ok(path));
        }
    }
}
