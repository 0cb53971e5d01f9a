//! `${NAME}` in the values of the file.

use super::{Draft, KEY_A, MINIMAL, Place, with};

/// Looks like nothing else that a fault could say.
const CANARY: &str = "Zx81Qv";

#[test]
fn every_value_may_hold_a_variable() {
    let place = Place::new()
        .env("PORT", "8080")
        .env("HOST", "App.Test")
        .env("WORD", "strict")
        .env("NUMBER", "3")
        .env("FLAG", "true")
        .env("TIME", "7m")
        .env("SIZE", "2MiB")
        .env("FIELD", "user.email")
        .file("master.key", KEY_A);
    let text = Draft::minimal()
        .set(
            "server.listen",
            "[\"0.0.0.0:${PORT}\", \"[::1]:${OTHER:-8081}\"]",
        )
        .set("server.public_origin", "\"https://${HOST}\"")
        .set("server.threads", "\"${NUMBER}\"")
        .set("server.redirect_https", "\"${FLAG}\"")
        .set("server.login_url", "\"/${WORD}/\"")
        .set("cookie.same_site", "\"${WORD}\"")
        .set("session.idle_timeout", "\"${TIME}\"")
        .set("edge.max_body_bytes", "\"${SIZE}\"")
        .set("edge.max_header_bytes", "\"${PORT}\"")
        .set("edge.max_cookie_bytes", "100")
        .set("identity.headers.X-Session-Mail", "\"${FIELD}\"")
        .set("upstreams.django.servers", "[\"${HOST}:${PORT}\"]")
        .set("routes[].path", "\"/${NUMBER}\"")
        .text();
    let config = place.good(&text);
    assert_eq!(config.server.listen[0].to_string(), "0.0.0.0:8080");
    assert_eq!(config.server.listen[1].to_string(), "[::1]:8081");
    assert_eq!(config.server.public_origin.to_string(), "https://app.test");
    assert_eq!(
        config.server.threads.map(std::num::NonZeroUsize::get),
        Some(3)
    );
    assert!(config.server.redirect_https);
    assert_eq!(config.edge.max_body_bytes, 2 << 20);
    assert_eq!(config.edge.max_header_bytes, 8080);
    assert_eq!(config.upstreams[0].servers[0].to_string(), "app.test:8080");
    assert_eq!(config.identity.headers[0].1.to_string(), "user.email");
}

#[test]
fn an_unset_variable_is_a_fault_of_its_key() {
    let place = Place::new().env("EMPTY", "");
    for (key, value, reported) in [
        ("server.listen", "[\"0.0.0.0:${NONE}\"]", "server.listen[0]"),
        ("server.threads", "\"${NONE}\"", "server.threads"),
        (
            "server.redirect_https",
            "\"${NONE}\"",
            "server.redirect_https",
        ),
        ("edge.max_body_bytes", "\"${NONE}\"", "edge.max_body_bytes"),
        ("cookie.name", "\"${NONE}\"", "cookie.name"),
        ("cookie.same_site", "\"${NONE}\"", "cookie.same_site"),
        (
            "identity.headers.X-Session-A",
            "\"${NONE}\"",
            "identity.headers.X-Session-A",
        ),
        (
            "upstreams.django.servers",
            "[\"${NONE}:1\"]",
            "upstreams.django.servers[0]",
        ),
    ] {
        place.one_fault(
            &with(key, value),
            reported,
            "environment variable NONE is not set",
        );
        let empty = value.replace("NONE", "EMPTY");
        place.one_fault(
            &with(key, &empty),
            reported,
            "environment variable EMPTY is not set",
        );
        let open = value.replace("NONE}", "NONE");
        place.one_fault(&with(key, &open), reported, "without its");
    }
}

#[test]
fn a_fault_shows_the_file_and_not_the_variable() {
    for value in [
        CANARY.to_owned(),
        format!("http://{CANARY}.test:80/x"),
        format!("{CANARY}:99999"),
        format!("*.{CANARY}"),
        format!("/{CANARY}/*"),
        format!("unix:/{CANARY}"),
        format!("https://{CANARY}"),
        format!("{CANARY} "),
    ] {
        let place = Place::new().env("V", &value).file("master.key", KEY_A);
        for key in [
            "server.listen",
            "server.admin_listen",
            "server.public_origin",
            "server.hosts",
            "server.login_url",
            "server.trusted_proxies",
            "server.threads",
            "server.redirect_https",
            "server.drain_timeout",
            "cookie.name",
            "cookie.same_site",
            "edge.max_body_bytes",
            "edge.passthrough_headers",
            "identity.headers.X-Session-A",
            "upstreams.django.servers",
            "backend.upstream",
            "routes[].path",
            "routes[].upstream",
            "routes[].cors_origins",
            "login_limits.per_client",
            "migration.clear_domains",
            "admin.claim",
        ] {
            for written in ["\"${V}\"", "[\"${V}\"]", "[\"x${V}\"]", "\"${V}x\""] {
                let Err(faults) = place.load(&with(key, written)) else {
                    continue;
                };
                let shown = format!("{faults}").to_lowercase();
                let canary = CANARY.to_lowercase();
                assert!(
                    !shown.contains(&canary),
                    "{key} = {written}, V={value}: {shown}"
                );
            }
        }
    }
}

/// Rules between keys see what a variable stands for.
#[test]
fn a_contradiction_shows_the_variable_by_name() {
    let place = Place::new().env("V", CANARY).env("P", "/zx81qv");
    let text = Draft::minimal()
        .set("cookie.name", "\"${V}\"")
        .set("migration.credentials", "[\"${V}\"]");
    place.one_fault(&text.text(), "migration.credentials", "${V}");
    let text = Draft::minimal()
        .set("server.login_url", "\"${P}\"")
        .set("routes[].path", "\"${P}\"")
        .set("routes[].session", "\"required\"");
    let faults = place.bad(&text.text());
    assert!(
        faults.len() == 1 && !faults[0].contains("zx81qv"),
        "{faults:?}"
    );
}

#[test]
fn what_is_static_in_a_message_stays() {
    let place = Place::new()
        .env("T", "99h")
        .env("P", "70000")
        .env("N", "4000");
    place.one_fault(
        &with("server.drain_timeout", "\"${T}\""),
        "server.drain_timeout",
        "must be at most 1h",
    );
    place.one_fault(
        &with("server.threads", "\"${N}\""),
        "server.threads",
        "must be between 0 and 1024",
    );
    place.one_fault(
        &with("server.listen", "[\"0.0.0.0:${P}\"]"),
        "server.listen[0]",
        "\"0.0.0.0:${P}\" is not an address such as",
    );
}

#[test]
fn secrets_keep_their_stricter_rule() {
    let place = Place::new().env("A", KEY_A).env("HALF", &KEY_A[..20]);
    for value in ["x${A}", "${A:-x}", "$${A}", "${HALF}x"] {
        let faults = place.bad(&with("keys.master", &format!("{value:?}")));
        assert_eq!(faults.len(), 1, "{value}");
        assert!(!faults[0].contains(&KEY_A[..20]), "{faults:?}");
    }
    // The path of a file is no secret. What is wrong with it is told by its spelling in the file.
    let place = Place::new().file("master.key", KEY_A);
    let folder = place.path().display().to_string();
    let place = place.env("CREDENTIALS_DIRECTORY", &folder);
    place.good(&with(
        "keys.master",
        "\"file:${CREDENTIALS_DIRECTORY}/master.key\"",
    ));
    place.one_fault(
        &with(
            "keys.previous",
            "[\"file:${CREDENTIALS_DIRECTORY}/old.key\"]",
        ),
        "keys.previous[0]",
        "file ${CREDENTIALS_DIRECTORY}/old.key does not exist",
    );
    place.one_fault(
        &with("keys.previous", "[\"file:${NONE}/old.key\"]"),
        "keys.previous[0]",
        "environment variable NONE is not set",
    );
    let database = with("store.url", "\"sqlite:${CREDENTIALS_DIRECTORY}\"");
    place.one_fault(
        &database,
        "store.url",
        "file ${CREDENTIALS_DIRECTORY} is not a plain file",
    );
    // A reference in what a variable stands for is text.
    let place = Place::new().env("A", "${B}").env("B", "/x");
    place.one_fault(
        &with("server.login_url", "\"${A}\""),
        "server.login_url",
        "${A}",
    );
    let dollar = with("cookie.name", "\"a$${b\"");
    Place::new().one_fault(&dollar, "cookie.name", "is not a cookie name");
    Place::new().good(MINIMAL);
}
