//! A session as an app sees it: header values, and a signed assertion of the same.
//!
//! A [`Badge`] is kept for a while, so that the hot path copies ready values.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use serde_json::Value;
use session_core::secret::SecretString;
use session_core::session::Session;
use uuid::Uuid;

use super::identity_field::IdentityField;
use super::token::{ASSERTION_REUSE, AppKeys, SessionClaims, SignError};
use crate::edge::identity_headers::{EXPIRES_AT, ID, STALE, TENANT_ID, USER_ID};

/// Longest value of an attribute header, in bytes.
pub const ATTRIBUTE_MAX: usize = 1_024;

/// Most JSON that one claim of an assertion carries, in bytes. Servers refuse requests whose header is too large (gunicorn:
/// a field of 8,190 bytes, Node: 16 KiB in all), and a user must not be able to lock themselves out by a long biography.
pub const CLAIM_MAX: usize = 4_096;

/// Everything that one app is told about one session, ready to be copied into requests.
#[derive(Debug)]
pub struct Badge {
    /// The headers of the session and those of `[identity.headers]`.
    pub fields: Box<[(HeaderName, HeaderValue)]>,
    /// All of it, signed for the app.
    pub assertion: HeaderValue,
    /// Attributes and claims left out because they are not ASCII or too long.
    pub omitted: u64,
    signed_at: i64,
}

impl Badge {
    /// What an app with these keys is told of `session` at `now`, with what is `confided` to it, by a request.
    ///
    /// # Errors
    /// When signing fails.
    pub fn new(
        session: &Session,
        headers: &[(HeaderName, IdentityField)],
        (keys, confided): (&AppKeys, Confided),
        by: RequestFacts,
        now: i64,
    ) -> Result<Self, SignError> {
        let identity = session.identity.to_value();
        let (fields, unfit) = fields(session, &identity, headers, by.stale);
        let claims = CLAIMED.iter();
        let claims = claims.filter_map(|(pointer, _)| identity.pointer(pointer));
        let omitted = unfit + claims.filter(|claim| !fits(claim)).count() as u64;
        Ok(Self {
            fields,
            assertion: signed(
                keys,
                "active",
                &claims_of(session, identity, confided, by),
                now,
            )?,
            omitted,
            signed_at: now,
        })
    }

    /// Whether it may be shown at `now`: until its assertion is three quarters through its life.
    #[must_use]
    pub fn may_be_shown(&self, now: i64) -> bool {
        may_be_reused(self.signed_at, now)
    }

    /// An upper estimate of its size, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        /// Of a value beside its text: the allocator's part, and the count of those who share it.
        const VALUE: usize = 64;

        let fields = self.fields.iter().map(|(_, value)| value.len() + VALUE);
        size_of::<Self>()
            + size_of_val(&*self.fields)
            + fields.sum::<usize>()
            + self.assertion.len()
            + VALUE
    }
}

/// Whether an assertion that was signed at `signed_at` may be sent at `now`. One from the future is not: the clock went back.
#[must_use]
pub fn may_be_reused(signed_at: i64, now: i64) -> bool {
    (0..ASSERTION_REUSE).contains(&(now - signed_at))
}

/// The fields about a session, without state and assertion, and how many of `headers` are left out because of their values.
#[must_use]
pub fn fields(
    session: &Session,
    identity: &Value,
    headers: &[(HeaderName, IdentityField)],
    stale: Option<u64>,
) -> (Box<[(HeaderName, HeaderValue)]>, u64) {
    let mut buffer = Uuid::encode_buffer();
    let id = session.id.hyphenated().encode_lower(&mut buffer);
    let own = [
        (ID, HeaderValue::from_str(id).ok()),
        (
            USER_ID,
            HeaderValue::from_str(session.identity.user_id()).ok(),
        ),
        (
            TENANT_ID,
            session
                .identity
                .tenant_id()
                .and_then(|id| HeaderValue::from_str(id).ok()),
        ),
        (
            EXPIRES_AT,
            Some(HeaderValue::from(session.expires_at.as_secs())),
        ),
        (STALE, stale.map(HeaderValue::from)),
    ];
    let mut fields = Vec::with_capacity(own.len() + headers.len());
    fields.extend(
        own.into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let mut unfit = 0;
    for (name, field) in headers {
        match attribute(identity, field) {
            Attribute::Value(value) => fields.push((name.clone(), value)),
            Attribute::Absent => {}
            Attribute::Unfit => unfit += 1,
        }
    }
    (fields.into_boxed_slice(), unfit)
}

/// What depends on the request by which an app is told.
#[derive(Clone, Debug, Default)]
pub struct RequestFacts {
    /// The site that it was sent to, where sites have names.
    pub site: Option<Arc<str>>,
    /// Seconds since the session was last confirmed, where it is served without a lease.
    pub stale: Option<u64>,
}

/// What only one app is told of a session.
#[derive(Debug, Default)]
pub struct Confided {
    /// The app's own reference.
    pub reference: Option<SecretString>,
    /// Whether it is told the fingerprint of the credentials: it made that itself.
    pub auth_hash: bool,
}

/// Signs and wraps; the value is sensitive, so that no table of header compression keeps it.
///
/// # Errors
/// When signing fails.
pub fn signed(
    keys: &AppKeys,
    state: &'static str,
    claims: &SessionClaims,
    now: i64,
) -> Result<HeaderValue, SignError> {
    let token = keys.assertion(state, claims, now)?;
    let mut value = HeaderValue::try_from(token)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Where a claim is found in an identity, and of what type it has to be.
type Claimed = (&'static str, fn(&Value) -> bool);

/// What an assertion takes out of an identity.
const CLAIMED: [Claimed; 3] = [
    ("/user/email", Value::is_string),
    ("/attributes", Value::is_object),
    ("/auth_hash", Value::is_string),
];

fn fits(claim: &Value) -> bool {
    claim.to_string().len() <= CLAIM_MAX
}

/// The claims of a live session with this identity, with what is `confided` to one app. A claim above [`CLAIM_MAX`] is left
/// out.
fn claims_of(
    session: &Session,
    mut identity: Value,
    confided: Confided,
    RequestFacts { site, stale }: RequestFacts,
) -> SessionClaims {
    let [email, attrs, ah] = CLAIMED.map(|(pointer, is_right)| {
        let claim = identity.pointer_mut(pointer).map(Value::take);
        claim.filter(|claim| is_right(claim) && fits(claim))
    });
    SessionClaims {
        site: site.map(|site| site.to_string()),
        sid: Some(session.id.to_string()),
        sub: Some(session.identity.user_id().to_owned()),
        tid: session.identity.tenant_id().map(str::to_owned),
        email,
        attrs,
        auth_time: Some(session.auth_time.as_secs()),
        ah: ah.filter(|_| confided.auth_hash),
        reference: confided.reference.map(|text| text.expose().to_owned()),
        stale,
    }
}

enum Attribute {
    Value(HeaderValue),
    Absent,
    Unfit,
}

/// The part of an identity that a field names.
#[must_use]
pub fn field<'a>(identity: &'a Value, field: &IdentityField) -> Option<&'a Value> {
    match field {
        IdentityField::TenantId => identity.get("tenant_id"),
        IdentityField::NeedsOnboarding => identity.get("needs_onboarding"),
        IdentityField::User(keys) => dig(identity.get("user"), keys),
        IdentityField::Attributes(keys) => dig(identity.get("attributes"), keys),
    }
}

fn attribute(identity: &Value, name: &IdentityField) -> Attribute {
    let text = match field(identity, name) {
        None | Some(Value::Null) => return Attribute::Absent,
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let fits = text.len() <= ATTRIBUTE_MAX
        && text
            .bytes()
            .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    // A value that begins or ends with a space would reach the app without it.
    if !fits || text.trim_matches(' ') != text {
        return Attribute::Unfit;
    }
    HeaderValue::try_from(text).map_or(Attribute::Unfit, Attribute::Value)
}

fn dig<'a>(from: Option<&'a Value>, keys: &[String]) -> Option<&'a Value> {
    keys.iter().try_fold(from?, |value, key| value.get(key))
}

#[cfg(test)]
mod tests;
