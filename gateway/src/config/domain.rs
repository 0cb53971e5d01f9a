//! Domains of cookies.

use super::host::Host;

/// A domain; an empty text means that there is none.
pub(super) fn optional_domain(text: &str) -> Result<Option<Host>, String> {
    (!text.is_empty()).then(|| domain(text)).transpose()
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
