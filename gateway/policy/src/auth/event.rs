//! What an app may ask for in `X-Session-Event` (DESIGN 7).

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use session_core::secret::SecretString;
use session_core::session::{Identity, IdentityPatch, MemberRefused};
use strum::VariantArray as _;

mod shape;

/// What an app may ask for in the answer to a request.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum EventKind {
    /// Somebody proved who they are.
    Login,
    /// Sessions end.
    Logout,
    /// What is said of the user changes.
    Update,
    /// The session gets another sid.
    Rotate,
    /// The app's own reference changes.
    Ref,
}

impl EventKind {
    /// As in the configuration, in tokens and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it is not one of them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let known = || {
            Self::VARIANTS
                .iter()
                .map(|kind| kind.as_str())
                .collect::<Vec<_>>()
        };
        let found = text.parse();
        found.map_err(|_unknown| format!("{text:?} is not one of {}", known().join(", ")))
    }
}

/// One change that an app asks for in the session of the request it answers.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionEvent {
    /// Somebody proved who they are.
    Login(LoginEvent),
    /// Sessions end.
    Logout(LogoutScope),
    /// The identity changes.
    Update(IdentityPatch),
    /// The session gets a new sid.
    Rotate,
    /// The app's own reference changes; `None` removes it.
    Reference(Option<SecretString>),
}

/// A login, as an app tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct LoginEvent {
    /// Who.
    pub identity: Identity,
    /// The app's reference.
    pub reference: Option<SecretString>,
    /// Shorter life than configured.
    pub ttl: Option<Duration>,
    /// Whether the cookie stays when the browser is closed; absent: it does.
    pub remember: Option<bool>,
}

/// Which sessions a logout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogoutScope {
    /// The one of this request.
    This,
    /// All of the user but that one.
    Others,
    /// All of the user.
    All,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Form {
    Login {
        identity: Value,
        #[serde(default)]
        ttl: Option<u64>,
        #[serde(default)]
        remember: Option<bool>,
    },
    Logout {
        scope: LogoutScope,
    },
    Update {
        identity: Value,
    },
    // Braces: serde lets a variant without them have any further fields.
    Rotate {},
    Ref {
        r#ref: Option<SecretString>,
    },
}

impl SessionEvent {
    /// Reads the `ev` member of a token. All of its events or none.
    ///
    /// # Errors
    /// Which member of them is not of the documented shape.
    pub fn parse_all(events: Value) -> Result<Vec<Self>, MemberRefused> {
        shape::check(&events)?;
        let forms: Vec<Form> =
            serde_json::from_value(events).map_err(|_quotes_the_value| shape::undocumented())?;
        let events = forms.into_iter().enumerate();
        events
            .map(|(index, form)| {
                Self::from_form(form).map_err(|refused| refused.within(shape::nth(index)))
            })
            .collect()
    }

    fn from_form(form: Form) -> Result<Self, MemberRefused> {
        Ok(match form {
            Form::Login {
                identity,
                ttl,
                remember,
            } => {
                let (identity, reference) = Identity::from_value(identity)?;
                Self::Login(LoginEvent {
                    identity,
                    reference,
                    ttl: ttl.map(Duration::from_secs),
                    remember,
                })
            }
            Form::Logout { scope } => Self::Logout(scope),
            Form::Update { identity } => Self::Update(IdentityPatch::from_value(identity)?),
            Form::Rotate {} => Self::Rotate,
            Form::Ref { r#ref } => Self::Reference(r#ref),
        })
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> EventKind {
        match self {
            Self::Login(_) => EventKind::Login,
            Self::Logout(_) => EventKind::Logout,
            Self::Update(_) => EventKind::Update,
            Self::Rotate => EventKind::Rotate,
            Self::Reference(_) => EventKind::Ref,
        }
    }
}

#[cfg(test)]
mod tests;
