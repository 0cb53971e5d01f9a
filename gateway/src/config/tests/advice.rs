//! Settings that work and are still worth a word.

use super::{Draft, KEY_A, Place, with};

fn place() -> Place {
    Place::new().file("master.key", KEY_A)
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
        "session.idle_timeout",
        "server.login_url",
        "upstreams.next",
        "migration.clear_domains",
        "migration.reissue_domain",
    ];
    assert_eq!(keys, wanted);
    let quiet = Draft::minimal().set("cookie.name", "\"__Host-sid\"");
    assert_eq!(place().good(&quiet.text()).advice(), Vec::<String>::new());
    assert!(place().good(&with("cookie.name", "\"sid\"")).advice()[0].contains("__Host-sid"));
}

#[test]
fn what_a_network_could_read_is_worth_a_word() {
    let advised = |key: &str, value: &str| {
        let draft = Draft::minimal().set("cookie.name", "\"__Host-sid\"");
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

/// Old versions knew the section before they could do anything with it.
#[test]
fn migration_is_not_said_to_be_without_effect() {
    let draft = Draft::minimal()
        .set("cookie.name", "\"__Host-sid\"")
        .set("migration.mode", "\"on\"")
        .set("migration.credentials", "[\"old\"]");
    assert_eq!(place().good(&draft.text()).advice(), Vec::<String>::new());
}
