//! Which route decides about a path of a host.

use proptest::prelude::*;

use super::Place;
use super::routes::{covers_by_segments, path};

/// A file whose gateway accepts these hosts, with one route for each of `routes`: path and hosts.
fn with_hosts(accepted: &[&str], routes: &[(&str, &[&str])]) -> String {
    let mut text = format!(
        "[server]\nhosts = {accepted:?}\n[backend]\nupstream = \"app\"\n[upstreams.app]\nservers = [\"h:1\"]\n"
    );
    for (path, hosts) in routes {
        text.push_str(&format!(
            "[[routes]]\npath = {path:?}\nhosts = {hosts:?}\nupstream = \"app\"\nsession = \"optional\"\n"
        ));
    }
    text
}

#[test]
fn a_host_of_a_route_is_one_that_is_accepted() {
    let accepted = ["a.test", "b.x.test:8443", "[::1]"];
    for host in [
        "a.test", "A.Test", "*.test", "b.x.test", "*.x.test", "[::1]",
    ] {
        Place::new().good(&with_hosts(&accepted, &[("/", &[host])]));
    }
    for (host, why) in [
        ("c.test", "is no host that is accepted"),
        ("*.a.test", "is no host that is accepted"),
        ("x.test", "is no host that is accepted"),
        ("*.b.x.test", "is no host that is accepted"),
        ("a.test:80", "without its port"),
        ("http://a.test", "without a scheme"),
        ("*", "is a pattern"),
        ("a.*", "is a pattern"),
        ("*.*.test", "is a pattern"),
        ("", "is not a host name"),
    ] {
        let text = with_hosts(&accepted, &[("/", &[host])]);
        Place::new().one_fault(&text, "routes[0].hosts[0]", why);
    }
}

#[test]
fn a_path_stands_once_in_a_group_of_hosts() {
    let accepted = ["a.test", "b.test"];
    Place::new().good(&with_hosts(
        &accepted,
        &[("/", &["a.test"]), ("/", &["*.test"]), ("/x", &["a.test"])],
    ));
    Place::new().good(&with_hosts(&accepted, &[("/", &["a.test"]), ("/", &[])]));
    let twice = with_hosts(
        &accepted,
        &[("/", &["a.test", "b.test"]), ("/", &["b.test"])],
    );
    Place::new().one_fault(&twice, "routes[1].path", "is the path of routes[0] too");
}

#[test]
fn a_route_that_can_never_match_is_a_fault() {
    let accepted = ["a.test", "b.test"];
    for routes in [
        &[("/", &["a.test", "b.test"][..]), ("/x", &[][..])][..],
        &[
            ("/", &["a.test"]),
            ("/", &["b.test"]),
            ("/x/y", &["*.test"]),
        ],
        &[("/x", &["a.test", "b.test"]), ("/x/y", &[])],
    ] {
        let text = with_hosts(&accepted, routes);
        let key = format!("routes[{}].path", routes.len() - 1);
        Place::new().one_fault(&text, &key, "can never match");
    }
    for routes in [
        &[("/", &["a.test"][..]), ("/x", &[][..])][..],
        &[("/x/y", &["a.test", "b.test"]), ("/x", &[])],
    ] {
        Place::new().good(&with_hosts(&accepted, routes));
    }
}

/// Which group a route is in for a host, as DESIGN says it: more is asked first.
fn group(hosts: &[String], host: &str) -> Option<u8> {
    let parent = host
        .split_once('.')
        .map(|(_, parent)| format!("*.{parent}"));
    if hosts.iter().any(|own| own == host) {
        Some(2)
    } else if parent.is_some_and(|parent| hosts.contains(&parent)) {
        Some(1)
    } else {
        hosts.is_empty().then_some(0)
    }
}

fn hosts() -> impl Strategy<Value = Vec<String>> {
    let host = prop::sample::select(vec![
        "a.x.test", "b.x.test", "a.y.test", "*.x.test", "*.y.test", "*.test",
    ]);
    let host = host.prop_map(str::to_owned);
    prop::collection::btree_set(host, 0..3).prop_map(|hosts| hosts.into_iter().collect())
}

proptest! {
    /// The most specific group that has a route for the path decides, by the longest path; only if none of its routes covers
    /// the path is the next group asked.
    #[test]
    fn the_decision_is_that_of_the_most_specific_group(
        routes in prop::collection::vec((path(), hosts()), 1..7),
        path in path(),
    ) {
        let accepted = ["a.x.test", "b.x.test", "a.y.test", "x.test", "other"];
        let mut text = format!("[server]\nhosts = {accepted:?}\n[backend]\nupstream = \"u0\"\n");
        for (index, (path, hosts)) in routes.iter().enumerate() {
            text.push_str(&format!(
                "[upstreams.u{index}]\nservers = [\"h:1\"]\n[[routes]]\npath = {path:?}\nhosts = {hosts:?}\nupstream = \"u{index}\"\nsession = \"optional\"\n"
            ));
        }
        // Two of one path and host, and routes that could never match, are faults.
        if let Ok(config) = Place::new().load(&text) {
            for host in accepted {
                let covering = || routes.iter().enumerate().filter_map(|(index, (prefix, hosts))| {
                    let group = group(hosts, host)?;
                    covers_by_segments(prefix, &path).then_some((group, prefix.len(), index))
                });
                let best = covering().map(|(group, ..)| group).max();
                let wanted = covering().filter(|(group, ..)| Some(*group) == best).max();
                let found = config.routes.route_for(host, &path).map(|route| route.index);
                prop_assert_eq!(found, wanted.map(|(.., index)| index), "{} {}", host, path);
            }
        }
    }
}
