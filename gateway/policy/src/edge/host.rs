//! Which host is addressed? The only place that reads a host from a request.
//!
//! HTTP/1 says it in `Host`, HTTP/2 in `:authority`, and a request that says it twice must say the
//! same. What comes out is never the client's text but the name from the configuration, so neither
//! a redirect nor an app's absolute link can be built from a name that an attacker chose. Where the
//! operator has configured a wildcard, one label of it is the client's: a plain one, in lower case.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::ops::Deref;

use http::Version;
use http::header::{HOST, HeaderValue};

use super::fields::Field;
use super::{RawRequest, Refused};

/// The longest label of a name in the DNS.
const MAX_LABEL: usize = 63;

/// The hosts that are served here, each as part of a site.
#[derive(Debug, Clone, Default)]
pub struct HostSet {
    /// Whole names first: they are more specific than wildcards.
    entries: Vec<Entry>,
    root_dot: bool,
    any_port: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    name: Name,
    port: u16,
    /// What a host without a port means.
    default_port: u16,
    /// Number of the site.
    site: usize,
}

#[derive(Debug, Clone)]
enum Name {
    /// As configured, in lower case; what apps are told.
    Whole(ServedHost),
    /// `*.` and this: every name with exactly one label more.
    Below {
        /// Begins with a dot.
        parent: String,
        /// As configured, with its colon, or empty.
        port: String,
    },
}

/// A configured host that is not `name`, `name:port`, `[v6]` or `[v6]:port`, or one of the first two behind `*.`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a host name: {0:?}")]
pub struct InvalidHost(pub String);

/// A host that is served, as it was configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedHost {
    header: HeaderValue,
    /// Without port.
    name: String,
    site: usize,
    /// Length of the label that a wildcard stands for; 0 without a wildcard.
    label: usize,
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

    /// The number of the site that it belongs to.
    #[must_use]
    pub const fn site(&self) -> usize {
        self.site
    }

    /// What the wildcard of the configured host stands for, in lower case; `None` without a wildcard.
    #[must_use]
    pub fn label(&self) -> Option<&str> {
        self.name
            .get(..self.label)
            .filter(|label| !label.is_empty())
    }
}

impl Deref for ServedHost {
    type Target = str;

    fn deref(&self) -> &str {
        self.header.to_str().unwrap_or_default()
    }
}

impl HostSet {
    /// The hosts of one site, which is number 0. See [`HostSet::add`].
    ///
    /// # Errors
    /// The first name that is no host.
    pub fn new<S: AsRef<str>>(
        names: impl IntoIterator<Item = S>,
        default_port: u16,
    ) -> Result<Self, InvalidHost> {
        let mut hosts = Self::default();
        hosts.add(0, names, default_port)?;
        Ok(hosts)
    }

    /// Adds the configured names of a site. `default_port` is the port that a name without port means: that of the public
    /// scheme. `*.` in front of a name stands for exactly one label.
    ///
    /// # Errors
    /// The first name that is no host.
    pub fn add<S: AsRef<str>>(
        &mut self,
        site: usize,
        names: impl IntoIterator<Item = S>,
        default_port: u16,
    ) -> Result<(), InvalidHost> {
        for name in names {
            let entry = Entry::parse(site, name.as_ref(), default_port)?;
            self.entries.push(entry);
        }
        self.entries
            .sort_by_key(|entry| matches!(entry.name, Name::Below { .. }));
        Ok(())
    }

    /// Also takes the fully qualified spelling with a trailing dot (`app.test.`) for the same host.
    #[must_use]
    pub fn tolerate_root_dot(mut self) -> Self {
        self.root_dot = true;
        self
    }

    /// The served host that a text names.
    #[must_use]
    pub fn named(&self, text: &[u8]) -> Option<Cow<'_, ServedHost>> {
        self.find(&HostText::parse(text)?)
    }

    /// The same hosts by their names alone, at whatever port they are asked for.
    #[must_use]
    pub fn at_any_port(mut self) -> Self {
        self.any_port = true;
        self
    }

    /// The host of the same name and site at `port`, or `host` itself where there is none.
    #[must_use]
    pub fn at_port<'h>(&'h self, host: &'h ServedHost, port: u16) -> Cow<'h, ServedHost> {
        let wanted = HostText {
            name: &host.name,
            port: Some(port),
        };
        let found = self.find(&wanted);
        found
            .filter(|found| found.site == host.site)
            .unwrap_or(Cow::Borrowed(host))
    }

    fn find(&self, host: &HostText<'_>) -> Option<Cow<'_, ServedHost>> {
        let name = match host.name.strip_suffix('.') {
            Some(name) if self.root_dot => name,
            _ => host.name,
        };
        self.entries
            .iter()
            .filter(|entry| self.any_port || entry.port == host.port.unwrap_or(entry.default_port))
            .find_map(|entry| entry.served(name))
    }
}

impl Entry {
    fn parse(site: usize, name: &str, default_port: u16) -> Result<Self, InvalidHost> {
        let canonical = name.to_ascii_lowercase();
        let invalid = || InvalidHost(canonical.clone());
        let (wildcard, whole) = match canonical.strip_prefix("*.") {
            Some(parent) => (true, parent),
            None => (false, canonical.as_str()),
        };
        let parsed = HostText::parse(whole.as_bytes()).ok_or_else(invalid)?;
        let port = parsed.port.unwrap_or(default_port);
        let name = if wildcard {
            Name::Below {
                parent: format!(".{}", parsed.name),
                port: whole
                    .strip_prefix(parsed.name)
                    .unwrap_or_default()
                    .to_owned(),
            }
        } else {
            Name::Whole(ServedHost {
                header: HeaderValue::from_str(whole).map_err(|_error| invalid())?,
                name: parsed.name.to_owned(),
                site,
                label: 0,
            })
        };
        Ok(Self {
            name,
            port,
            default_port,
            site,
        })
    }

    /// The host that is meant by `name`, if it is one of these.
    fn served(&self, name: &str) -> Option<Cow<'_, ServedHost>> {
        match &self.name {
            Name::Whole(host) => host
                .name
                .eq_ignore_ascii_case(name)
                .then_some(Cow::Borrowed(host)),
            Name::Below { parent, port } => {
                let at = name.len().checked_sub(parent.len())?;
                let (label, rest) = name.split_at_checked(at)?;
                if !rest.eq_ignore_ascii_case(parent) || !is_host_label(label) {
                    return None;
                }
                let name = name.to_ascii_lowercase();
                Some(Cow::Owned(ServedHost {
                    header: HeaderValue::try_from(format!("{name}{port}")).ok()?,
                    name,
                    site: self.site,
                    label: label.len(),
                }))
            }
        }
    }
}

/// Whether a wildcard may stand for this: one label of a host name (RFC 1123, 2.1). It is the client's text, which apps and
/// rules about tenants get to see, so there is nothing in it but letters, digits and inner hyphens.
fn is_host_label(label: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(is_inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Reads the host of a request and returns its configured name.
pub(super) fn resolve<'p>(
    req: &RawRequest<'_>,
    served: &'p HostSet,
) -> Result<Cow<'p, ServedHost>, Refused> {
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
