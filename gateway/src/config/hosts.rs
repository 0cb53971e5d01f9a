//! Which `Host` values the gateway answers to.
//!
//! Apps build links, mails and redirects from the host they are told, so a host that the operator never named must not
//! reach them. The port counts as well: `app.example:9999` in a password mail is another server.

use super::domain::is_within;
use super::host::{Host, Origin, split_port};
use super::host_pattern::HostPattern;

/// The accepted hosts, each with its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    accepted: Vec<Accepted>,
    /// The port that a `Host` without one means.
    default_port: u16,
}

/// One accepted host.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accepted {
    name: HostPattern,
    port: u16,
}

/// One entry of a list of hosts: with a port exactly that one, without a port those of the public origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostEntry {
    name: HostPattern,
    port: Option<u16>,
}

impl HostEntry {
    /// A host.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (host, port) = Self::split(text)?;
        let name = HostPattern::exactly(&Host::parse(host)?);
        Ok(Self { name, port })
    }

    /// A host, or a wildcard for one label.
    pub(super) fn parse_with_wildcard(text: &str) -> Result<Self, String> {
        let (host, port) = Self::split(text)?;
        let name = HostPattern::of_name(host)?;
        Ok(Self { name, port })
    }

    fn split(text: &str) -> Result<(&str, Option<u16>), String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "{text:?}: write the host, or host:port, without a scheme and without a path"
            ));
        }
        split_port(text)
    }
}

impl Hosts {
    /// The hosts of `entries`; without any, that of `origin`, and with a loopback origin all names of this machine.
    pub(super) fn new(entries: Vec<HostEntry>, origin: &Origin) -> Self {
        if !entries.is_empty() {
            return Self::of(entries, origin);
        }
        let mut hosts = Self::of_origin(origin);
        if origin.host.is_loopback() {
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                if let Ok(host) = Host::parse(name) {
                    hosts.accept(&HostPattern::exactly(&host), origin.port);
                }
            }
        }
        hosts
    }

    /// The hosts of `entries`.
    pub(super) fn of(entries: Vec<HostEntry>, origin: &Origin) -> Self {
        let mut hosts = Self {
            accepted: Vec::new(),
            default_port: origin.scheme.default_port(),
        };
        for HostEntry { name, port } in entries {
            match port {
                Some(port) => hosts.accept(&name, port),
                None => {
                    hosts.accept(&name, origin.port);
                    hosts.accept(&name, origin.scheme.default_port());
                }
            }
        }
        hosts
    }

    /// The host of `origin`.
    pub(super) fn of_origin(origin: &Origin) -> Self {
        let entry = HostEntry {
            name: HostPattern::exactly(&origin.host),
            port: Some(origin.port),
        };
        Self::of(vec![entry], origin)
    }

    /// The accepted hosts as apps should be told them: in lower case, with a port only where it is not the scheme's own.
    /// A wildcard begins with `*.`.
    #[must_use]
    pub fn authorities(&self) -> Vec<String> {
        let authority = |entry: &Accepted| match entry.port == self.default_port {
            true => entry.name.to_string(),
            false => format!("{}:{}", entry.name, entry.port),
        };
        self.accepted.iter().map(authority).collect()
    }

    /// The same without ports.
    pub(super) fn patterns(&self) -> impl Iterator<Item = &HostPattern> {
        self.accepted.iter().map(|entry| &entry.name)
    }

    /// Their names without ports, in lower case; one that is accepted with two ports twice. `*` is the first label of a
    /// wildcard.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.patterns().map(ToString::to_string)
    }

    /// Whether there is a wildcard among them.
    pub(super) fn has_wildcard(&self) -> bool {
        let mut accepted = self.accepted.iter();
        accepted.any(|entry| matches!(entry.name, HostPattern::Below(_)))
    }

    /// Whether `host` is accepted at `port`, and by its own name.
    pub(super) fn names_whole(&self, host: &Host, port: u16) -> bool {
        let named = Accepted {
            name: HostPattern::exactly(host),
            port,
        };
        self.accepted.contains(&named)
    }

    /// An accepted host that `other` accepts in the very same words.
    pub(super) fn shared_with(&self, other: &Self) -> Option<String> {
        let mut accepted = self.accepted.iter();
        let shared = accepted.find(|entry| other.accepted.contains(entry))?;
        Some(format!("{}:{}", shared.name, shared.port))
    }

    /// A name that is not `domain`, nor below it.
    pub(super) fn outside(&self, domain: &Host) -> Option<String> {
        self.names().find(|name| !is_within(name, domain))
    }

    /// A name that is `domain`, or below it.
    pub(super) fn inside(&self, domain: &Host) -> Option<String> {
        self.names().find(|name| is_within(name, domain))
    }

    fn accept(&mut self, name: &HostPattern, port: u16) {
        let entry = Accepted {
            name: name.clone(),
            port,
        };
        if !self.accepted.contains(&entry) {
            self.accepted.push(entry);
        }
    }
}
