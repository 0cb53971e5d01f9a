//! Where a request comes from, as far as risk is concerned: a network and a kind of software.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use session_core::session::Text;

use crate::endpoints::device_label::device_label;

/// The network of a client: the /24 of an IPv4 address, the /64 of an IPv6 address.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// The kind of software that sent `user_agent`, without its version: what an update does not change.
pub(crate) fn family(user_agent: &str) -> Text {
    device_label(user_agent).into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn an_update_is_the_same_family() {
        let chrome = |version| {
            format!(
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
            )
        };
        assert_eq!(family(&chrome(142)), family(&chrome(143)));
        assert_ne!(family(&chrome(142)), family("curl/8"));
    }
}
