//! `[identity.headers]`: which parts of an identity apps may read from plain headers.

use std::fmt;

use http::HeaderName;

use super::reader::Reader;

/// Headers that Sidgate itself defines below `X-Session-`.
const FIXED: [&str; 8] = [
    "state",
    "stale",
    "id",
    "user-id",
    "tenant-id",
    "expires-at",
    "assertion",
    "event",
];

const PREFIX: &str = "x-session-";
const MAX_DEPTH: usize = 8;

/// Headers made of the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityConfig {
    /// Each header once, with the field that fills it.
    pub headers: Vec<(HeaderName, IdentityField)>,
}

/// One field of an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityField {
    /// `tenant_id`.
    TenantId,
    /// `needs_onboarding`.
    NeedsOnboarding,
    /// `user.` and then these keys; at least one.
    User(Vec<String>),
    /// `attributes.` and then these keys; at least one.
    Attributes(Vec<String>),
}

impl IdentityConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        let mut seen: Vec<HeaderName> = Vec::new();
        let headers = root.section("identity", |identity| {
            identity.pairs("headers", |name, field| {
                let name = header_name(name)?;
                if seen.contains(&name) {
                    return Err("is there twice; header names ignore case".to_owned());
                }
                seen.push(name.clone());
                Ok((name, IdentityField::parse(field)?))
            })
        });
        Self { headers }
    }
}

impl IdentityField {
    /// Reads a dotted path.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let malformed = || {
            format!(
                "{text:?} is not \"tenant_id\", \"needs_onboarding\" or a path such as \"user.email\" \
                 or \"attributes.plan\""
            )
        };
        let (root, rest) = text.split_once('.').unwrap_or((text, ""));
        let keys: Vec<String> = rest.split('.').map(str::to_owned).collect();
        let is_path = keys.len() <= MAX_DEPTH && keys.iter().all(|key| is_key(key));
        match root {
            _ if text == "tenant_id" => Ok(Self::TenantId),
            _ if text == "needs_onboarding" => Ok(Self::NeedsOnboarding),
            "user" if is_path => Ok(Self::User(keys)),
            "attributes" if is_path => Ok(Self::Attributes(keys)),
            _ => Err(malformed()),
        }
    }
}

impl fmt::Display for IdentityField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TenantId => f.write_str("tenant_id"),
            Self::NeedsOnboarding => f.write_str("needs_onboarding"),
            Self::User(keys) => write!(f, "user.{}", keys.join(".")),
            Self::Attributes(keys) => write!(f, "attributes.{}", keys.join(".")),
        }
    }
}

/// Whether Sidgate gives `name` its own meaning.
pub(super) fn is_fixed(name: &HeaderName) -> bool {
    name.as_str()
        .strip_prefix(PREFIX)
        .is_some_and(|rest| FIXED.contains(&rest))
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
    if is_fixed(&name) {
        return Err("is a header that sidgate itself defines".to_owned());
    }
    Ok(name)
}

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
