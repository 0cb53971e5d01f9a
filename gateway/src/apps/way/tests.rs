use std::net::SocketAddr;
use std::path::Path;

use pingora_core::upstreams::peer::Peer as _;

use super::*;
use crate::apps::server::Located;
use crate::apps::testing;
use crate::config::Host;

fn server(tls: bool, host: Option<&str>) -> Server {
    let address = match host {
        Some(_) => Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 443))),
        None => Address::Unix(Path::new("/run/app.sock").into()),
    };
    Server::new(Located {
        address,
        host: host.map(|host| Host::parse(host).unwrap()),
        tls,
        weight: 1,
    })
}

fn way(is_verified: bool, change: impl FnOnce(&mut Upstream)) -> Way {
    let mut upstream = testing::upstream("https://app.internal:443");
    change(&mut upstream);
    Way::new(&Arc::new(upstream), is_verified).unwrap()
}

#[test]
fn a_server_under_tls_is_always_verified_by_a_name() {
    let plain = way(true, |_| ());
    for (host, name) in [
        ("app.internal", "app.internal"),
        ("10.0.0.1", "10.0.0.1"),
        ("[::1]", "::1"),
    ] {
        let peer = plain.peer(&server(true, Some(host))).unwrap();
        assert!(peer.is_tls() && peer.verify_cert() && peer.verify_hostname());
        assert_eq!(peer.sni, name);
    }
    let named = way(true, |upstream| {
        upstream.tls.server_name = Some(Host::parse("other.internal").unwrap());
    });
    let peer = named.peer(&server(true, Some("10.0.0.1"))).unwrap();
    assert_eq!(peer.sni, "other.internal");
    // An empty name would switch all verification off.
    assert!(plain.peer(&server(true, None)).is_err());
}

#[test]
fn nothing_but_the_switch_goes_without_being_verified() {
    let peer = way(false, |_| ()).peer(&server(true, Some("app"))).unwrap();
    assert!(!peer.verify_cert() && !peer.verify_hostname());
    assert_eq!(peer.sni, "app");
}

#[test]
fn connections_are_used_again_only_under_the_same_settings() {
    let of = |is_verified, change: fn(&mut Upstream)| {
        let peer = way(is_verified, change)
            .peer(&server(true, Some("app")))
            .unwrap();
        peer.reuse_hash()
    };
    let one = of(true, |_| ());
    assert_eq!(one, of(true, |upstream| upstream.read_timeout *= 2));
    let others = [
        of(false, |_| ()),
        of(true, |upstream| upstream.name = "other".to_owned()),
        of(true, |upstream| upstream.protocol = Protocol::Http2),
        of(true, |upstream| {
            upstream.tls.server_name = Some(Host::parse("other").unwrap());
        }),
    ];
    assert!(!others.contains(&one));
}

#[test]
fn the_limits_of_the_app_hold() {
    let way = way(true, |upstream| upstream.protocol = Protocol::Http2);
    let peer = way.peer(&server(false, Some("app"))).unwrap();
    let upstream = way.upstream();
    assert_eq!(peer.connection_timeout(), Some(upstream.connect_timeout));
    assert_eq!(peer.options.read_timeout, Some(upstream.read_timeout));
    assert_eq!(peer.options.max_h2_streams, 100);
    assert_eq!(peer.options.alpn, ALPN::H2);
    assert_eq!(peer.options.h2_ping_interval, None);
}
