//! Which host is addressed? The only place that reads a host from a request.
//!
//! HTTP/1 says it in `Host`, HTTP/2 in `:authority`, and a request that says it twice must say the
//! same. What comes out is never the client's text but the name from the configuration, so neither
//! a redirect nor an app's absolute link can be built from a name that an attacker chose.

use std::net::Ipv6Addr;
use std::ops::Deref;

use http::Version;
use http::header::{HOST, HeaderValue};

use super::fields::Field;
use super::{RawRequest, Refused};

/// The hosts that are served here.
#[derive(Debug, Clone)]
pub struct HostSet {
    entries: Vec<Entry>,
    default_port: u16,
    root_dot: bool,
    any_port: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    /// As configured, in lower case; what apps are told.
    canonical: ServedHost,
    port: u16,
}

/// A configured host that is not `name`, `name:port`, `[v6]` or `[v6]:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a host name: {0:?}")]
pub struct InvalidHost(pub String);

/// A host that is served, as it was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedHost {
    header: HeaderValue,
    /// Without port.
    name: String,
}

impl ServedHost {
    /// As a field's value.
    #[must_use]
    pub fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// Without port, in lower case.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Deref for ServedHost {
    type Target = str;

    fn deref(&self) -> &str {
        self.header.to_str().unwrap_or_default()
    }
}

impl HostSet {
    /// Builds the set from configured names. `default_port` is the port that a name without port
    /// means: that of the public scheme.
    ///
    /// # Errors
    /// The first name that is no host.
    pub fn new<S: AsRef<str>>(
        names: impl IntoIterator<Item = S>,
        default_port: u16,
    ) -> Result<Self, InvalidHost> {
        let entries = names
            .into_iter()
            .map(|name| {
                let canonical = name.as_ref().to_ascii_lowercase();
                let parsed = HostText::parse(canonical.as_bytes())
                    .ok_or_else(|| InvalidHost(canonical.clone()))?;
                let (name, port) = (parsed.name.to_owned(), parsed.port.unwrap_or(default_port));
                let value = HeaderValue::from_str(&canonical)
                    .map_err(|_error| InvalidHost(canonical.clone()))?;
                let canonical = ServedHost {
                    header: value,
                    name,
                };
                Ok(Entry { canonical, port })
            })
            .collect::<Result<_, InvalidHost>>()?;
        Ok(Self {
            entries,
            default_port,
            root_dot: false,
            any_port: false,
        })
    }

    /// Also takes the fully qualified spelling with a trailing dot (`app.test.`) for the same host.
    #[must_use]
    pub fn tolerate_root_dot(mut self) -> Self {
        self.root_dot = true;
        self
    }

    /// The served host that a text names.
    #[must_use]
    pub fn named(&self, text: &[u8]) -> Option<&ServedHost> {
        self.find(&HostText::parse(text)?)
    }

    /// The same hosts by their names alone, at whatever port they are asked for.
    #[must_use]
    pub fn at_any_port(mut self) -> Self {
        self.any_port = true;
        self
    }

    /// The host of the same name at `port`, or `host` itself where there is none.
    #[must_use]
    pub fn at_port<'h>(&'h self, host: &'h ServedHost, port: u16) -> &'h ServedHost {
        let same = |entry: &&Entry| entry.canonical == *host;
        let Some(name) = self
            .entries
            .iter()
            .find(same)
            .map(|entry| &entry.canonical.name)
        else {
            return host;
        };
        let mut entries = self.entries.iter();
        let found = entries.find(|entry| entry.port == port && entry.canonical.name == *name);
        found.map_or(host, |entry| &entry.canonical)
    }

    fn find(&self, host: &HostText<'_>) -> Option<&ServedHost> {
        let name = match host.name.strip_suffix('.') {
            Some(name) if self.root_dot => name,
            _ => host.name,
        };
        let port = host.port.unwrap_or(self.default_port);
        self.entries
            .iter()
            .find(|entry| {
                (self.any_port || entry.port == port)
                    && entry.canonical.name.eq_ignore_ascii_case(name)
            })
            .map(|entry| &entry.canonical)
    }
}

/// Reads the host of a request and returns its configured name.
pub(super) fn resolve<'p>(
    req: &RawRequest<'_>,
    served: &'p HostSet,
) -> Result<&'p ServedHost, Refused> {
    let text = HostText::parse(read(req)?).ok_or(Refused::HostMalformed)?;
    served.find(&text).ok_or(Refused::HostUnknown)
}

fn read<'a>(req: &RawRequest<'a>) -> Result<&'a [u8], Refused> {
    let field = Field::find(req.headers, &HOST).at_most_once(Refused::HostRepeated)?;
    let field = field.map(HeaderValue::as_bytes);
    let authority = req
        .authority
        .filter(|_| req.version == Version::HTTP_2)
        .map(str::as_bytes);
    match (authority, field) {
        (Some(authority), Some(field)) if !authority.eq_ignore_ascii_case(field) => {
            Err(Refused::HostMismatch)
        }
        (Some(host), _) | (None, Some(host)) => Ok(host),
        (None, None) => Err(Refused::HostMissing),
    }
}

/// A host as a client or an operator wrote it.
struct HostText<'a> {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    name: &'a str,
    port: Option<u16>,
}

impl<'a> HostText<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) => {
                address.parse::<Ipv6Addr>().ok()?;
                text.split_at_checked(text.len() - rest.len())?
            }
            None => {
                let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
                is_reg_name(name).then_some((name, port))?
            }
        };
        let port = if port.is_empty() {
            None
        } else {
            Some(parse_port(port.strip_prefix(':')?)?)
        };
        Some(Self { name, port })
    }
}

fn is_reg_name(name: &str) -> bool {
    let label_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let labels = name.strip_suffix('.').unwrap_or(name);
    labels
        .split('.')
        .all(|label| !label.is_empty() && label.bytes().all(label_byte))
}

/// A port in its only spelling: no sign, no leading zero.
fn parse_port(digits: &str) -> Option<u16> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    canonical.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
