//! Redirects that name the app's own address: they would lead the visitor past the gateway.
//!
//! Frameworks make absolute redirects from the address that they listen on (`http://localhost:3001/greet`), or from the
//! scheme that the visitor used and that address (`https://127.0.0.1:3001/greet`). A visitor who follows one has no
//! session there, if they reach the app at all.

use crate::config::{HostPort, UpstreamServer};

/// The addresses by which an app may call itself, in one spelling: lower case, with a port.
#[derive(Debug)]
pub(crate) struct OwnAddresses(Vec<String>);

/// Hosts that an app on this machine may use for itself: those of the loopback and of "all addresses".
const LOCAL: [&str; 5] = ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "[::]"];

impl OwnAddresses {
    /// The addresses of an app with these servers.
    pub(crate) fn of(servers: &[UpstreamServer]) -> Self {
        let mut names = Vec::new();
        for HostPort { host, port } in servers.iter().filter_map(UpstreamServer::host_port) {
            names.push(format!("{host}:{port}"));
            if host.is_loopback() {
                names.extend(LOCAL.map(|local| format!("{local}:{port}")));
            }
        }
        Self(names)
    }

    /// `location` moved to `origin`, if it names one of these addresses; `None`: leave it as it is.
    pub(crate) fn moved_to(&self, origin: &str, location: &str) -> Option<String> {
        let (scheme, rest) = location.split_once("//")?;
        let default_port = match () {
            () if scheme.eq_ignore_ascii_case("http:") => Some(80),
            () if scheme.eq_ignore_ascii_case("https:") => Some(443),
            // `//host` takes the scheme of the page, so the default port is unknown: only an address with a port matches.
            () if scheme.is_empty() => None,
            () => return None,
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.to_ascii_lowercase();
        let is_own = |authority: &str| self.0.iter().any(|own| own == authority);
        let is_ours = is_own(&authority)
            || default_port.is_some_and(|port| is_own(&format!("{authority}:{port}")));
        is_ours.then(|| format!("{origin}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(server: &str, location: &str) -> Option<String> {
        let own = OwnAddresses::of(&[UpstreamServer::parse(server).unwrap()]);
        own.moved_to("https://app.example.com", location)
    }

    #[test]
    fn the_own_address_becomes_the_public_origin() {
        for (server, location, public) in [
            (
                "127.0.0.1:3001",
                "http://localhost:3001/greet?from=1#x",
                "/greet?from=1#x",
            ),
            ("127.0.0.1:3001", "HTTPS://LocalHost:3001/greet", "/greet"),
            ("127.0.0.1:3001", "http://0.0.0.0:3001/", "/"),
            ("[::1]:3001", "http://127.0.0.1:3001?x", "?x"),
            ("localhost:3001", "http://[::1]:3001", ""),
            ("127.0.0.1:3001", "//localhost:3001//two", "//two"),
            ("app.internal:8000", "http://app.internal:8000/a", "/a"),
            ("app.internal:80", "http://app.internal/a", "/a"),
            ("app.internal:443", "https://app.internal/a", "/a"),
        ] {
            let expected = format!("https://app.example.com{public}");
            assert_eq!(moved(server, location), Some(expected), "{location}");
        }
    }

    #[test]
    fn every_other_place_stays() {
        for (server, location) in [
            ("127.0.0.1:3001", "/greet"),
            ("127.0.0.1:3001", "greet//localhost:3001/"),
            ("127.0.0.1:3001", "http://localhost:3002/"),
            ("127.0.0.1:3001", "http://localhost/"),
            ("127.0.0.1:3001", "http://localhost:3001@evil.example/"),
            ("127.0.0.1:3001", "http://user@localhost:3001/"),
            ("127.0.0.1:3001", "http://localhost:3001\\@evil.example/"),
            ("127.0.0.1:3001", "http://localhost:3001.evil.example/"),
            ("127.0.0.1:3001", "ftp://localhost:3001/"),
            (
                "127.0.0.1:3001",
                "https://idp.example/?next=http://localhost:3001/",
            ),
            ("127.0.0.1:3001", "https://app.example.com/"),
            ("app.internal:8000", "http://localhost:8000/"),
            ("app.internal:80", "//app.internal/a"),
            ("app.internal:80", "https://app.internal/a"),
            ("127.0.0.1:3001", ""),
        ] {
            assert_eq!(moved(server, location), None, "{location}");
        }
    }
}
