//! Where a node is: its admin listener, and a public one.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// What `--node` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeAddress {
    /// Host and port of the admin listener.
    pub(super) admin: String,
    /// The public listener to ask; `None`: the first one that the node tells of.
    pub(super) public: Option<PublicAddress>,
}

/// A public listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicAddress {
    pub(super) tls: bool,
    /// Host and port.
    pub(super) at: String,
}

impl NodeAddress {
    /// Reads `http://10.0.0.5:9901`, or the same with a public listener behind it: `http://10.0.0.5:9901=https://10.0.0.5:8443`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (admin, public) = match text.split_once('=') {
            Some((admin, public)) => (admin, Some(public)),
            None => (text, None),
        };
        match listener(admin)? {
            PublicAddress { tls: false, at } => Ok(Self {
                admin: at,
                public: public.map(listener).transpose()?,
            }),
            _ => Err("the admin listener speaks http".to_owned()),
        }
    }

    /// The admin listener of this machine.
    pub(crate) fn of_admin(admin: SocketAddr) -> Self {
        Self {
            admin: admin.to_string(),
            public: None,
        }
    }

    /// The host of the admin listener, without its port.
    pub(super) fn admin_host(&self) -> &str {
        self.admin
            .rsplit_once(':')
            .map_or(self.admin.as_str(), |(host, _port)| host)
    }

    /// The listener that a node tells of, seen from here: one on every address is where the admin listener is.
    pub(super) fn seen(&self, listener: SocketAddr, tls: bool) -> PublicAddress {
        let at = match listener.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => self.beside(listener.port()),
            IpAddr::V6(ip) if ip.is_unspecified() => self.beside(listener.port()),
            _ => listener.to_string(),
        };
        PublicAddress { tls, at }
    }

    fn beside(&self, port: u16) -> String {
        format!("{}:{port}", self.admin_host())
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.admin)
    }
}

fn listener(text: &str) -> Result<PublicAddress, String> {
    let wrong = || {
        format!(
            "{text:?} is not a URL such as http://10.0.0.5:9901: scheme, host and port, without a path"
        )
    };
    let uri: Uri = text.parse().map_err(|_error| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let plain = !authority.as_str().contains('@') && uri.path() == "/" && uri.query().is_none();
    let port = authority.port_u16().filter(|_| plain).ok_or_else(wrong)?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(wrong()),
    };
    Ok(PublicAddress {
        tls,
        at: format!("{}:{port}", authority.host()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(tls: bool, at: &str) -> PublicAddress {
        let at = at.to_owned();
        PublicAddress { tls, at }
    }

    #[test]
    fn a_node_is_named_by_its_admin_listener() {
        let node = NodeAddress::parse("http://gw-1.example:9901").unwrap();
        assert_eq!(node.admin, "gw-1.example:9901");
        assert_eq!(node.public, None);
        let node = NodeAddress::parse("http://[::1]:9901=https://10.0.0.5:8443").unwrap();
        assert_eq!(node.admin, "[::1]:9901");
        assert_eq!(node.public, Some(public(true, "10.0.0.5:8443")));
        for wrong in [
            "",
            "10.0.0.5:9901",
            "http://10.0.0.5",
            "https://10.0.0.5:9901",
            "http://10.0.0.5:9901/metrics",
            "http://user@10.0.0.5:9901",
            "http://10.0.0.5:9901=",
            "http://10.0.0.5:9901=10.0.0.5:3000",
            "http://10.0.0.5:9901?x=1",
        ] {
            assert!(NodeAddress::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_listener_on_every_address_is_where_the_admin_listener_is() {
        let node = NodeAddress::parse("http://gw-1.example:9901").unwrap();
        let seen = |listener: &str| node.seen(listener.parse().unwrap(), false);
        assert_eq!(seen("0.0.0.0:3000"), public(false, "gw-1.example:3000"));
        assert_eq!(seen("[::]:3000"), public(false, "gw-1.example:3000"));
        assert_eq!(seen("10.0.0.5:3000"), public(false, "10.0.0.5:3000"));
    }
}
