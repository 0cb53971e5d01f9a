//! `trusted_origins`: who may call the endpoints of a site beside its own pages.

use super::super::host::Origin;

/// The longest origin that is taken.
const MAX_BYTES: usize = 256;

/// Reads an origin as browsers write it in `Origin`: of a page, or of an app that is wrapped for a phone or a desktop, such as
/// `capacitor://localhost`. `null` is what every sandboxed page says, so it is never trusted.
pub(super) fn parse(text: &str) -> Result<String, String> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return Ok(Origin::parse(text)?.to_string());
    }
    let refused = || {
        format!(
            "{text:?} is no origin; write scheme://host, such as \"https://admin.example.com\" or \"capacitor://localhost\""
        )
    };
    if text == "null" {
        return Err("\"null\" is what every sandboxed page says of itself".to_owned());
    }
    let (scheme, rest) = text.split_once("://").ok_or_else(refused)?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+.-".contains(&byte)
        });
    let is_rest = rest
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:".contains(&byte));
    if is_scheme && is_rest && text.len() <= MAX_BYTES {
        Ok(text.to_owned())
    } else {
        Err(refused())
    }
}
