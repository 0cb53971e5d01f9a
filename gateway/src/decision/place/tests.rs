use proptest::prelude::*;
use sidgate_policy::edge::Target;
use sidgate_policy::edge::target::MAX_TARGET_BYTES;

use super::{Place, Refused};
use crate::config::Config;

/// What may stand in a prefix and in a path without an escape, but has a meaning to somebody.
const SPECIAL: &str = "!$&'()+,=:@";

/// `required` for `prefix`, and everything else open; our own endpoints below `base`.
fn config(prefix: &str, base: &str) -> Config {
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
        "#
    );
    std::fs::write(&file, text).unwrap();
    Config::load(&file, &|_| None).unwrap()
}

/// The route that decides, or why there is none.
fn route(config: &Config, path: &str) -> Result<String, Refused> {
    let target = Target::parse(path.as_bytes(), MAX_TARGET_BYTES)?;
    Ok(match Place::of(config, "GET", target.path)? {
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
    let endpoint = Place::of(&config, "GET", "/@api/session-v2");
    assert!(matches!(endpoint, Ok(Place::Endpoint(_))));
    for path in ["/%40api/session-v2", "/%40api;x/y", "/@api;x/session-v2"] {
        let place = Place::of(&config, "GET", path);
        assert!(matches!(place, Err(Refused::TargetForm)), "{path}");
    }
    let unknown = Place::of(&config, "GET", "/@api/%40");
    assert!(matches!(unknown, Ok(Place::Endpoint(_))), "one place");
    let private = Place::of(&config, "GET", "/__sidgate__;x/authenticate");
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
}
