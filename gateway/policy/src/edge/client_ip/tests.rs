use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::{NamedPeers, Peer, client_ip, limit_key, network};

fn client(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append(
            "x-forwarded-for",
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    let peer = match peer {
        "unix" => Peer::Unix,
        address => Peer::Address(address.parse().unwrap()),
    };
    let client = client_ip(peer, &headers, &named(trusted));
    client.map_or_else(|| "nobody".to_owned(), |client| client.to_string())
}

fn named(peers: &[&str]) -> NamedPeers {
    let networks = peers.iter().filter(|peer| **peer != "unix");
    NamedPeers {
        networks: networks.map(|net| net.parse().unwrap()).collect(),
        unix: peers.contains(&"unix"),
    }
}

#[test]
fn the_peer_of_a_unix_socket_has_no_address_and_counts_by_its_word() {
    let told = &["1.1.1.1, 203.0.113.7", "10.0.0.1"];
    assert_eq!(client("unix", told, &["10.0.0.0/8"]), "nobody");
    assert_eq!(client("unix", told, &["unix"]), "10.0.0.1");
    assert_eq!(client("unix", told, &["unix", "10.0.0.0/8"]), "203.0.113.7");
    assert_eq!(client("unix", &[], &["unix"]), "nobody");
    assert_eq!(client("unix", &["rubbish"], &["unix"]), "nobody");
    assert_eq!(client("203.0.113.9", told, &["unix"]), "203.0.113.9");
}

#[test]
fn an_untrusted_peer_is_the_client_whatever_it_says() {
    assert_eq!(client("203.0.113.9", &["1.2.3.4"], &[]), "203.0.113.9");
    assert_eq!(
        client("203.0.113.9", &["1.2.3.4"], &["10.0.0.0/8"]),
        "203.0.113.9"
    );
    assert_eq!(
        client("2001:db8::9", &["1.2.3.4"], &["10.0.0.0/8"]),
        "2001:db8::9"
    );
}

#[test]
fn behind_trusted_proxies_the_right_most_stranger_is_the_client() {
    let net = &["10.0.0.0/8", "fd00::/8"];
    let cases: [(&[&str], &str); 14] = [
        (&[], "10.0.0.9"),
        (&["9.9.9.9, 10.0.0.1"], "9.9.9.9"),
        (&["1.1.1.1, 9.9.9.9, 10.0.0.1"], "9.9.9.9"),
        (&["1.1.1.1,9.9.9.9"], "9.9.9.9"),
        (&["1.1.1.1", "9.9.9.9", "10.0.0.1"], "9.9.9.9"),
        (&["9.9.9.9", "10.0.0.2, 10.0.0.1"], "9.9.9.9"),
        (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (&["\t9.9.9.9 \t"], "9.9.9.9"),
        (&["9.9.9.9:4711"], "9.9.9.9"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["[2001:db8::1]"], "2001:db8::1"),
        (&["2001:db8::1, fd00::5"], "2001:db8::1"),
        (&["::ffff:9.9.9.9"], "9.9.9.9"),
        (&["9.9.9.9, ::ffff:10.0.0.1"], "9.9.9.9"),
    ];
    for (forwarded, expected) in cases {
        assert_eq!(
            client("10.0.0.9", forwarded, net),
            expected,
            "{forwarded:?}"
        );
    }
}

#[test]
fn garbage_ends_the_walk_at_the_last_good_hop() {
    let net = &["10.0.0.0/8"];
    for garbage in [
        "unknown",
        "",
        "9.9.9",
        "9.9.9.9.9",
        "localhost",
        "_hidden",
        "9.9.9.9;x",
        "[9.9.9.9]",
        "fe80::1%eth0",
        "é",
    ] {
        assert_eq!(client("10.0.0.9", &[garbage], net), "10.0.0.9", "{garbage}");
        let chain = format!("1.1.1.1, {garbage}, 10.0.0.1");
        assert_eq!(client("10.0.0.9", &[&chain], net), "10.0.0.1", "{chain}");
    }
}

#[test]
fn a_mapped_peer_is_an_ipv4_peer() {
    assert_eq!(client("::ffff:203.0.113.9", &[], &[]), "203.0.113.9");
    assert_eq!(
        client("::ffff:10.0.0.9", &["9.9.9.9"], &["10.0.0.0/8"]),
        "9.9.9.9"
    );
}

#[test]
fn limits_count_a_whole_v6_network_as_one() {
    for (address, key) in [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
    ] {
        assert_eq!(limit_key(address.parse().unwrap()).to_string(), key);
    }
}

proptest! {
    #[test]
    fn any_list_is_read_without_panic(value in "[0-9a-f:., \\[\\]x]{0,60}") {
        client("10.0.0.9", &[&value], &["10.0.0.0/8"]);
    }

    /// Whatever a client puts in front of the list, the answer does not change.
    #[test]
    fn a_client_cannot_choose_its_address(forged in "[0-9a-f:., x]{0,40}") {
        let chain = format!("{forged}, 9.9.9.9, 10.0.0.1");
        prop_assert_eq!(client("10.0.0.9", &[&forged, &chain], &["10.0.0.0/8"]), "9.9.9.9");
    }
}

#[test]
fn neighbours_are_one_network() {
    for (address, expected) in [
        ("203.0.113.7", "203.0.113.0"),
        ("203.0.113.255", "203.0.113.0"),
        ("::ffff:203.0.113.7", "203.0.113.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::", "2001:db8:1:2::"),
    ] {
        let network = network(address.parse().unwrap());
        assert_eq!(network, expected.parse::<IpAddr>().unwrap(), "{address}");
    }
}
