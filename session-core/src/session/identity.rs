//! Who a user is, as the app said it (`Identity` of DESIGN 7).
//!
//! The app's JSON is checked once, when it arrives, and then kept as one compact string beside the few fields that the
//! hot path asks for: a parsed tree of the same identity would take several times the memory in the cache.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

use crate::secret::SecretString;

/// Longest identity that is accepted, as compact JSON, in bytes.
pub const IDENTITY_MAX: usize = 16 * 1024;

/// Longest user or tenant id, in bytes.
pub const ID_MAX: usize = 128;

/// Longest reference of an app, in bytes.
pub const REFERENCE_MAX: usize = 512;

/// Owned, immutable text.
pub type Text = Box<str>;

/// A checked identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    user_id: Text,
    tenant_id: Option<Text>,
    json: Text,
}

/// Why an identity from an app is not acceptable.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum IdentityError {
    /// A member is missing, unknown or of the wrong type. Names the member, never its value.
    #[error("identity is not of the documented shape: {0}")]
    Shape(&'static str),
    /// An update names another user.
    #[error("an update cannot change user.id")]
    OtherUser,
    /// An id is empty, too long, or not visible ASCII.
    #[error("{0} must be 1 to {ID_MAX} visible ASCII characters")]
    Id(&'static str),
    /// More than [`IDENTITY_MAX`] bytes.
    #[error("identity is larger than {IDENTITY_MAX} bytes")]
    TooLarge,
}

/// The identity as JSON. Unknown members are refused: a typing mistake in an app must not lose an attribute silently.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    user: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    #[serde(default)]
    needs_onboarding: bool,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth_hash: Option<String>,
    #[serde(default, skip_serializing)]
    r#ref: Option<SecretString>,
}

/// A change to an identity: `user` and `attributes` merge by key and `null` deletes; the rest replaces (DESIGN 7, `update`).
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct IdentityPatch {
    #[serde(default)]
    user: Map<String, Value>,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default, deserialize_with = "present")]
    tenant_id: Option<Option<String>>,
    #[serde(default)]
    needs_onboarding: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    auth_hash: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    r#ref: Option<Option<SecretString>>,
}

/// Tells a member that is `null` from one that is absent.
fn present<'de, D, T>(from: D) -> Result<Option<Option<T>>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(from).map(Some)
}

impl IdentityPatch {
    /// A patch that changes the reference only; `None` removes it.
    #[must_use]
    pub fn of_reference(reference: Option<SecretString>) -> Self {
        Self {
            r#ref: Some(reference),
            ..Self::default()
        }
    }

    /// The new reference, when the patch names one: `Some(None)` removes it.
    #[must_use]
    pub fn reference(&self) -> Option<Option<&SecretString>> {
        self.r#ref.as_ref().map(Option::as_ref)
    }

    /// Whether the patch says anything about this member of `user`.
    #[must_use]
    pub fn names_user(&self, member: &str) -> bool {
        self.user.contains_key(member)
    }

    /// Whether the patch says anything about this member of `attributes`.
    #[must_use]
    pub fn names_attribute(&self, member: &str) -> bool {
        self.attributes.contains_key(member)
    }

    /// Whether the patch names another tenant, or none.
    #[must_use]
    pub const fn names_tenant(&self) -> bool {
        self.tenant_id.is_some()
    }

    /// Whether the patch says anything about the fingerprint of the credentials.
    #[must_use]
    pub const fn names_auth_hash(&self) -> bool {
        self.auth_hash.is_some()
    }

    /// Whether the patch says anything about onboarding.
    #[must_use]
    pub const fn names_onboarding(&self) -> bool {
        self.needs_onboarding.is_some()
    }
}

impl Identity {
    /// Checks what an app sent.
    ///
    /// # Errors
    /// What is wrong with it, in words for the app's developer.
    pub fn from_value(value: Value) -> Result<(Self, Option<SecretString>), IdentityError> {
        let culprit = culprit(&value);
        let mut form: Form =
            serde_json::from_value(value).map_err(|_error| IdentityError::Shape(culprit))?;
        let reference = form.r#ref.take();
        if reference
            .as_ref()
            .is_some_and(|text| !fits_reference(text.expose()))
        {
            return Err(IdentityError::Shape("ref"));
        }
        Ok((Self::from_form(&form)?, reference))
    }

    /// Reads back what [`Identity::as_json`] gave.
    ///
    /// # Errors
    /// As for [`Identity::from_value`]: the store may have been written by somebody else.
    pub fn from_stored(json: &str) -> Result<Self, IdentityError> {
        Self::from_form(&parse(json)?)
    }

    fn from_form(form: &Form) -> Result<Self, IdentityError> {
        let user_id = form
            .user
            .get("id")
            .and_then(Value::as_str)
            .ok_or(IdentityError::Id("user.id"))?;
        let user_id = id(user_id, "user.id")?;
        let tenant_id = form
            .tenant_id
            .as_deref()
            .map(|text| id(text, "tenant_id"))
            .transpose()?;
        let json =
            serde_json::to_string(form).map_err(|_error| IdentityError::Shape("identity"))?;
        if json.len() > IDENTITY_MAX {
            return Err(IdentityError::TooLarge);
        }
        // PostgreSQL cannot store this character.
        if json.contains("\\u0000") {
            return Err(IdentityError::Shape("a text with U+0000"));
        }
        Ok(Self {
            user_id,
            tenant_id,
            json: json.into_boxed_str(),
        })
    }

    /// The identity with `patch` merged into it. The user cannot be exchanged for another one.
    ///
    /// # Errors
    /// When the result is not a valid identity, or names another user.
    pub fn merged(&self, patch: &IdentityPatch) -> Result<Self, IdentityError> {
        if patch
            .reference()
            .flatten()
            .is_some_and(|text| !fits_reference(text.expose()))
        {
            return Err(IdentityError::Shape("ref"));
        }
        let mut form = parse(&self.json)?;
        merge(&mut form.user, &patch.user);
        merge(&mut form.attributes, &patch.attributes);
        if let Some(tenant_id) = &patch.tenant_id {
            form.tenant_id.clone_from(tenant_id);
        }
        if let Some(needs_onboarding) = patch.needs_onboarding {
            form.needs_onboarding = needs_onboarding;
        }
        if let Some(auth_hash) = &patch.auth_hash {
            form.auth_hash.clone_from(auth_hash);
        }
        let merged = Self::from_form(&form)?;
        if merged.user_id != self.user_id {
            return Err(IdentityError::OtherUser);
        }
        Ok(merged)
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        self.tenant_id.as_deref()
    }

    /// Compact JSON, as stored.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The identity as a tree, for building views of it. Not for the hot path.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.json).unwrap_or(Value::Null)
    }
}

fn parse(json: &str) -> Result<Form, IdentityError> {
    serde_json::from_str(json).map_err(|_error| IdentityError::Shape("identity"))
}

/// Names the member that is wrong. Serde's own message would quote its value, which may be personal.
fn culprit(identity: &Value) -> &'static str {
    let Some(members) = identity.as_object() else {
        return "identity is not an object";
    };
    let text = |name: &str| {
        members
            .get(name)
            .is_some_and(|value| !value.is_string() && !value.is_null())
    };
    match () {
        () if !members.get("user").is_some_and(Value::is_object) => "user",
        () if members
            .get("attributes")
            .is_some_and(|value| !value.is_object()) =>
        {
            "attributes"
        }
        () if members
            .get("needs_onboarding")
            .is_some_and(|value| !value.is_boolean()) =>
        {
            "needs_onboarding"
        }
        () if text("tenant_id") => "tenant_id",
        () if text("auth_hash") => "auth_hash",
        () if text("ref") => "ref",
        () => "a member that is not documented",
    }
}

/// Whether `text` may be the id of a user or a tenant: 1 to [`ID_MAX`] visible ASCII characters.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn id(text: &str, field: &'static str) -> Result<Text, IdentityError> {
    if is_id(text) {
        Ok(text.into())
    } else {
        Err(IdentityError::Id(field))
    }
}

fn fits_reference(text: &str) -> bool {
    text.len() <= REFERENCE_MAX && !text.chars().any(char::is_control)
}

fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        if value.is_null() {
            into.remove(name);
        } else {
            into.insert(name.clone(), value.clone());
        }
    }
}
