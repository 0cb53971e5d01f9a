//! Hosts as they are configured: names, and wildcards for one label.

use std::fmt;

use super::host::{Host, split_port};

/// A host, or all hosts with one label more.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum HostPattern {
    /// This host, in lower case.
    Exactly(String),
    /// `*.` and this, which begins with a dot.
    Below(String),
}

/// How much a pattern says about the host: more is asked first.
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
    /// Reads a name or a wildcard, for every port.
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
        Self::of_name(name)
    }

    /// Reads a name or a wildcard behind which there is no port.
    pub(super) fn of_name(name: &str) -> Result<Self, String> {
        let Some(parent) = name.strip_prefix("*.") else {
            return Ok(Self::exactly(&Host::parse(name)?));
        };
        let parent = Host::parse(parent)?;
        if parent.ip().is_some() {
            return Err(format!("{name:?}: an address has no subdomains"));
        }
        Ok(Self::Below(format!(".{parent}")))
    }

    /// This host alone.
    pub(super) fn exactly(host: &Host) -> Self {
        Self::Exactly(host.to_string())
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
