//! The key shared with one app, and the three kinds of token signed with it (DESIGN 7 and 8).
//!
//! HS256 and nothing else. Sidgate signs with its current key and accepts tokens under any key that
//! rotation keeps valid. Time comes in as an argument: the library's own clock is switched off.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use session_core::secret::SecretKey;
use session_core::session::MemberRefused;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use uuid::Uuid;

use super::hs256;

/// Life of an assertion in seconds.
pub const ASSERTION_LIFE: i64 = 60;
/// Age from which on an assertion is made anew: 75 % of its life.
pub const ASSERTION_REUSE: i64 = 45;
/// Life of a signed request to the backend in seconds.
const REQUEST_LIFE: i64 = 30;
/// Oldest `X-Session-Event` that is accepted, in seconds.
const EVENT_AGE_MAX: i64 = 60;
/// How far an app's clock may be ahead, in seconds.
const CLOCK_SKEW: i64 = 5;
/// What Sidgate calls itself in tokens.
const SELF: &str = "sidgate";

/// Keys shared with one app.
pub struct AppKeys {
    name: String,
    sign: EncodingKey,
    verify: Vec<DecodingKey>,
}

impl std::fmt::Debug for AppKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppKeys")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Why a token could not be made. With HMAC keys in memory, and base64url for a text, neither happens.
#[derive(Debug, Error)]
pub enum SignError {
    /// The library could not sign it.
    #[error("token could not be signed")]
    Signature(#[from] jsonwebtoken::errors::Error),
    /// It is signed, and has bytes that no header may have.
    #[error("token is not a valid header value")]
    Header(#[from] http::header::InvalidHeaderValue),
}

/// Why a token from an app is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum TokenRefused {
    /// Not a token of ours: form, algorithm, key, issuer or audience.
    #[error("not signed by this app for sidgate")]
    Signature,
    /// Signed by this app for us, but `iat`, `req` or `ev` is missing or of another type.
    #[error("a claim is missing or of another type")]
    Malformed,
    /// Older than a minute, or from the future.
    #[error("not recent")]
    Time,
    /// Made for another request.
    #[error("bound to another request")]
    Request,
    /// The events are not of the documented shape.
    #[error("events are not of the documented shape")]
    Shape,
}

impl TokenRefused {
    /// Metric label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl From<MemberRefused> for TokenRefused {
    fn from(_which: MemberRefused) -> Self {
        Self::Shape
    }
}

/// What an app may learn about a session, as claims of an assertion.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SessionClaims {
    /// The site that the request was sent to, where sites have names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The session's handle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// The user's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// The tenant's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<String>,
    /// The user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<Value>,
    /// Whatever else the app said about the session at login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attrs: Option<Value>,
    /// When the user proved who they are, unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// The app's own fingerprint of the credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ah: Option<Value>,
    /// The app's reference.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Seconds since the session was last confirmed, when it is served without a lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<u64>,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    state: &'static str,
    #[serde(flatten)]
    session: &'a SessionClaims,
}

#[derive(Serialize)]
struct BackendRequest<'a> {
    iss: &'static str,
    aud: &'a str,
    iat: i64,
    exp: i64,
    bh: &'a str,
}

/// What an app that shows an assertion has been told.
#[derive(Debug, Deserialize)]
pub struct Shown {
    iat: i64,
    /// The site that its request was sent to, where sites have names.
    #[serde(default)]
    pub site: Option<String>,
    /// The handle of the session; `None`: it was told of none.
    #[serde(default)]
    pub sid: Option<Uuid>,
    /// Whose it is.
    #[serde(default)]
    pub sub: Option<String>,
}

#[derive(Deserialize)]
struct EventToken {
    iat: i64,
    req: String,
    /// The site of the request, as the app has heard it. `null` is no text.
    #[serde(default, deserialize_with = "text")]
    site: Option<String>,
    ev: Value,
}

fn text<'de, D: Deserializer<'de>>(claim: D) -> Result<Option<String>, D::Error> {
    String::deserialize(claim).map(Some)
}

/// The request that an event has to answer.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'r> {
    /// `X-Request-Id`
    pub request_id: &'r str,
    /// The site that it was sent to, where sites have names.
    pub site: Option<&'r str>,
}

impl AppKeys {
    /// `keys`: the current one first, then those that rotation keeps valid.
    #[must_use]
    pub fn new(name: &str, keys: &[SecretKey]) -> Self {
        hs256::install();
        let current = keys.first().map_or(&[][..], |key| key.expose().as_slice());
        Self {
            name: name.to_owned(),
            sign: EncodingKey::from_secret(current),
            verify: keys
                .iter()
                .map(|key| DecodingKey::from_secret(key.expose()))
                .collect(),
        }
    }

    /// Signs what the app is told about a session.
    ///
    /// # Errors
    /// When signing fails.
    pub fn assertion(
        &self,
        state: &'static str,
        session: &SessionClaims,
        now: i64,
    ) -> Result<String, SignError> {
        let (iat, exp) = (now, now.saturating_add(ASSERTION_LIFE));
        self.sign(&Assertion {
            iss: SELF,
            aud: &self.name,
            iat,
            exp,
            state,
            session,
        })
    }

    /// Signs a request to the backend; `body` is what will be sent.
    ///
    /// # Errors
    /// When signing fails.
    pub fn backend_request(&self, body: &[u8], now: i64) -> Result<String, SignError> {
        let bh = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
        let aud = format!("{}:backend", self.name);
        let (iat, exp) = (now, now.saturating_add(REQUEST_LIFE));
        self.sign(&BackendRequest {
            iss: SELF,
            aud: &aud,
            iat,
            exp,
            bh: &bh,
        })
    }

    /// Opens an `X-Session-Event`: the JSON of its events, if it is this app's answer to this very request.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn open_event(
        &self,
        token: &[u8],
        request: Answered<'_>,
        now: i64,
    ) -> Result<Value, TokenRefused> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[&self.name]);
        validation.set_audience(&[SELF]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // Time is judged below, against the clock that was handed in.
        validation.validate_exp = false;
        let opened = self.verify.iter().find_map(|key| {
            match jsonwebtoken::decode::<EventToken>(token, key, &validation) {
                Ok(data) => Some(Ok(data.claims)),
                // Whoever reads "signature" looks at keys. A genuine token with other claims is told apart.
                Err(_) => jsonwebtoken::decode::<IgnoredAny>(token, key, &validation)
                    .is_ok()
                    .then_some(Err(TokenRefused::Malformed)),
            }
        });
        let EventToken { iat, req, site, ev } = opened.unwrap_or(Err(TokenRefused::Signature))?;
        if now.saturating_sub(iat) > EVENT_AGE_MAX || iat.saturating_sub(now) > CLOCK_SKEW {
            return Err(TokenRefused::Time);
        }
        // An app that says nothing about the site is bound by the id alone.
        let is_of_site = site.is_none_or(|site| Some(&*site) == request.site);
        if req != request.request_id || !is_of_site {
            return Err(TokenRefused::Request);
        }
        Ok(ev)
    }

    /// Opens an assertion that the app shows as its own: what it was told while it served a request that may have come up to
    /// `life` seconds ago. `None`: it is none of ours, or was made for another app or another time.
    #[must_use]
    pub fn open_assertion(&self, token: &[u8], now: i64, life: i64) -> Option<Shown> {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[SELF]);
        validation.set_audience(&[&self.name]);
        validation.set_required_spec_claims(&["iss", "aud"]);
        // Time is judged below, against the clock that was handed in.
        validation.validate_exp = false;
        let shown = self.verify.iter().find_map(|key| {
            let opened = jsonwebtoken::decode::<Shown>(token, key, &validation);
            opened.ok().map(|data| data.claims)
        })?;
        let oldest = now.saturating_sub(life.saturating_add(ASSERTION_LIFE));
        (oldest..=now.saturating_add(CLOCK_SKEW))
            .contains(&shown.iat)
            .then_some(shown)
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, SignError> {
        Ok(jsonwebtoken::encode(
            &Header::new(Algorithm::HS256),
            claims,
            &self.sign,
        )?)
    }
}

#[cfg(test)]
mod tests;
