//! Who a user is, as the app said it (`Identity` of DESIGN 7).
//!
//! The app's JSON is checked once, when it arrives, and then kept as compact text together with the few fields that the
//! hot path asks for, in one allocation: a parsed tree of the same identity would take several times the memory in the
//! cache.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::refused::{MemberRefused, MemberRule, WhyRefused, check_members};
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
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The compact JSON, then the id of the user, then that of the tenant.
    texts: Text,
    user_id_len: u8,
    /// Zero: there is no tenant.
    tenant_id_len: u8,
}

/// What every path of a refused member begins with.
const ROOT: &str = "identity";

/// What an id has to be.
const ID_FORM: &str = "1 to 128 visible ASCII characters";

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
    /// Checks what an app sent.
    ///
    /// # Errors
    /// The member that is not as documented, and why.
    pub fn from_value(value: Value) -> Result<Self, MemberRefused> {
        let checked = check_shape(&value, &PATCH_MEMBERS);
        match (serde_json::from_value(value), checked) {
            (Ok(patch), Ok(())) => Ok(patch),
            (_, Err(refused)) => Err(refused),
            (Err(_), Ok(())) => Err(not_documented()),
        }
    }

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

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.as_json()).finish()
    }
}

impl Identity {
    /// Checks what an app sent.
    ///
    /// # Errors
    /// The member that is not as documented, and why.
    pub fn from_value(value: Value) -> Result<(Self, Option<SecretString>), MemberRefused> {
        check_shape(&value, &MEMBERS)?;
        if value.get("user").is_none() {
            return Err(of("user", WhyRefused::Missing));
        }
        let mut form: Form =
            serde_json::from_value(value).map_err(|_quotes_the_value| not_documented())?;
        let reference = form.r#ref.take();
        Ok((Self::from_form(&form)?, reference))
    }

    /// Reads back what [`Identity::as_json`] gave.
    ///
    /// # Errors
    /// As for [`Identity::from_value`]: the store may have been written by somebody else.
    pub fn from_stored(json: &str) -> Result<Self, MemberRefused> {
        Self::from_form(&parse(json)?)
    }

    fn from_form(form: &Form) -> Result<Self, MemberRefused> {
        let (user_id, user_id_len) = match form.user.get("id") {
            Some(Value::String(text)) => (text, id_len(text, "user.id")?),
            Some(_) => return Err(of("user.id", WhyRefused::MustBe("a string"))),
            None => return Err(of("user.id", WhyRefused::Missing)),
        };
        let tenant_id = form.tenant_id.as_deref();
        let tenant_id_len = tenant_id.map_or(Ok(0), |text| id_len(text, "tenant_id"))?;
        let json = serde_json::to_string(form).map_err(|_impossible| not_documented())?;
        if json.len() > IDENTITY_MAX {
            let why = WhyRefused::TooLarge(IDENTITY_MAX);
            return Err(MemberRefused::new(ROOT, why));
        }
        // PostgreSQL cannot store this character.
        if json.contains("\\u0000") {
            return Err(MemberRefused::new(ROOT, WhyRefused::Nul));
        }
        Ok(Self {
            texts: [&json, user_id, tenant_id.unwrap_or_default()]
                .concat()
                .into(),
            user_id_len,
            tenant_id_len,
        })
    }

    /// The identity with `patch` merged into it. The user cannot be exchanged for another one.
    ///
    /// # Errors
    /// When the result is not a valid identity, or names another user.
    pub fn merged(&self, patch: &IdentityPatch) -> Result<Self, MemberRefused> {
        if patch
            .reference()
            .flatten()
            .is_some_and(|text| !fits_reference(text.expose()))
        {
            return Err(of("ref", WhyRefused::MustBe(REFERENCE_FORM)));
        }
        let mut form = parse(self.as_json())?;
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
        if merged.user_id() != self.user_id() {
            return Err(of("user.id", WhyRefused::Fixed));
        }
        Ok(merged)
    }

    /// The user's id.
    #[must_use]
    pub fn user_id(&self) -> &str {
        self.split().1
    }

    /// The tenant's id.
    #[must_use]
    pub fn tenant_id(&self) -> Option<&str> {
        Some(self.split().2).filter(|id| !id.is_empty())
    }

    /// Compact JSON, as stored.
    #[must_use]
    pub fn as_json(&self) -> &str {
        self.split().0
    }

    /// JSON, user and tenant.
    fn split(&self) -> (&str, &str, &str) {
        let ids = usize::from(self.user_id_len) + usize::from(self.tenant_id_len);
        let (json, ids) = split_at(&self.texts, self.texts.len().saturating_sub(ids));
        let (user_id, tenant_id) = split_at(ids, self.user_id_len.into());
        (json, user_id, tenant_id)
    }

    /// The identity as a tree, for building views of it. Not for the hot path.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(self.as_json()).unwrap_or(Value::Null)
    }
}

fn parse(json: &str) -> Result<Form, MemberRefused> {
    serde_json::from_str(json).map_err(|_quotes_the_value| not_documented())
}

/// What a reference has to be.
const REFERENCE_FORM: &str = "a string of at most 512 bytes without control characters, or null";

/// The members of an identity, and what each has to be.
const MEMBERS: [MemberRule; 6] = [
    ("user", "an object", Value::is_object),
    ("tenant_id", "a string or null", is_text_or_null),
    ("needs_onboarding", "true or false", Value::is_boolean),
    ("attributes", "an object", Value::is_object),
    ("auth_hash", "a string or null", is_text_or_null),
    ("ref", REFERENCE_FORM, is_reference_or_null),
];

/// The same for a change of one.
const PATCH_MEMBERS: [MemberRule; 6] = [
    MEMBERS[0],
    MEMBERS[1],
    ("needs_onboarding", "true, false or null", is_flag_or_null),
    MEMBERS[3],
    MEMBERS[4],
    // Its length is checked when it is merged, like that of a `ref` event.
    ("ref", "a string or null", is_text_or_null),
];

fn is_text_or_null(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

fn is_flag_or_null(value: &Value) -> bool {
    value.is_boolean() || value.is_null()
}

fn is_reference_or_null(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(fits_reference)
}

/// Names the member that is wrong. Serde's own message would quote its value, which may be personal.
fn check_shape(identity: &Value, rules: &[MemberRule]) -> Result<(), MemberRefused> {
    let members = identity
        .as_object()
        .ok_or_else(|| MemberRefused::new(ROOT, WhyRefused::MustBe("an object")))?;
    check_members(members, rules).map_err(|refused| refused.within(ROOT))
}

/// A refused member of an identity.
fn of(member: &str, why: WhyRefused) -> MemberRefused {
    MemberRefused::new(member, why).within(ROOT)
}

/// What passes [`check_shape`] and is still none.
fn not_documented() -> MemberRefused {
    MemberRefused::new(ROOT, WhyRefused::MustBe("as documented"))
}

/// Whether `text` may be the id of a user or a tenant: 1 to [`ID_MAX`] visible ASCII characters.
#[must_use]
pub fn is_id(text: &str) -> bool {
    (1..=ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The length of an id, if `text` is one.
fn id_len(text: &str, member: &str) -> Result<u8, MemberRefused> {
    let len = u8::try_from(text.len()).ok().filter(|_| is_id(text));
    len.ok_or_else(|| of(member, WhyRefused::MustBe(ID_FORM)))
}

/// Lengths are kept with the text that they belong to, so the place always is one.
fn split_at(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
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
