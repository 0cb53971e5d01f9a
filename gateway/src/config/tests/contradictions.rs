//! Settings that are fine alone and dangerous or pointless together.

use super::{CERT, Draft, KEY, KEY_A, Place};

/// Settings over the smallest file that make exactly one fault: of `key`, saying `hint`.
#[track_caller]
pub(super) fn refused(settings: &[(&str, &str)], key: &str, hint: &str) {
    let draft = settings
        .iter()
        .fold(Draft::minimal(), |draft, (key, value)| {
            draft.set(key, value)
        });
    place().one_fault(&draft.text(), key, hint);
}

#[track_caller]
pub(super) fn accepted(settings: &[(&str, &str)]) {
    let draft = settings
        .iter()
        .fold(Draft::minimal(), |draft, (key, value)| {
            draft.set(key, value)
        });
    place().good(&draft.text());
}

fn place() -> Place {
    Place::new()
        .env("TOKEN", &"t".repeat(32))
        .file("master.key", KEY_A)
        .file("cert.pem", CERT)
        .file("key.pem", KEY)
}

const HTTPS: (&str, &str) = ("server.public_origin", "\"https://app.test\"");
const INSECURE: (&str, &str) = ("cookie.secure", "false");

#[test]
fn a_cookie_without_secure_stays_on_this_machine() {
    accepted(&[INSECURE]);
    for origin in [
        "http://127.0.0.1:3000",
        "http://[::1]",
        "http://app.localhost:3000",
    ] {
        accepted(&[INSECURE, ("server.public_origin", &format!("{origin:?}"))]);
    }
    refused(
        &[INSECURE, HTTPS],
        "cookie.secure",
        "http on a loopback name",
    );
    for origin in [
        "http://app.test",
        "http://localhost.app.test",
        "https://localhost:3000",
    ] {
        let origin = ("server.public_origin", format!("{origin:?}"));
        refused(
            &[INSECURE, (origin.0, &origin.1)],
            "cookie.secure",
            "http on a loopback name",
        );
    }
}

#[test]
fn a_cookie_prefix_and_same_site_none_need_secure() {
    for name in ["__Host-sid", "__Secure-sid", "__HOST-sid"] {
        refused(
            &[INSECURE, ("cookie.name", &format!("{name:?}"))],
            "cookie.name",
            "needs secure",
        );
        accepted(&[("cookie.name", &format!("{name:?}"))]);
    }
    refused(
        &[INSECURE, ("cookie.same_site", "\"none\"")],
        "cookie.same_site",
        "needs secure",
    );
    accepted(&[("cookie.same_site", "\"none\"")]);
}

#[test]
fn the_admin_listener_is_not_open_to_everybody() {
    for address in ["0.0.0.0:9901", "[::]:9901", "10.1.2.3:9901"] {
        let listen = format!("{address:?}");
        refused(
            &[("server.admin_listen", &listen)],
            "admin.token",
            "not loopback",
        );
        accepted(&[
            ("server.admin_listen", &listen),
            ("admin.token", "\"${TOKEN}\""),
        ]);
    }
    accepted(&[("server.admin_listen", "\"[::1]:9901\"")]);
}

#[test]
fn listeners_do_not_share_an_address() {
    let both = "\"127.0.0.1:3000\"";
    refused(
        &[("server.admin_listen", both)],
        "server.admin_listen",
        "already taken by server.listen[0]",
    );
    refused(
        &[("server.listen", "[\"0.0.0.0:9901\"]")],
        "server.admin_listen",
        "already taken by server.listen[0]",
    );
    refused(
        &[("server.listen", "[\"127.0.0.1:80\", \"0.0.0.0:80\"]")],
        "server.listen",
        "server.listen[1] is already taken by server.listen[0]",
    );
    let tls = [
        ("server.tls.cert", "\"cert.pem\""),
        ("server.tls.key", "\"key.pem\""),
        ("server.tls.listen", "[\"127.0.0.1:3000\"]"),
    ];
    refused(
        &tls,
        "server.tls.listen",
        "server.tls.listen[0] is already taken by server.listen[0]",
    );
    accepted(&[(
        "server.listen",
        "[\"127.0.0.1:80\", \"127.0.0.2:80\", \"[::1]:80\", \"127.0.0.1:0\"]",
    )]);
}

#[test]
fn tls_needs_certificate_key_and_listener() {
    let cert = ("server.tls.cert", "\"cert.pem\"");
    let key = ("server.tls.key", "\"key.pem\"");
    accepted(&[cert, key, ("server.listen", "[]")]);
    refused(&[cert], "server.tls.key", "missing");
    refused(&[key], "server.tls.cert", "missing");
    refused(
        &[key, ("server.tls.cert", "\"gone.pem\"")],
        "server.tls.cert",
        "cannot be opened",
    );
    refused(
        &[cert, key, ("server.tls.listen", "[]")],
        "server.tls.listen",
        "is empty",
    );
    refused(
        &[("server.listen", "[]")],
        "server.listen",
        "is empty and there is no [server.tls]",
    );
}

#[test]
fn redirect_https_needs_somewhere_to_go() {
    let redirect = ("server.redirect_https", "true");
    refused(&[redirect], "server.redirect_https", "is not https");
    accepted(&[redirect, HTTPS]);
}

#[test]
fn timeouts_fit_into_each_other() {
    refused(
        &[("session.idle_timeout", "\"25h\"")],
        "session.idle_timeout",
        "session.absolute_timeout (1d)",
    );
    let short = ("session.absolute_timeout", "\"1m\"");
    refused(
        &[short, ("cache.local_ttl", "\"2m\"")],
        "cache.local_ttl",
        "session.absolute_timeout (1m)",
    );
    accepted(&[short]);
}

#[test]
fn cookies_fit_into_the_header_block() {
    refused(
        &[("edge.max_header_bytes", "8191")],
        "edge.max_cookie_bytes",
        "edge.max_header_bytes (8191)",
    );
    accepted(&[("edge.max_header_bytes", "8192")]);
}

#[test]
fn the_login_page_needs_no_login() {
    let required = ("routes[].session", "\"required\"");
    refused(&[required], "server.login_url", "nobody could log in");
    refused(
        &[required, ("routes[].on_missing", "\"redirect\"")],
        "server.login_url",
        "nobody could log in",
    );
    accepted(&[required, ("routes[].on_missing", "\"unauthorized\"")]);
    accepted(&[required, ("routes[].path", "\"/app\"")]);
    let inside = ("server.login_url", "\"/api/auth/login\"");
    refused(&[inside], "server.login_url", "inside endpoints.base_path");
}

#[test]
fn migration_can_tell_old_from_new() {
    let on = ("migration.mode", "\"on\"");
    let credentials = ("migration.credentials", "[\"old\"]");
    accepted(&[on, credentials]);
    accepted(&[credentials]);
    refused(&[on], "migration.credentials", "nothing to migrate");
    refused(
        &[("migration.rollback_reissue", "true")],
        "migration.rollback_reissue",
        "which cookies are to return",
    );
    refused(
        &[credentials, ("migration.reissue_readable", "[\"other\"]")],
        "migration.reissue_readable",
        "not among migration.credentials",
    );
    refused(
        &[("migration.mode", "\"shadow\"")],
        "migration.credentials",
        "nothing to migrate",
    );
    refused(
        &[("migration.credentials", "[\"sid\"]")],
        "migration.credentials",
        "the cookie of the session itself",
    );
    for pattern in ["[\"sid\"]", "[\"s*\"]"] {
        refused(
            &[("migration.companions", pattern)],
            "migration.companions",
            "the cookie of the session itself",
        );
    }
    refused(
        &[("migration.clear_paths", "[]")],
        "migration.clear_paths",
        "nothing could be cleared",
    );
    refused(
        &[on, credentials, ("migration.tombstone_ttl", "\"23h\"")],
        "migration.tombstone_ttl",
        "an ended session could come back",
    );
}

#[test]
fn the_app_sees_companions_but_no_credential() {
    let companions = ("migration.companions", "[\"dott_*\", \"step\"]");
    let credentials = ("migration.credentials", "[\"dott_auth\"]");
    let seen = |pattern| ("migration.companions_passthrough", pattern);
    for pattern in ["[\"step\"]", "[\"dott_x\", \"dott_y*\"]"] {
        accepted(&[companions, credentials, seen(pattern)]);
    }
    let key = "migration.companions_passthrough";
    for pattern in ["[\"dott_auth\"]", "[\"dott_*\"]"] {
        refused(
            &[companions, credentials, seen(pattern)],
            key,
            "matches a credential",
        );
    }
    for pattern in ["[\"other\"]", "[\"dot*\"]", "[\"step*\"]"] {
        refused(
            &[companions, seen(pattern)],
            key,
            "is not among migration.companions",
        );
    }
}

#[test]
fn a_route_says_nothing_without_meaning() {
    for session in ["\"optional\"", "\"none\""] {
        let session = ("routes[].session", session);
        refused(
            &[session, ("routes[].on_missing", "\"auto\"")],
            "routes[0].on_missing",
            "\"required\"",
        );
    }
    let pass = ("routes[].on_unknown", "\"pass\"");
    accepted(&[pass]);
    let none = ("routes[].session", "\"none\"");
    refused(&[none, pass], "routes[0].on_unknown", "\"optional\"");
    let required = [
        ("routes[].session", "\"required\""),
        ("routes[].path", "\"/app\""),
    ];
    refused(
        &[required[0], required[1], pass],
        "routes[0].on_unknown",
        "\"optional\"",
    );
    refused(
        &[none, ("routes[].max_stale", "\"1s\"")],
        "routes[0].max_stale",
        "session = \"none\"",
    );
    accepted(&[none, ("routes[].max_stale", "\"0s\"")]);
}

#[test]
fn a_header_of_the_identity_comes_from_the_gateway_alone() {
    let header = ("identity.headers.X-Session-Token", "\"user.email\"");
    let passed = ("edge.passthrough_headers", "[\"x-session-token\"]");
    accepted(&[passed]);
    refused(
        &[header, passed],
        "edge.passthrough_headers",
        "which identity.headers fills",
    );
}

#[test]
fn a_marker_is_no_cookie_that_means_something() {
    const KEY: &str = "upstreams.django.cookie_marker";
    let old = [
        ("migration.mode", "\"on\""),
        ("migration.credentials", "[\"old_login\"]"),
        ("migration.companions", "[\"old_*\"]"),
    ];
    let with = |name| [&old[..], &[(KEY, name)]].concat();
    accepted(&with("\"sidgate\""));
    accepted(&with("\"\""));
    refused(&with("\"sid\""), KEY, "cookie of the session");
    for name in ["\"old_login\"", "\"old_thing\""] {
        refused(&with(name), KEY, "old system");
    }
    for name in ["\"__Host-sidgate\"", "\"__secure-x\""] {
        refused(&with(name), KEY, "prefix");
    }
    for name in ["\"a b\"", "\"a=b\"", "\"$a\""] {
        refused(&with(name), KEY, "cookie name");
    }
}

#[test]
fn a_contradiction_is_not_told_of_a_faulty_value() {
    let draft = Draft::minimal()
        .set("session.absolute_timeout", "\"soon\"")
        .set("session.idle_timeout", "\"48h\"")
        .set("cookie.secure", "\"no\"")
        .set("cookie.name", "\"__Host-sid\"");
    let faults = place().bad(&draft.text());
    let keys: Vec<_> = faults
        .iter()
        .filter_map(|fault| fault.split(':').next())
        .collect();
    assert_eq!(keys, ["cookie.secure", "session.absolute_timeout"]);
}

#[test]
fn several_contradictions_come_at_once() {
    let draft = Draft::minimal()
        .set("server.redirect_https", "true")
        .set("server.admin_listen", "\"0.0.0.0:9901\"")
        .set("session.idle_timeout", "\"48h\"")
        .set("migration.companions_passthrough", "[\"a\", \"b\"]");
    assert_eq!(place().bad(&draft.text()).len(), 5);
}

#[test]
fn everybody_is_trusted_only_by_those_who_insist() {
    for network in ["0.0.0.0/0", "::/0", "::ffff:0:0/96", "::/8"] {
        let trusted = format!("[\"{network}\"]");
        let settings = [("server.trusted_proxies", trusted.as_str())];
        refused(&settings, "server.trusted_proxies", "name the proxies");

        let draft = Draft::minimal().set("server.trusted_proxies", &trusted);
        let config = place().good(&draft.set("insecure.trust_everybody", "true").text());
        let warned = |line: &String| line.starts_with("insecure.trust_everybody: ");
        assert!(config.advice().iter().any(warned), "{network}");
    }
    for halves in [
        r#"["0.0.0.0/1", "10.0.0.0/8", "128.0.0.0/1"]"#,
        r#"["::/1", "8000::/1"]"#,
    ] {
        refused(
            &[("server.trusted_proxies", halves)],
            "server.trusted_proxies",
            "name the proxies",
        );
    }
}
