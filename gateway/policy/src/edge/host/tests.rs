use http::Version;
use proptest::prelude::*;

use super::{HostSet, HostText, resolve};
use crate::edge::Refused;
use crate::edge::tests::Sent;

fn host_of(sent: &Sent, served: &HostSet) -> Result<String, Refused> {
    sent.judged(|req| resolve(req, served).map(|host| host.to_string()))
}

fn h1(host: &str) -> Sent {
    Sent::get("/").without("host").with("host", host)
}

fn served() -> HostSet {
    HostSet::new(
        [
            "app.test",
            "Other.test:8443",
            "127.0.0.1:3000",
            "[::1]:3000",
        ],
        443,
    )
    .unwrap()
}

#[test]
fn a_served_host_gets_its_configured_name() {
    let cases = [
        ("app.test", "app.test"),
        ("APP.Test", "app.test"),
        ("app.test:443", "app.test"),
        ("other.test:8443", "other.test:8443"),
        ("127.0.0.1:3000", "127.0.0.1:3000"),
        ("[::1]:3000", "[::1]:3000"),
    ];
    for (sent, configured) in cases {
        assert_eq!(
            host_of(&h1(sent), &served()).as_deref(),
            Ok(configured),
            "{sent}"
        );
    }
    let default_port_written_out = HostSet::new(["app.test:443"], 443).unwrap();
    assert_eq!(
        host_of(&h1("app.test"), &default_port_written_out).as_deref(),
        Ok("app.test:443")
    );
}

#[test]
fn any_other_host_is_unknown() {
    let hosts = [
        "evil.test",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "app.test.",
        "app.test:80",
        "app.test:8443",
        "other.test",
        "other.test:443",
        "xapp.test",
        "app.test.evil",
        "sub.app.test",
        "[::2]:3000",
    ];
    for host in hosts {
        assert_eq!(
            host_of(&h1(host), &served()),
            Err(Refused::HostUnknown),
            "{host}"
        );
    }
}

#[test]
fn the_root_dot_is_taken_when_asked_for() {
    let served = served().tolerate_root_dot();
    assert_eq!(
        host_of(&h1("APP.TEST."), &served).as_deref(),
        Ok("app.test")
    );
    assert_eq!(
        host_of(&h1("app.test.:443"), &served).as_deref(),
        Ok("app.test")
    );
    assert_eq!(
        host_of(&h1("app.test.."), &served),
        Err(Refused::HostMalformed)
    );
}

#[test]
fn odd_hosts_are_malformed() {
    let hosts = [
        "",
        "u@app.test",
        "app.test, evil",
        "app.test,evil",
        "app.test:8443x",
        "app.test:",
        "app.test:0",
        "app.test:0443",
        "app.test:+443",
        "app.test:65536",
        "app.test:443:443",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[app.test]",
        "::1",
        "app test",
        "app.test/",
        "app.test#x",
        "app.test\\",
        "..",
        ".app.test",
        "app..test",
        "http://app.test",
        "äpp.test",
        "app%2etest",
    ];
    for host in hosts {
        assert_eq!(
            host_of(&h1(host), &served()),
            Err(Refused::HostMalformed),
            "{host:?}"
        );
    }
}

#[test]
fn there_is_exactly_one_host() {
    assert_eq!(
        host_of(&Sent::get("/").without("host"), &served()),
        Err(Refused::HostMissing)
    );
    let old = Sent {
        version: Version::HTTP_10,
        ..Sent::get("/").without("host")
    };
    assert_eq!(
        host_of(&old, &served()),
        Err(Refused::HostMissing),
        "http/1.0 has no privilege"
    );
    for second in ["app.test", "evil.test"] {
        assert_eq!(
            host_of(&Sent::get("/").with("host", second), &served()),
            Err(Refused::HostRepeated),
            "{second}"
        );
    }
}

#[test]
fn http2_takes_the_authority_and_a_host_must_agree() {
    assert_eq!(
        host_of(&Sent::h2("/"), &served()).as_deref(),
        Ok("app.test")
    );
    assert_eq!(
        host_of(&Sent::h2("/").with("host", "APP.test"), &served()).as_deref(),
        Ok("app.test")
    );
    assert_eq!(
        host_of(&Sent::h2("/").with("host", "evil.test"), &served()),
        Err(Refused::HostMismatch)
    );
    assert_eq!(
        host_of(&Sent::h2("/").with("host", "app.test:443"), &served()),
        Err(Refused::HostMismatch)
    );
    let repeated = Sent::h2("/")
        .with("host", "app.test")
        .with("host", "app.test");
    assert_eq!(host_of(&repeated, &served()), Err(Refused::HostRepeated));

    let bare = Sent {
        authority: None,
        ..Sent::h2("/")
    };
    assert_eq!(host_of(&bare, &served()), Err(Refused::HostMissing));
    assert_eq!(
        host_of(&bare.with("host", "app.test"), &served()).as_deref(),
        Ok("app.test")
    );
    let evil = Sent {
        authority: Some("u@app.test".to_owned()),
        ..Sent::h2("/")
    };
    assert_eq!(host_of(&evil, &served()), Err(Refused::HostMalformed));
}

#[test]
fn an_authority_means_nothing_in_http1() {
    let sent = Sent {
        authority: Some("app.test".to_owned()),
        ..h1("evil.test")
    };
    assert_eq!(host_of(&sent, &served()), Err(Refused::HostUnknown));
}

#[test]
fn a_configured_host_is_checked_too() {
    for host in [
        "",
        "http://app.test",
        "app.test:x",
        "a b",
        "*",
        "*app.test",
        "a.*.test",
        "*.*.test",
    ] {
        assert_eq!(HostSet::new([host], 443).unwrap_err().0, host);
    }
}

proptest! {
    #[test]
    fn an_accepted_host_prints_as_it_was_sent(host in "[a-z0-9.:\\[\\]-]{0,20}") {
        if let Some(parsed) = HostText::parse(host.as_bytes()) {
            let port = parsed.port.map(|port| format!(":{port}")).unwrap_or_default();
            prop_assert_eq!(format!("{}{port}", parsed.name), host);
        }
    }

    #[test]
    fn any_host_is_judged_without_panic(host in proptest::collection::vec(any::<u8>(), 0..30)) {
        let _ = HostText::parse(&host);
    }
}

#[test]
fn a_name_is_known_at_any_port_and_led_to_the_one_wanted() {
    let names = ["a.test", "a.test:8443", "b.test:9443"];
    let hosts = HostSet::new(names, 443).unwrap();
    let by_name = hosts.clone().at_any_port();
    for (asked, led_to) in [
        ("a.test", "a.test:8443"),
        ("a.test:8443", "a.test:8443"),
        ("A.test:8080", "a.test:8443"),
        // There is no other.
        ("b.test", "b.test:9443"),
    ] {
        let asked = HostText::parse(asked.as_bytes()).unwrap();
        let found = by_name.find(&asked).unwrap();
        assert_eq!(&**hosts.at_port(&found, 8443), led_to);
    }
    let strange = HostText::parse(b"c.test:8443").unwrap();
    assert!(by_name.find(&strange).is_none());
    let other = HostText::parse(b"b.test:1").unwrap();
    assert!(hosts.find(&other).is_none());
}

/// Two sites: one with a wildcard beside a whole name below it, the other at another scheme's port.
fn two_sites() -> HostSet {
    let mut hosts = HostSet::default();
    hosts
        .add(0, ["*.Shop.test", "www.shop.test", "*.shop.test:8443"], 443)
        .unwrap();
    hosts.add(1, ["plain.test", "vip.shop.test"], 80).unwrap();
    hosts
}

#[test]
fn a_wildcard_stands_for_exactly_one_label() {
    let hosts = two_sites();
    let of = |host: &str| {
        let found = hosts.named(host.as_bytes())?;
        let label = found.label().map(str::to_owned);
        Some((found.to_string(), found.site(), label))
    };
    let told = |host: &str, site, label: Option<&str>| {
        Some((host.to_owned(), site, label.map(str::to_owned)))
    };
    assert_eq!(
        of("acme.shop.test"),
        told("acme.shop.test", 0, Some("acme"))
    );
    assert_eq!(
        of("ACME.shop.TEST:443"),
        told("acme.shop.test", 0, Some("acme"))
    );
    assert_eq!(
        of("acme.shop.test:8443"),
        told("acme.shop.test:8443", 0, Some("acme"))
    );
    // A whole name is more specific, whichever site it belongs to, and stands for no label.
    assert_eq!(of("www.shop.test"), told("www.shop.test", 0, None));
    assert_eq!(of("vip.shop.test:80"), told("vip.shop.test", 1, None));
    // Each site has a port of its own that a host without port means.
    assert_eq!(of("plain.test"), told("plain.test", 1, None));
    assert_eq!(of("plain.test:443"), None);
    for other in [
        "shop.test",
        ".shop.test",
        "a.b.shop.test",
        "acmeshop.test",
        "-acme.shop.test",
        "acme-.shop.test",
        "ac_me.shop.test",
        "acme.shop.test:80",
        "acme.shop.test.",
        "*.shop.test",
        "acme.shop.test.evil.test",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
    let long = format!("{}.shop.test", "a".repeat(64));
    assert_eq!(of(&long), None);
    assert!(of(long.get(1..).unwrap()).is_some());
}

proptest! {
    /// What a wildcard lets through is a label of a host name, and nothing else of the host is the client's.
    #[test]
    fn nothing_but_a_label_comes_from_the_client(label in "[ -~]{0,20}") {
        let hosts = two_sites();
        if let Some(found) = hosts.named(format!("{label}.shop.test").as_bytes())
            && let Some(known) = found.label()
        {
            prop_assert_eq!(known, label.to_ascii_lowercase());
            prop_assert!(known.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
            prop_assert_eq!(&**found, format!("{known}.shop.test"));
        }
    }
}
