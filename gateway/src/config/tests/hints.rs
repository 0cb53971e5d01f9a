//! Whoever writes a word of another proxy is told what it is here.

use super::super::hints::HINTS;
use super::documentation::rows;
use super::{MINIMAL, Place, with};

#[test]
fn words_of_other_proxies() {
    for (key, hint) in [
        ("routes[].host", "the hosts of a route are hosts"),
        ("routes[].strip_path", "strip_prefix = true"),
        ("routes[].rewrite", "the path as it was sent"),
        ("routes[].headers", "[identity.headers]"),
        ("routes[].rate_limit", "[login_limits]"),
        ("routes[].rate-limit", "[login_limits]"),
        ("routes[].service", "the app is upstream"),
        ("server.port", "addresses and ports are in listen"),
        ("upstreams.django.url", "where the app runs is servers"),
        ("store.dsn", "all of it is in url"),
        ("cache.url", "Redis is redis_url"),
    ] {
        let name = key.rsplit('.').next().expect("a name");
        let table = key.trim_end_matches(name).replace("[]", "[0]");
        Place::new().one_fault(&with(key, "\"x\""), &format!("{table}{name}"), hint);
    }
    Place::new().one_fault(&format!("tls = true\n{MINIMAL}"), "tls", "[server.tls]");
    // A word that is mistyped is still one of ours.
    Place::new().one_fault(
        &with("routes[].pth", "\"/\""),
        "routes[0].pth",
        "did you mean \"path\"?",
    );
}

#[test]
fn no_key_of_ours_is_a_word_of_other_proxies() {
    let keys = rows().into_keys().collect::<Vec<_>>();
    for (table, words, _) in HINTS {
        for word in *words {
            let model = match *table {
                "" => (*word).to_owned(),
                table => format!("{table}.{word}"),
            };
            let is_ours = |key: &String| {
                let rest = key.strip_prefix(&model);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            };
            assert!(!keys.iter().any(is_ours), "{model} is a key");
        }
    }
}
