//! Domains of cookies.

use super::host::Host;

/// A domain; an empty text means that there is none.
pub(super) fn optional_domain(text: &str) -> Result<Option<Host>, String> {
    (!text.is_empty()).then(|| domain(text)).transpose()
}

/// Whether `name`, or every name that its wildcard stands for, is `domain` or below it.
pub(super) fn is_within(name: &str, domain: &Host) -> bool {
    let rest = name.strip_suffix(&domain.to_string());
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A domain, with or without the leading dot that cookies ignore.
pub(super) fn domain(text: &str) -> Result<Host, String> {
    let host = Host::parse(text.strip_prefix('.').unwrap_or(text))?;
    match host.ip() {
        Some(_) => {
            Err("is an address; a cookie of an address belongs to the host alone".to_owned())
        }
        None if !host.to_string().contains('.') => {
            Err(format!("{text:?} is a single label, which browsers refuse"))
        }
        None => Ok(host),
    }
}
