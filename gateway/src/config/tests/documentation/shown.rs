//! `config show`: every key, no secret, and a file that means the same.

use super::super::super::Config;
use super::super::{CERT, Draft, KEY, KEY_A, Place};
use super::effects::EFFECTS;
use super::place;

fn shown(place: &Place, text: &str) -> String {
    place.good(text);
    let path = place.path().join("sidgate.toml");
    Config::effective(&path, &|name| place.env.get(name).cloned()).expect("a good file")
}

#[test]
fn what_is_shown_means_the_same() {
    let place = place();
    for (key, value, others) in EFFECTS {
        let name = key
            .replace("identity.headers.NAME", "identity.headers.X-Session-A")
            .replace("allow.NAME", "allow.tenant_id")
            .replace("NAME", "django");
        let draft = others
            .iter()
            .fold(Draft::minimal(), |draft, (key, value)| {
                draft.set(key, value)
            })
            .set(&name, value);
        let meant = format!("{:?}", place.good(&draft.text()));
        let shown = shown(&place, &draft.text());
        // What the page calls "not said" is the same as said.
        let again = format!("{:?}", place.good(&shown));
        assert_eq!(again, meant, "{key} = {value}\n{shown}");
    }
}

#[test]
fn defaults_and_names_are_shown() {
    let text = Draft::minimal()
        .set("identity.headers.\"X-Session-Email\"", "\"user.email\"")
        .set("session.tenants.\"a.b\".max_per_user", "3")
        .set("session.absolute_timeout", "\"1m\"")
        .text();
    let shown = shown(&Place::new().file("master.key", KEY_A), &text);
    for line in [
        "[server]",
        "listen = [\"127.0.0.1:3000\"]",
        "max_body_bytes = 10485760",
        "[identity.headers]",
        "X-Session-Email = \"user.email\"",
        "[session.tenants.\"a.b\"]",
        "max_per_user = 3",
        "[upstreams.django]",
        "[[routes]]",
        // No longer than the session.
        "local_ttl = \"1m\"",
        "idle_timeout = \"1m\"",
        "# rotate_every is not set",
    ] {
        let has_it = shown.lines().any(|shown| shown == line);
        assert!(has_it, "{line} in\n{shown}");
    }
    assert!(
        !shown.contains("[server.tls]") && !shown.contains("[risk"),
        "{shown}"
    );
}

#[test]
fn nothing_secret_is_shown() {
    const CANARY: &str = "hunter2-hunter2-hunter2-hunter2-hunter2";
    let place = Place::new()
        .env("KEY", KEY_A)
        .env("TOKEN", CANARY)
        .env("HOST", "db.test")
        .env("REDIS_URL", &format!("redis://u:{CANARY}@cache"))
        .file("c.pem", CERT)
        .file("k.pem", KEY);
    let text = Draft::minimal()
        .set("keys.master", "\"${KEY}\"")
        .set("admin.token", "\"${TOKEN}\"")
        .set(
            "store.url",
            &format!("\"postgres://u:{CANARY}@${{HOST}}/x\""),
        )
        .set(
            "risk.webhook_url",
            &format!("\"https://hook.test/{CANARY}\""),
        )
        .set("risk.webhook_secret", "\"${TOKEN}\"")
        .set("server.tls.cert", "\"c.pem\"")
        .set("server.tls.key", "\"k.pem\"")
        .set("server.hosts", "[\"${HOST}\"]")
        .text();
    let shown = shown(&place, &text);
    assert!(
        !shown.contains("hunter2") && !shown.contains(KEY_A),
        "{shown}"
    );
    for line in [
        "master = \"${KEY}\"",
        "token = \"${TOKEN}\"",
        "url = \"postgres://u:***@${HOST}/x\"",
        "redis_url = \"redis://u:***@cache\"",
        "webhook_url = \"https://hook.test/***\"",
        "hosts = [\"db.test\"]",
        "[server.tls]",
    ] {
        assert!(shown.contains(line), "{line} in\n{shown}");
    }
    place.good(&shown);
}
