//! `[identity.headers]`: which parts of an identity apps may read from plain headers.

use http::HeaderName;
use sidgate_policy::auth::identity_field::IdentityField;
use sidgate_policy::edge::identity_headers::{PREFIX, TOLD, is_own};

use super::reader::Reader;

/// Headers made of the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Each header once, with the field that fills it.
    pub headers: Vec<(HeaderName, IdentityField)>,
}

impl IdentityConfig {
    /// Every name that says something about a session to an app.
    pub fn names(&self) -> impl Iterator<Item = HeaderName> {
        let configured = self.headers.iter().map(|(name, _)| name.clone());
        TOLD.into_iter().chain(configured)
    }

    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        let mut seen: Vec<HeaderName> = Vec::new();
        let headers = root.section("identity", |identity| {
            identity.pairs("headers", |name, field| {
                let name = header_name(name)?;
                if seen.contains(&name) {
                    return Err("appears more than once; header names ignore case".to_owned());
                }
                seen.push(name.clone());
                Ok((name, IdentityField::parse(field)?))
            })
        });
        Self { headers }
    }
}

fn header_name(text: &str) -> Result<HeaderName, String> {
    let name = text.to_ascii_lowercase();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let suffix = name.strip_prefix(PREFIX).unwrap_or_default();
    if suffix.is_empty() || !suffix.bytes().all(is_plain) {
        return Err(
            "an identity header is named X-Session-, then letters, digits and \"-\"".to_owned(),
        );
    }
    let name = HeaderName::try_from(name)
        .ok()
        .ok_or("is not a header name")?;
    if is_own(&name) {
        return Err("is a header that sidgate itself defines".to_owned());
    }
    Ok(name)
}
