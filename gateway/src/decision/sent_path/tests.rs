use std::sync::Arc;

use proptest::prelude::*;
use sidgate_policy::edge::target::MAX_TARGET_BYTES;
use sidgate_policy::edge::{Refused, Slashes, Target};

use super::{NotSent, SentPath};
use crate::config::{Config, Route};

/// The route of a prefix that is stripped.
fn route(prefix: &str, slashes: &str) -> Arc<Route> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sidgate.toml");
    let text = format!(
        r#"
        [backend]
        upstream = "app"
        [upstreams.app]
        servers = ["127.0.0.1:1"]
        [[routes]]
        path = {prefix:?}
        session = "optional"
        upstream = "app"
        strip_prefix = true
        encoded_slashes = {slashes:?}
        "#
    );
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&file, &|_| None).unwrap();
    Arc::clone(config.routes.route_for("localhost", prefix).unwrap())
}

fn stripped(path: &str) -> SentPath {
    SentPath::Stripped(path.to_owned())
}

#[test]
fn the_rest_begins_with_one_slash() {
    let route = route("/app/v1", "reject");
    for (path, rest) in [
        ("/app/v1", "/"),
        ("/app/v1/", "/"),
        ("/app/v1/x", "/x"),
        ("/app/v1/x/", "/x/"),
        ("/app/v1/app/v1", "/app/v1"),
        ("/app/v1/a%20b;c", "/a%20b;c"),
    ] {
        assert_eq!(SentPath::of(&route, path), Ok(stripped(rest)), "{path}");
    }
}

#[test]
fn what_is_left_is_never_read_as_a_host() {
    let route = route("/app", "pass");
    for (path, why) in [
        ("/app//evil.test/x", Refused::TargetEmptySegment),
        ("/app///x", Refused::TargetEmptySegment),
        ("/app/%2Fevil.test", Refused::TargetEscapeForbidden),
        ("/app/%2fevil.test", Refused::TargetEscapeForbidden),
    ] {
        assert_eq!(
            SentPath::of(&route, path),
            Err(NotSent::Refused(why)),
            "{path}"
        );
    }
    assert_eq!(
        SentPath::of(&route, "/app/a//b%2Fc"),
        Ok(stripped("/a//b%2Fc"))
    );
}

#[test]
fn calls_from_the_gateway_are_out_of_reach() {
    let route = route("/app", "pass");
    for path in [
        "/app/__sidgate__",
        "/app/__sidgate__/authenticate",
        "/app/__sidgate__;x/authenticate",
        "/app/__sidgate__%3Bx/authenticate",
        "/app/__sidgate__%2Fauthenticate",
        "/app/__sidgate__//authenticate",
    ] {
        assert_eq!(SentPath::of(&route, path), Err(NotSent::Private), "{path}");
    }
    assert_eq!(
        SentPath::of(&route, "/app/x/__sidgate__"),
        Ok(stripped("/x/__sidgate__"))
    );
}

proptest! {
    /// Whatever is sent begins with exactly one slash, ends as the path does, and passes the rules for every path.
    #[test]
    fn what_is_sent_is_a_path(rest in "(/|%2F|%2f|[a-z.;_~!-]{1,4}){0,6}") {
        let (route, path) = (route("/app", "pass"), format!("/app/{rest}"));
        let parse = |path: &str| Target::parse_with(path.as_bytes(), MAX_TARGET_BYTES, Slashes::AsRouted).map(drop);
        prop_assume!(parse(&path).is_ok());
        if let Ok(SentPath::Stripped(sent)) = SentPath::of(&route, &path) {
            prop_assert!(path.ends_with(&sent));
            prop_assert!(!sent.starts_with("//") && !sent.to_lowercase().starts_with("/%2f"));
            prop_assert_eq!(parse(&sent), Ok(()));
        }
    }
}
