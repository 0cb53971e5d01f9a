use proptest::prelude::*;
use sidgate_policy::edge::Target;
use sidgate_policy::edge::target::MAX_TARGET_BYTES;

use super::{Place, Refused};
use crate::config::Config;

/// What may stand in a prefix and in a path without an escape, but has a meaning to somebody.
const SPECIAL: &str = "!$&'()+,=:@";

/// `required` for `prefix`, and everything else open; our own endpoints below `base`.
fn config(prefix: &str, base: &str) -> Config {
    config_with(prefix, base, "")
}

/// The same, with more keys for everything else.
fn config_with(prefix: &str, base: &str, keys: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        r#"
        [endpoints]
        base_path = {base:?}
        [backend]
        upstream = "app"
        [upstreams.app]
        servers = ["127.0.0.1:1"]
        [[routes]]
        path = {prefix:?}
        session = "required"
        upstream = "app"
        [[routes]]
        path = "/"
        session = "optional"
        upstream = "app"
        {keys}
        "#
    );
    std::fs::write(&file, text).unwrap();
    Config::load(&file, &|_| None).unwrap()
}

/// The route that decides, or why there is none.
fn route(config: &Config, path: &str) -> Result<String, Refused> {
    let slashes = config.routes.slashes();
    let target = Target::parse_with(path.as_bytes(), MAX_TARGET_BYTES, slashes)?;
    Ok(match Place::of(config, "GET", "localhost", target.path)? {
        Place::Route(route) => route.path.to_string(),
        other => format!("{other:?}"),
    })
}

#[test]
fn a_second_spelling_of_a_route_is_refused() {
    for special in SPECIAL.chars() {
        let config = config(&format!("/{special}ops"), "/api/auth");
        let escape = format!("%{:02X}", u32::from(special));
        let prefix = format!("/{special}ops");
        assert_eq!(route(&config, &format!("{prefix}/x")), Ok(prefix.clone()));
        for path in [
            format!("/{escape}ops"),
            format!("/{}ops/x", escape.to_lowercase()),
            format!("/{escape}ops;v=1/x"),
            format!("/{escape}ops%3Bv/x"),
            format!("{prefix};v=1"),
        ] {
            assert_eq!(route(&config, &path), Err(Refused::TargetForm), "{path}");
        }
        for path in [
            format!("{prefix}/{escape}x"),
            format!("{prefix}/a;v=1"),
            format!("/other/{escape}ops"),
            format!("/{escape}opsy"),
        ] {
            assert!(route(&config, &path).is_ok(), "{path}");
        }
    }
}

#[test]
fn a_second_spelling_of_our_own_endpoints_is_refused() {
    let config = config("/x", "/@api");
    let endpoint = Place::of(&config, "GET", "localhost", "/@api/session-v2");
    assert!(matches!(endpoint, Ok(Place::Endpoint(_))));
    for path in ["/%40api/session-v2", "/%40api;x/y", "/@api;x/session-v2"] {
        let place = Place::of(&config, "GET", "localhost", path);
        assert!(matches!(place, Err(Refused::TargetForm)), "{path}");
    }
    let unknown = Place::of(&config, "GET", "localhost", "/@api/%40");
    assert!(matches!(unknown, Ok(Place::Endpoint(_))), "one place");
    let private = Place::of(&config, "GET", "localhost", "/__sidgate__;x/authenticate");
    assert!(matches!(private, Ok(Place::Private)));
}

proptest! {
    /// For every prefix that the configuration takes: however a path below it is spelled, the edge refuses it or the route of
    /// the prefix decides.
    #[test]
    fn no_spelling_leads_past_a_route(
        prefix in "(/[a-zA-Z0-9._~!$&'()+,=:@-]{1,6}){1,3}",
        escaped in any::<u32>(),
        lower in any::<bool>(),
        end in "(/x|;p|%3Bp|/%20|/)?",
    ) {
        prop_assume!(!prefix.split('/').any(|segment| matches!(segment, "." | "..")));
        prop_assume!(!prefix.starts_with("/api/auth"));
        let config = config(&prefix, "/api/auth");
        let mut path = String::new();
        for (at, byte) in prefix.bytes().enumerate() {
            if byte != b'/' && escaped >> (at % 32) & 1 == 1 {
                let escape = format!("%{byte:02X}");
                path.push_str(&if lower { escape.to_lowercase() } else { escape });
            } else {
                path.push(char::from(byte));
            }
        }
        path.push_str(&end);
        if let Ok(decided) = route(&config, &path) {
            prop_assert_eq!(decided, prefix);
        }
    }

    /// The same where everything else lets slashes pass, however slashes are doubled and escaped: an app that reads them as
    /// slashes is never asked for what is closed.
    #[test]
    fn no_slash_leads_past_a_route(
        first in "(/|%2F|//)",
        parts in prop::collection::vec(("(a|@ops|%40ops|x|x;v|api|auth|\\.\\.|__sidgate__)", "(/|//|%2F|%2f|/%2F)"), 1..5),
    ) {
        let config = config_with("/a/@ops", "/api/auth", "encoded_slashes = \"pass\"");
        let mut path = first;
        for (part, slash) in parts {
            path.push_str(&part);
            path.push_str(&slash);
        }
        if let Ok(decided) = route(&config, &path) {
            let read = path.to_lowercase().replace("%2f", "/").replace("%40", "@");
            let names = read.split('/').map(|segment| segment.split(';').next().unwrap_or_default());
            let names: Vec<_> = names.filter(|name| !name.is_empty()).collect();
            let expected = match names.as_slice() {
                ["a", "@ops", ..] => "/a/@ops",
                ["api", "auth", ..] | ["__sidgate__", ..] => "",
                _ => "/",
            };
            prop_assert!(decided == expected || expected.is_empty() && !decided.starts_with('/'), "{} {}", path, decided);
            prop_assert!(!names.contains(&"..") && !read.starts_with("//"), "{}", path);
        }
    }
}
