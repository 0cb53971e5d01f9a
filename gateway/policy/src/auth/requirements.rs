//! What a route asks of a session beyond that there is one.
//!
//! Who is not logged in is asked to log in first; all of this is about somebody who is. The login must not be too old, and
//! the identity must say what the route wants to hear.

use std::time::Duration;

use serde_json::Value;
use session_core::clock::Timestamp;
use session_core::session::Session;

use super::identity::field;
use super::identity_field::IdentityField;

/// What is asked of a session. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirements {
    /// How long ago the login may be; `None`: as long as the session lives.
    pub fresh: Option<Duration>,
    /// Each of these fields must have one of its values.
    pub allow: Vec<Allowed>,
}

/// A field of an identity, and the values that get through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The field.
    pub field: IdentityField,
    /// One of these is enough.
    pub values: Vec<String>,
}

/// What a session lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// Its login is too long ago.
    Stale,
    /// Its identity does not say what is wanted.
    NotAllowed,
}

impl Requirements {
    /// Whether a session is all that is asked for at `now`, which is asked only if it matters.
    ///
    /// # Errors
    /// What it lacks. Somebody who has to log in again is told so first: the new login may be another user's.
    pub fn check(&self, session: &Session, now: impl FnOnce() -> Timestamp) -> Result<(), Unmet> {
        if let Some(fresh) = self.fresh
            && now().since(session.auth_time) > fresh
        {
            return Err(Unmet::Stale);
        }
        if self.allow.is_empty() {
            return Ok(());
        }
        let identity = session.identity.to_value();
        let is_met = |allowed: &Allowed| allowed.is_met(&identity);
        if self.allow.iter().all(is_met) {
            Ok(())
        } else {
            Err(Unmet::NotAllowed)
        }
    }
}

impl Allowed {
    /// Of a list one element is enough. A field that is absent or null has no value.
    fn is_met(&self, identity: &Value) -> bool {
        match field(identity, &self.field) {
            None | Some(Value::Null) => false,
            Some(Value::Array(elements)) => elements.iter().any(|element| self.names(element)),
            Some(value) => self.names(value),
        }
    }

    /// A text is compared as it is, everything else as JSON writes it.
    fn names(&self, value: &Value) -> bool {
        let is_listed = |text: &str| self.values.iter().any(|wanted| wanted == text);
        match value {
            Value::String(text) => is_listed(text),
            other => is_listed(&other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
