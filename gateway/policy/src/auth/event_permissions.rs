//! Which events may an app send? (DESIGN 7)
//!
//! An event changes who somebody is for every app. So the app that knows the users may send all of them, any other one only
//! what its configuration says. Whatever opens the doors of operators is written by the app that knows the users alone. So is
//! the fingerprint of the credentials, once there is one: with it a new password ends old sessions.

use serde_json::Value;
use session_core::session::IdentityPatch;
use strum::VariantArray as _;
use thiserror::Error;

use super::event::{EventKind, LoginEvent, SessionEvent};
use super::identity::field;
use super::identity_field::IdentityField;

/// What one app may ask for.
#[derive(Clone, Debug)]
pub struct EventPermissions {
    is_backend: bool,
    kinds: Vec<EventKind>,
    /// Fields of an identity that this app may not write.
    guarded: Vec<IdentityField>,
}

/// What an app asked for without permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotPermitted {
    /// An event of this kind.
    #[error("this app may not send \"{}\" events", .0.as_str())]
    Kind(EventKind),
    /// A field that decides who is an operator, or who may use a route.
    #[error("this app may not write a field that admin.claim or a route's allow names")]
    Claim,
    /// The fingerprint of the credentials of a session that is there.
    #[error("this app may not change auth_hash")]
    AuthHash,
}

impl NotPermitted {
    /// The reason in the audit trail.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Claim => "claim",
            Self::AuthHash => "auth_hash",
        }
    }
}

impl EventPermissions {
    /// The permissions of the app that knows the users, or of another one. `kinds` is what its configuration says, `guarded`
    /// the fields that open the admin API and routes.
    #[must_use]
    pub fn new<'f>(
        is_backend: bool,
        kinds: Option<&[EventKind]>,
        guarded: impl IntoIterator<Item = &'f IdentityField>,
    ) -> Self {
        let default: &[EventKind] = if is_backend {
            EventKind::VARIANTS
        } else {
            &[EventKind::Logout, EventKind::Rotate]
        };
        let guarded = guarded.into_iter().filter(|_| !is_backend);
        Self {
            is_backend,
            kinds: kinds.unwrap_or(default).to_vec(),
            guarded: guarded.cloned().collect(),
        }
    }

    /// Whether the app may send all of these. If not, none of them counts: an answer is obeyed as a whole.
    ///
    /// # Errors
    /// The first event or field that is not permitted.
    pub fn check(&self, events: &[SessionEvent]) -> Result<(), NotPermitted> {
        for event in events {
            if let Some(kind) = kinds(event).find(|kind| !self.kinds.contains(kind)) {
                return Err(NotPermitted::Kind(kind));
            }
            if self.guarded.iter().any(|guarded| writes(event, guarded)) {
                return Err(NotPermitted::Claim);
            }
            if !self.is_backend && changes_auth_hash(event) {
                return Err(NotPermitted::AuthHash);
            }
        }
        Ok(())
    }
}

/// An update may set a reference too.
fn kinds(event: &SessionEvent) -> impl Iterator<Item = EventKind> {
    let with_reference = match event {
        SessionEvent::Update(patch) => patch.reference().is_some(),
        SessionEvent::Login(login) => login.reference.is_some(),
        SessionEvent::Logout(_) | SessionEvent::Rotate | SessionEvent::Reference(_) => false,
    };
    [Some(event.kind()), with_reference.then_some(EventKind::Ref)]
        .into_iter()
        .flatten()
}

/// Whether `event` says anything about this field. An update replaces whole members, so one that names the member in
/// which the field lies does, whatever it puts there.
fn writes(event: &SessionEvent, guarded: &IdentityField) -> bool {
    match event {
        SessionEvent::Login(LoginEvent { identity, .. }) => {
            field(&identity.to_value(), guarded).is_some_and(|value| *value != Value::Null)
        }
        SessionEvent::Update(patch) => names(patch, guarded),
        SessionEvent::Logout(_) | SessionEvent::Rotate | SessionEvent::Reference(_) => false,
    }
}

/// A login brings its own.
fn changes_auth_hash(event: &SessionEvent) -> bool {
    matches!(event, SessionEvent::Update(patch) if patch.names_auth_hash())
}

fn names(patch: &IdentityPatch, guarded: &IdentityField) -> bool {
    let member = |keys: &[String], is_named: &dyn Fn(&str) -> bool| {
        keys.first().is_some_and(|member| is_named(member))
    };
    match guarded {
        IdentityField::TenantId => patch.names_tenant(),
        IdentityField::NeedsOnboarding => patch.names_onboarding(),
        IdentityField::User(keys) => member(keys, &|name| patch.names_user(name)),
        IdentityField::Attributes(keys) => member(keys, &|name| patch.names_attribute(name)),
    }
}

#[cfg(test)]
mod tests;
