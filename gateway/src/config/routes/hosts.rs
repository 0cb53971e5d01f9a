//! `hosts` of a route: names, and wildcards for one label.

use std::fmt;

use super::super::host::{Host, split_port};

/// Whose paths a route covers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HostPattern {
    /// This host. In lower case, as the gateway spells the hosts that it accepts.
    Exactly(String),
    /// `*.` and this: every host with exactly one label more. Begins with a dot.
    Below(String),
}

/// How much a group of routes says about the host: more is asked first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Specific {
    /// Nothing.
    Any,
    /// All but one label.
    Wildcard,
    /// All of it.
    Exact,
}

impl HostPattern {
    /// Reads a name or a wildcard.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") || text.contains('/') {
            return Err(format!(
                "{text:?}: write the host alone, without a scheme and without a path"
            ));
        }
        let (name, port) = split_port(text)?;
        if port.is_some() {
            return Err(format!(
                "{text:?}: write the host without its port; a route is for every port of its hosts"
            ));
        }
        let Some(parent) = name.strip_prefix("*.") else {
            return Ok(Self::Exactly(Host::parse(name)?.to_string()));
        };
        let parent = Host::parse(parent)?;
        if parent.ip().is_some() {
            return Err(format!("{text:?}: an address has no subdomains"));
        }
        Ok(Self::Below(format!(".{parent}")))
    }

    /// Whether `host`, a name without port in lower case, is one of those that are meant.
    pub(super) fn covers(&self, host: &str) -> bool {
        match self {
            Self::Exactly(name) => name == host,
            Self::Below(parent) => host
                .strip_suffix(parent.as_str())
                .is_some_and(|label| !label.is_empty() && !label.contains('.')),
        }
    }

    pub(super) const fn specific(&self) -> Specific {
        match self {
            Self::Exactly(_) => Specific::Exact,
            Self::Below(_) => Specific::Wildcard,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(name) => f.write_str(name),
            Self::Below(parent) => write!(f, "*{parent}"),
        }
    }
}
