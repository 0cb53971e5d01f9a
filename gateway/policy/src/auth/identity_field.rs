//! A field of an identity, as configurations name it.

use std::fmt;

/// Most keys of a path.
const MAX_DEPTH: usize = 8;

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

impl IdentityField {
    /// Reads a dotted path.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
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

fn is_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
