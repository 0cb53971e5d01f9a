//! Origins, hosts, listeners, networks and servers.

use super::super::{Host, HostPort, Origin, Scheme};
use super::{Draft, MINIMAL, Place, refuses, with};
use proptest::prelude::*;

#[test]
fn origins() {
    let origin = Origin::parse("https://App.Test:443").expect("an origin");
    assert_eq!(
        (origin.to_string().as_str(), origin.port),
        ("https://app.test", 443)
    );
    assert_eq!(origin.scheme, Scheme::Https);
    assert_eq!(
        Origin::parse("http://[0:0::1]:80")
            .expect("an origin")
            .authority(),
        "[::1]"
    );
    assert_eq!(
        Origin::parse("http://a_b:8080")
            .expect("an origin")
            .authority(),
        "a_b:8080"
    );
    let odd = [
        "",
        "app.test",
        "ftp://app.test",
        "HTTPS://app.test",
        "https://",
        "https://app.test/",
        "https://app.test/x",
        "https://u@app.test",
        "https://u:p@app.test",
        "https://app.test?x",
        "https://app.test#x",
        "https://app.test:",
        "https://app.test:0",
        "https://app.test:65536",
        "https://app.test:+1",
        "https://app.test:8443x",
        "https://a b",
        "https://[::1",
        "https://::1",
        "https://1.2.3",
        "https://1.2.3.999",
        "https://app..test",
        "https://app.test.",
        "https://-a.test",
        "https://b\u{fc}cher.test",
        "https:\\\\app.test",
        "https://*.test",
    ];
    refuses("server.public_origin", &odd);
}

fn authorities(draft: &Draft) -> Vec<String> {
    Place::new().good(&draft.text()).server.hosts.authorities()
}

#[test]
fn hosts_of_a_loopback_origin_are_all_names_of_this_machine() {
    let minimal = Draft::minimal();
    let wanted = ["localhost:3000", "127.0.0.1:3000", "[::1]:3000"];
    assert_eq!(authorities(&minimal), wanted);
    let other = minimal.set("server.public_origin", "\"http://App.localhost\"");
    let wanted = ["app.localhost", "localhost", "127.0.0.1", "[::1]"];
    assert_eq!(authorities(&other), wanted);
}

#[test]
fn hosts_of_a_public_origin_are_that_one() {
    for (origin, wanted) in [
        ("\"https://App.test\"", "app.test"),
        ("\"https://app.test:8443\"", "app.test:8443"),
        ("\"http://app.test:443\"", "app.test:443"),
    ] {
        let draft = Draft::minimal().set("server.public_origin", origin);
        assert_eq!(authorities(&draft), [wanted]);
    }
}

#[test]
fn named_hosts_replace_the_derived_ones() {
    let draft = Draft::minimal()
        .set("server.public_origin", "\"https://app.test:8443\"")
        .set(
            "server.hosts",
            "[\"App.test\", \"alt.test:9000\", \"app.test:443\"]",
        );
    let wanted = ["app.test:8443", "app.test", "alt.test:9000"];
    assert_eq!(authorities(&draft), wanted);
    refuses(
        "server.hosts",
        &[
            "",
            "*",
            "*.test",
            "https://a.test",
            "a.test/",
            "u@a.test",
            "a.test:0",
        ],
    );
}

#[test]
fn addresses_and_networks() {
    refuses(
        "server.listen",
        &[
            "",
            "3000",
            ":3000",
            "localhost:3000",
            "127.0.0.1",
            "127.0.0.1:70000",
            "::1:80",
        ],
    );
    refuses(
        "server.trusted_proxies",
        &["", "10.0.0.0/33", "10.0.0", "proxy.test"],
    );
    let config = Place::new().good(&with(
        "server.trusted_proxies",
        "[\"10.1.2.3/8\", \"192.0.2.7\", \"fd00::/8\"]",
    ));
    let shown: Vec<_> = config
        .server
        .trusted_proxies
        .networks
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]);
}

#[test]
fn upstream_servers() {
    let servers = "[\"a_b.internal:8000\", \"[::1]:8000\", \"http://10.0.0.1:8000\", \"https://app:443\", \
                   \"unix:/run/a.sock\", \"https+srv:_app._tcp.internal\"]";
    let config = Place::new().good(&with("upstreams.django.servers", servers));
    let shown: Vec<_> = config.upstreams[0]
        .servers
        .iter()
        .map(ToString::to_string)
        .collect();
    let wanted = [
        "a_b.internal:8000",
        "[::1]:8000",
        "10.0.0.1:8000",
        "https://app:443",
        "unix:/run/a.sock",
        "https+srv:_app._tcp.internal",
    ];
    assert_eq!(shown, wanted);
    refuses(
        "upstreams.django.servers",
        &[
            "",
            "host",
            "host:",
            "host:0",
            "host:x",
            "::1:8000",
            "[::1]",
            "http://host",
            "https://u@host:80",
            "https://host:80/",
            "unix:a.sock",
            "u@host:80",
            "host:80/",
        ],
    );
    Place::new().one_fault(
        &with("upstreams.django.servers", "[]"),
        "upstreams.django.servers",
        "is empty",
    );
    for name in ["Next", "a.b", "", &"x".repeat(33)] {
        let text = format!("{}[upstreams.{name:?}]\nservers = [\"h:1\"]\n", MINIMAL);
        let faults = Place::new().bad(&text);
        assert!(
            faults.len() == 1 && faults[0].contains("1 to 32 of a-z"),
            "{faults:?}"
        );
    }
}

#[test]
fn a_faulty_upstream_is_not_reported_by_those_who_name_it() {
    let text = MINIMAL.replace("servers = [\"127.0.0.1:8000\"]", "server = []");
    let faults = Place::new().bad(&text);
    assert_eq!(
        faults,
        [
            "upstreams.django.servers: is missing and has no default",
            "upstreams.django.server: unknown key; did you mean \"servers\"?",
        ]
    );
    let faults = Place::new().bad(&with("backend.upstream", "\"nobody\""));
    assert_eq!(
        faults,
        ["backend.upstream: names upstream \"nobody\"; there are: django"]
    );
}

#[test]
fn clear_domains() {
    let config = Place::new().good(&with(
        "migration.clear_domains",
        "[\".Dottapps.com\", \"app.test\"]",
    ));
    let shown: Vec<_> = config
        .migration
        .clear_domains
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(shown, ["dottapps.com", "app.test"]);
    refuses(
        "migration.clear_domains",
        &[
            "",
            ".",
            "com",
            ".com",
            "127.0.0.1",
            "a b.test",
            "..a.test",
            "*.a.test",
        ],
    );
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_peace(text in "\\PC{0,40}|[a-z0-9./:\\[\\]@%*-]{0,40}") {
        let _ = (Origin::parse(&text), HostPort::parse(&text));
        if let Ok(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&host.to_string()), Ok(host));
        }
    }
}
