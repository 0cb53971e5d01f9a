//! Which `Host` values the gateway answers to.
//!
//! Apps build links, mails and redirects from the host they are told, so a host that the operator never named must not
//! reach them. The port counts as well: `app.example:9999` in a password mail is another server.

use super::host::{Host, HostPort, Origin, split_port};

/// The accepted hosts, each with its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    accepted: Vec<HostPort>,
    /// The port that a `Host` without one means.
    default_port: u16,
}

/// One entry of `server.hosts`: with a port exactly that one, without a port those of the public origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostEntry {
    host: Host,
    port: Option<u16>,
}

impl HostEntry {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "{text:?}: write the host, or host:port, without a scheme and without a path"
            ));
        }
        let (host, port) = split_port(text)?;
        let host = Host::parse(host)?;
        Ok(Self { host, port })
    }
}

impl Hosts {
    /// The hosts of `entries`; without any, that of `origin`, and with a loopback origin all names of this machine.
    pub(super) fn new(entries: Vec<HostEntry>, origin: &Origin) -> Self {
        let mut hosts = Self {
            accepted: Vec::new(),
            default_port: origin.scheme.default_port(),
        };
        if entries.is_empty() {
            hosts.accept(&origin.host, origin.port);
            if origin.host.is_loopback() {
                for name in ["localhost", "127.0.0.1", "[::1]"] {
                    if let Ok(host) = Host::parse(name) {
                        hosts.accept(&host, origin.port);
                    }
                }
            }
        }
        for HostEntry { host, port } in entries {
            match port {
                Some(port) => hosts.accept(&host, port),
                None => {
                    hosts.accept(&host, origin.port);
                    hosts.accept(&host, origin.scheme.default_port());
                }
            }
        }
        hosts
    }

    /// The accepted hosts as apps should be told them: in lower case, with a port only where it is not the scheme's own.
    #[must_use]
    pub fn authorities(&self) -> Vec<String> {
        let authority = |entry: &HostPort| match entry.port == self.default_port {
            true => entry.host.to_string(),
            false => entry.to_string(),
        };
        self.accepted.iter().map(authority).collect()
    }

    /// Their names without ports, in lower case; one that is accepted with two ports twice.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.accepted.iter().map(|entry| entry.host.to_string())
    }

    fn accept(&mut self, host: &Host, port: u16) {
        let entry = HostPort {
            host: host.clone(),
            port,
        };
        if !self.accepted.contains(&entry) {
            self.accepted.push(entry);
        }
    }
}
