//! Settings that work and are still worth a word.

use super::{CERT, Draft, KEY, KEY_A, Place};

fn place() -> Place {
    Place::new().file("master.key", KEY_A)
}

/// A file that leaves nothing to say.
fn quiet() -> Draft {
    Draft::minimal()
        .set("cookie.name", "\"__Host-sid\"")
        .set("endpoints.password_login", "true")
}

/// A door that nobody has decided about.
#[test]
fn whether_passwords_are_tried_here_should_be_said() {
    for (said, advised) in [(None, true), (Some("true"), false), (Some("false"), false)] {
        let mut draft = Draft::minimal().set("cookie.name", "\"__Host-sid\"");
        if let Some(said) = said {
            draft = draft.set("endpoints.password_login", said);
        }
        let advice = place().good(&draft.text()).advice();
        let is_there = advice
            .iter()
            .any(|line| line.starts_with("endpoints.password_login: "));
        assert_eq!(is_there, advised, "{said:?}");
    }
}

#[test]
fn advice_names_what_could_be_better() {
    let draft = Draft::minimal()
        .set("server.public_origin", "\"http://app.test\"")
        .set("session.idle_timeout", "\"1m\"")
        .set("routes[].path", "\"/app\"")
        .set("routes[].session", "\"required\"")
        .set("upstreams.next.servers", "[\"next:3000\"]")
        .set(
            "migration.clear_domains",
            "[\".test\", \"other.test\", \"app.test\"]",
        );
    let faults = place().bad(&draft.text());
    assert!(faults[0].contains("single label"), "{faults:?}");
    let draft = draft
        .set("migration.clear_domains", "[\"other.test\", \".app.test\"]")
        .set("migration.reissue_domain", "\"other.test\"");
    let advice = place().good(&draft.text()).advice();
    let keys: Vec<_> = advice
        .iter()
        .filter_map(|line| line.split(':').next())
        .collect();
    let wanted = [
        "cookie.name",
        "server.public_origin",
        "server.login_url",
        "migration.clear_domains",
        "migration.reissue_domain",
        "session.idle_timeout",
        "endpoints.password_login",
        "upstreams.next",
    ];
    assert_eq!(keys, wanted);
    let quiet = quiet();
    assert_eq!(place().good(&quiet.text()).advice(), Vec::<String>::new());
    let public = quiet
        .set("server.public_origin", "\"https://app.test\"")
        .set("cookie.name", "\"sid\"");
    assert!(place().good(&public.text()).advice()[0].contains("__Host-sid"));
}

#[test]
fn what_a_network_could_read_is_worth_a_word() {
    let advised = |key: &str, value: &str| {
        let draft = quiet();
        let advice = place().good(&draft.set(key, value).text()).advice();
        let of_key = |line: &String| line.starts_with(&format!("{key}: "));
        assert_eq!(
            advice.iter().filter(|line| of_key(line)).count(),
            advice.len()
        );
        assert!(advice.iter().all(|line| !line.contains("secret")));
        !advice.is_empty()
    };
    for (url, clear) in [
        ("postgres://u@db.internal/s?sslmode=require", false),
        ("postgres://u@db.internal/s", true),
        ("postgres://u@db.internal/s?sslmode=prefer", true),
        ("postgres://u@10.1.2.3,127.0.0.1/s?sslmode=disable", true),
        ("postgres://u@127.0.0.1/s", false),
        ("postgres://u@localhost/s?sslmode=disable", false),
    ] {
        assert_eq!(advised("store.url", &format!("{url:?}")), clear, "{url}");
    }
    for (url, clear) in [
        ("redis://cache.internal:6379", true),
        ("redis://127.0.0.1:6379", false),
        ("rediss://cache.internal:6379", false),
        ("redis-cluster://10.0.0.1:7000?node=10.0.0.2:7000", true),
        ("redis-sentinel://[::1]:26379?sentinelServiceName=s", false),
    ] {
        assert_eq!(
            advised("cache.redis_url", &format!("{url:?}")),
            clear,
            "{url}"
        );
    }
    assert!(advised("edge.odd_header_names", "\"drop\""));
    assert!(!advised("edge.odd_header_names", "\"reject\""));
}

#[test]
fn an_edge_that_is_not_believed_about_clients_is_worth_a_word() {
    let draft = quiet()
        .set("authz.listen", "[\"127.0.0.1:3001\"]")
        .set("authz.trusted_edges", "[\"loopback\"]");
    let advice = place().good(&draft.text()).advice();
    assert!(
        advice[0].starts_with("server.trusted_proxies: "),
        "{advice:?}"
    );
    let draft = draft.set("server.trusted_proxies", "[\"loopback\"]");
    assert_eq!(place().good(&draft.text()).advice(), Vec::<String>::new());
}

/// Old versions knew the section before they could do anything with it.
#[test]
fn migration_is_not_said_to_be_without_effect() {
    let draft = quiet()
        .set("migration.mode", "\"on\"")
        .set("migration.credentials", "[\"old\"]");
    assert_eq!(place().good(&draft.text()).advice(), Vec::<String>::new());
}

/// An app may serve one page under several paths; the gateway knows one of them.
#[test]
fn route_with_a_weaker_way_to_the_same_app_is_worth_a_word() {
    let advice = |routes: &[(&str, &str, &str)]| {
        let mut text = String::from(
            r#"
            [cookie]
            name = "__Host-sid"
            [endpoints]
            password_login = true
            [backend]
            upstream = "django"
            [upstreams.django]
            servers = ["127.0.0.1:8000"]
            [upstreams.next]
            servers = ["127.0.0.1:3001"]
            [[routes]]
            path = "/used"
            upstream = "next"
            session = "none"
            "#,
        );
        for (path, upstream, session) in routes {
            text += &format!(
                "[[routes]]\npath = {path:?}\nupstream = {upstream:?}\nsession = {session:?}\n"
            );
            if *session == "required" {
                text += "on_missing = \"unauthorized\"\n";
            }
        }
        place().good(&text).advice()
    };
    let told = advice(&[
        ("/", "django", "optional"),
        ("/account", "django", "required"),
        ("/billing", "django", "required"),
    ]);
    let [line] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        line.starts_with("routes: ") && line.contains("/account, /billing"),
        "{line}"
    );

    for quiet in [
        &[
            ("/", "next", "optional"),
            ("/account", "django", "required"),
        ][..],
        &[("/", "django", "required"), ("/static", "django", "none")],
        &[
            ("/", "django", "optional"),
            ("/account", "django", "optional"),
        ],
        &[
            ("/shop", "django", "none"),
            ("/account", "django", "required"),
        ],
    ] {
        assert_eq!(advice(quiet), Vec::<String>::new(), "{quiet:?}");
    }
}

type Settings<'a> = &'a [(&'a str, &'a str)];

const HTTPS: (&str, &str) = ("server.public_origin", "\"https://app.test\"");
const TOKEN: (&str, &str) = ("admin.token", "\"${SECRET}\"");
const WEBHOOK: (&str, &str) = ("risk.webhook_secret", "\"${SECRET}\"");
const UNAUTHORIZED: (&str, &str) = ("routes[].on_missing", "\"unauthorized\"");
const REQUIRED: (&str, &str) = ("routes[].session", "\"required\"");
const CERTIFICATE: (&str, &str) = ("server.tls.cert", "\"cert.pem\"");
const PRIVATE_KEY: (&str, &str) = ("server.tls.key", "\"key.pem\"");
const PLAIN: (&str, &str) = ("server.listen", "[\"0.0.0.0:8080\"]");
const FROM_ANYWHERE: (&str, &str) = ("cookie.same_site", "\"none\"");

fn advice_on(settings: Settings<'_>) -> Vec<String> {
    let place = place()
        .env("SECRET", &"x".repeat(32))
        .file("cert.pem", CERT)
        .file("key.pem", KEY);
    let draft = Draft::minimal()
        .set("cookie.name", "\"__Host-sid\"")
        .set("endpoints.password_login", "true");
    let draft = settings
        .iter()
        .fold(draft, |draft, (key, value)| draft.set(key, value));
    place.good(&draft.text()).advice()
}

/// The weak settings get one line, about `key`; their harmless relatives get none.
#[track_caller]
fn only_weak(key: &str, weak: Settings<'_>, harmless: Settings<'_>) {
    let lines = advice_on(weak);
    let is_about = |line: &String| line.starts_with(&format!("{key}: "));
    assert!(
        matches!(lines.as_slice(), [line] if is_about(line)),
        "{lines:?}"
    );
    assert_eq!(advice_on(harmless), Vec::<String>::new());
}

#[test]
fn pages_of_other_sites_are_worth_a_word() {
    let key = "cookie.same_site";
    let checked = [FROM_ANYWHERE, ("routes[].csrf", "\"check\"")];
    only_weak(key, &[FROM_ANYWHERE], &checked);
    let nobody = [FROM_ANYWHERE, ("routes[].session", "\"none\"")];
    only_weak(key, &[FROM_ANYWHERE, REQUIRED, UNAUTHORIZED], &nobody);
    let key = "routes[].cors_origins";
    let clear = [HTTPS, (key, "[\"http://other.test\"]")];
    only_weak(key, &clear, &[HTTPS, (key, "[\"https://other.test\"]")]);
    let key = "routes[].max_stale";
    let long = (key, "\"5m\"");
    only_weak(key, &[REQUIRED, UNAUTHORIZED, long], &[long]);
}

#[test]
fn what_crosses_a_network_in_clear_text_is_worth_a_word() {
    let public = ("server.admin_listen", "\"0.0.0.0:9901\"");
    only_weak("server.admin_listen", &[public, TOKEN], &[TOKEN]);
    let key = "risk.webhook_url";
    let far = (key, "\"http://hook.internal:8080/x\"");
    let near = (key, "\"http://127.0.0.1:8080/x\"");
    only_weak(key, &[WEBHOOK, far], &[WEBHOOK, near]);
    let key = "server.redirect_https";
    let both = [CERTIFICATE, PRIVATE_KEY, HTTPS, PLAIN];
    let redirected = [&both[..], &[(key, "true")]].concat();
    only_weak(key, &both, &redirected);
}

#[test]
fn trust_in_a_large_part_of_the_internet_is_worth_a_word() {
    let usual = "[\"10.0.0.0/8\", \"fc00::/7\", \"2a06:98c0::/29\", \"104.16.0.0/13\"]";
    for network in ["0.0.0.0/1", "64.0.0.0/2", "2000::/3"] {
        let key = "server.trusted_proxies";
        only_weak(key, &[(key, &format!("[{network:?}]"))], &[(key, usual)]);
    }
}

#[test]
fn only_a_password_that_is_there_crosses_the_network() {
    for (url, said) in [
        (
            "redis://:secret@cache.internal",
            "the password crosses the network",
        ),
        ("redis://cache.internal", "whoever reaches Redis"),
    ] {
        let draft = quiet().set("cache.redis_url", &format!("{url:?}"));
        let advice = place().good(&draft.text()).advice();
        assert!(advice.iter().any(|line| line.contains(said)), "{advice:?}");
    }
    let apart = quiet()
        .set("cache.redis_url", "\"redis://cache.internal\"")
        .set("cache.password", "\"${SECRET}\"");
    let place = place().env("SECRET", "secret");
    assert!(place.good(&apart.text()).advice()[0].contains("the password crosses"));
}
