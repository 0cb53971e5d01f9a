//! Host names, ports and origins, in one canonical spelling.
//!
//! A host is compared byte for byte wherever it decides something, so it is brought into one form here: lower case,
//! ASCII, no trailing dot, IPv6 in brackets and shortest form.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A host name or an IP literal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(Kind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Name(String),
    Ip(IpAddr),
}

impl Host {
    /// `localhost`.
    pub(super) fn localhost() -> Self {
        Self(Kind::Name("localhost".to_owned()))
    }

    /// Reads a name, an IPv4 address, or an IPv6 address in brackets.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.contains('*') {
            return Err(format!(
                "{text:?} is a pattern, and patterns are not supported; list the names"
            ));
        }
        if let Some(inner) = text
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            let address = inner.parse::<Ipv6Addr>().ok();
            let address =
                address.ok_or_else(|| format!("{text:?} is not an IPv6 address in brackets"))?;
            return Ok(Self(Kind::Ip(IpAddr::V6(address))));
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self(Kind::Ip(IpAddr::V4(address))));
        }
        let name = text.to_ascii_lowercase();
        // Browsers read a name whose last label is digits as an IPv4 address (WHATWG URL); such a name is refused.
        let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
        let ends_in_number = name.rsplit('.').next().is_some_and(is_number);
        if name.len() > MAX_NAME || ends_in_number || !name.split('.').all(is_label) {
            return Err(format!(
                "{text:?} is not a host name, an IPv4 address or an IPv6 address in brackets"
            ));
        }
        Ok(Self(Kind::Name(name)))
    }

    /// The address, when the host is an IP literal.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        match &self.0 {
            Kind::Name(_) => None,
            Kind::Ip(address) => Some(*address),
        }
    }

    /// Whether the name can only mean this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.0 {
            Kind::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Kind::Ip(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => f.write_str(name),
            Kind::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Kind::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

fn is_label(label: &str) -> bool {
    // The underscore is no DNS host name, but container networks use it.
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty()
        && label.len() <= MAX_LABEL
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// A host and a port, as in `app.internal:8000` or `[::1]:8000`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, never 0.
    pub port: u16,
}

impl HostPort {
    /// Reads `host:port`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        check_is_address(text)?;
        match split_port(text)? {
            (host, Some(port)) => Ok(Self {
                host: Host::parse(host)?,
                port,
            }),
            (_, None) => Err(format!("{text:?} has no port; write host:port")),
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Refuses what is no `host:port`, by the name of what it is.
fn check_is_address(text: &str) -> Result<(), String> {
    if text.starts_with("unix:") || text.starts_with('/') {
        return Err(format!("{text:?}: unix sockets are not supported yet"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let shown = match split_port(rest) {
            Ok((host, None)) => format!("{host}:PORT"),
            _ => rest.to_owned(),
        };
        return Err(match scheme.to_ascii_lowercase().as_str() {
            "https" => format!(
                "{text:?}: apps are spoken to over plain HTTP, TLS to apps is not supported yet; write host:port without a scheme, such as {shown:?}"
            ),
            _ => format!("{text:?}: write host:port without a scheme, such as {shown:?}"),
        });
    }
    if text.contains('@') {
        return Err(format!("{text:?}: write host:port, without a user"));
    }
    if text.contains('/') {
        return Err(format!("{text:?}: write host:port, without a path"));
    }
    Ok(())
}

/// Splits a port off, leaving the colons of an IPv6 address alone.
pub(super) fn split_port(text: &str) -> Result<(&str, Option<u16>), String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((_, port)) if port.ends_with(']') => return Ok((text, None)),
        Some(parts) => parts,
        None => return Ok((text, None)),
    };
    let is_plain = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let port = port.parse().ok().filter(|port| is_plain && *port != 0);
    match port {
        Some(port) => Ok((host, Some(port))),
        None => Err(format!("{text:?} has no usable port after its colon")),
    }
}

/// The scheme of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTP over TLS, here or at a terminator in front.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that URLs of this scheme leave out.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port under which browsers reach the gateway. `Display` is the form browsers send in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The scheme that browsers use.
    pub scheme: Scheme,
    /// The host that browsers use.
    pub host: Host,
    /// The port that browsers use, also when the URL leaves it out.
    pub port: u16,
}

impl Origin {
    /// Reads `scheme://host[:port]` and nothing more.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(format!("{text:?} does not begin with http:// or https://")),
        };
        if rest.contains(['/', '?', '#', '@', '\\']) {
            return Err(format!(
                "{text:?} is more than scheme, host and port; leave out the rest, also a last \"/\""
            ));
        }
        let (host, port) = split_port(rest)?;
        Ok(Self {
            scheme,
            host: Host::parse(host)?,
            port: port.unwrap_or(scheme.default_port()),
        })
    }

    /// Whether browsers use TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == Scheme::Https
    }

    /// Host, and port unless it is the scheme's own: what belongs into `Host`.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

/// An address to listen on.
pub(super) fn socket_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_error| no_address(text))
}

/// What somebody meant who wrote `text` for an address to listen on.
fn no_address(text: &str) -> String {
    if text.starts_with("unix:") || text.starts_with('/') {
        return format!("{text:?}: only server.listen takes a unix socket");
    }
    if text.contains("://") {
        return format!(
            "{text:?}: write address:port without a scheme, such as \"127.0.0.1:8080\""
        );
    }
    if let Ok(port) = text.parse::<u16>() {
        return format!("{text:?} is a port alone: {}", both(port));
    }
    match split_port(text) {
        Ok(("" | "*", Some(port))) => format!("{text:?} names no address: {}", both(port)),
        Ok((host, Some(port))) if Host::parse(host).is_ok_and(|host| host.ip().is_none()) => {
            format!("{text:?}: a name is not resolved here: {}", both(port))
        }
        Ok((host, None)) if Host::parse(host).is_ok_and(|host| host.ip().is_some()) => {
            format!("{text:?} has no port; write address:port, such as \"{host}:8080\"")
        }
        _ => format!("{text:?} is not an address such as \"127.0.0.1:3000\" or \"[::1]:3000\""),
    }
}

/// The two addresses that people mean.
fn both(port: u16) -> String {
    format!("\"127.0.0.1:{port}\" for this machine alone, \"0.0.0.0:{port}\" for all interfaces")
}
