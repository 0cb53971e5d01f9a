//! A session as an app sees it: header values made once, assertions signed once in a while.
//!
//! A [`Badge`] hangs on the cached session, so that the hot path copies ready values.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::Value;
use session_core::secret::SecretString;
use session_core::session::Session;

use super::identity_field::IdentityField;
use super::token::{ASSERTION_REUSE, AppKeys, SessionClaims, SignError};

/// Longest value of an attribute header, in bytes.
pub const ATTRIBUTE_MAX: usize = 1_024;

/// Most JSON that one claim of an assertion carries, in bytes. Servers refuse requests whose header is too large (gunicorn:
/// a field of 8,190 bytes, Node: 16 KiB in all), and a user must not be able to lock themselves out by a long biography.
pub const CLAIM_MAX: usize = 4_096;

/// Apps for which a session keeps an assertion. Who visits more of them has the oldest one signed anew.
pub const ASSERTIONS_MAX: usize = 4;

/// Ready header values of one session.
#[derive(Debug)]
pub struct Badge {
    /// Number of the configuration under which it was made. Under another one it is invalid.
    pub generation: u64,
    /// `X-Session-Id`
    pub id: HeaderValue,
    /// The handle as text, for logs.
    pub handle: Box<str>,
    /// `X-Session-User-Id`
    pub user_id: Option<HeaderValue>,
    /// `X-Session-Tenant-Id`
    pub tenant_id: Option<HeaderValue>,
    /// `X-Session-Expires-At`
    pub expires_at: HeaderValue,
    /// The headers of `[identity.headers]`.
    pub attributes: Vec<(HeaderName, HeaderValue)>,
    /// Attributes and claims left out because they are not ASCII or too long.
    pub omitted: u64,
    /// The newest assertion for each app that this session has visited, the oldest first; at most [`ASSERTIONS_MAX`].
    issued: Mutex<Vec<Issued>>,
}

#[derive(Debug)]
struct Issued {
    app: Arc<str>,
    at: i64,
    assertion: HeaderValue,
}

impl Badge {
    /// Makes the header values of `session` as configuration number `generation` wants them.
    #[must_use]
    pub fn new(
        session: &Session,
        headers: &[(HeaderName, IdentityField)],
        generation: u64,
    ) -> Self {
        let identity = session.identity.to_value();
        let mut omitted = 0;
        let mut attributes = Vec::with_capacity(headers.len());
        for (name, field) in headers {
            match attribute(&identity, field) {
                Attribute::Value(value) => attributes.push((name.clone(), value)),
                Attribute::Absent => {}
                Attribute::Unfit => omitted += 1,
            }
        }
        omitted += CLAIMED
            .iter()
            .filter_map(|(pointer, _)| identity.pointer(pointer))
            .filter(|claim| !fits(claim))
            .count() as u64;
        let handle = session.id.to_string().into_boxed_str();
        Self {
            generation,
            id: HeaderValue::from_str(&handle).unwrap_or_else(|_| HeaderValue::from_static("")),
            handle,
            user_id: HeaderValue::from_str(session.identity.user_id()).ok(),
            tenant_id: session
                .identity
                .tenant_id()
                .and_then(|id| HeaderValue::from_str(id).ok()),
            expires_at: HeaderValue::from(session.expires_at.as_secs()),
            attributes,
            omitted,
            issued: Mutex::default(),
        }
    }

    /// The assertion for `app`, signed anew, with what is `confided` to it, when the last one is three quarters through its
    /// life.
    ///
    /// # Errors
    /// When signing fails.
    pub fn assertion(
        &self,
        session: &Session,
        app: &Arc<str>,
        keys: &AppKeys,
        confided: impl FnOnce() -> Confided,
        now: i64,
    ) -> Result<HeaderValue, SignError> {
        let mut issued = self.issued.lock();
        let at = issued.iter().position(|one| Arc::ptr_eq(&one.app, app));
        if let Some(one) = at.and_then(|at| issued.get(at))
            && (0..ASSERTION_REUSE).contains(&(now - one.at))
        {
            return Ok(one.assertion.clone());
        }
        let assertion = signed(keys, "active", &claims(session, confided(), None), now)?;
        if let Some(at) = at {
            issued.remove(at);
        } else if issued.len() >= ASSERTIONS_MAX {
            issued.remove(0);
        }
        issued.push(Issued {
            app: Arc::clone(app),
            at: now,
            assertion: assertion.clone(),
        });
        Ok(assertion)
    }
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

/// The claims of a live session, with what is `confided` to one app. `stale` is in seconds, for a session that is
/// served without a lease. A claim above [`CLAIM_MAX`] is left out.
#[must_use]
pub fn claims(session: &Session, confided: Confided, stale: Option<u64>) -> SessionClaims {
    let mut identity = session.identity.to_value();
    let [email, attrs, ah] = CLAIMED.map(|(pointer, is_right)| {
        let claim = identity.pointer_mut(pointer).map(Value::take);
        claim.filter(|claim| is_right(claim) && fits(claim))
    });
    SessionClaims {
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
