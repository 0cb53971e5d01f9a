//! The key shared with an app, in the hands of that app: the steps of `docs/protocol.md`, for the app that is built in.
//!
//! It shares no code with [`super::token`], which signs and opens for the gateway, beyond HMAC-SHA256 itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::signature::{Signer as _, Verifier as _};
use serde_json::{Map, Value, json};
use session_core::secret::SecretKey;
use sha2::{Digest as _, Sha256};

use super::hs256::Hs256;

/// Seconds by which the two clocks may differ.
pub const LEEWAY: i64 = 5;
/// Whole numbers that every language has.
const WHOLE_MAX: u64 = 1 << 53;
/// What Sidgate calls itself in tokens.
const SIDGATE: &str = "sidgate";
/// The head of what an app signs.
const HEAD: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// An app's name and its keys: the first signs, all of them verify.
pub struct AppSide {
    name: String,
    keys: Vec<SecretKey>,
}

impl std::fmt::Debug for AppSide {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppSide")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What an assertion says about whoever asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// All that was signed.
    pub claims: Map<String, Value>,
}

impl Visitor {
    /// `active`, `anonymous`, `unknown` or `none`.
    #[must_use]
    pub fn state(&self) -> &str {
        self.text("state").unwrap_or_default()
    }

    /// A claim of an active session.
    #[must_use]
    pub fn active(&self, claim: &str) -> Option<&Value> {
        let is_active = self.state() == "active";
        self.claims.get(claim).filter(|_| is_active)
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}

impl AppSide {
    /// `name`: that below `[upstreams]`.
    #[must_use]
    pub fn new(name: &str, keys: Vec<SecretKey>) -> Self {
        Self {
            name: name.to_owned(),
            keys,
        }
    }

    /// The app's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads `X-Session-Assertion`. `None`: nothing that this request says about itself is to be believed.
    #[must_use]
    pub fn visitor(&self, assertion: &[u8], now: i64) -> Option<Visitor> {
        let claims = self.open(assertion, &self.name, now)?;
        let visitor = Visitor { claims };
        let is_known = matches!(visitor.state(), "active" | "anonymous" | "unknown" | "none");
        let is_of_type = |name: &str, is_right: fn(&Value) -> bool| {
            let claim = visitor.claims.get(name);
            claim.is_none_or(|claim| claim.is_null() || is_right(claim))
        };
        let is_whole_claim = |claim: &Value| whole(claim).is_some();
        let is_complete = || {
            let has = |name| visitor.text(name).is_some_and(|text| !text.is_empty());
            has("sid")
                && has("sub")
                && ["tid", "email", "ah", "ref"]
                    .into_iter()
                    .all(|name| is_of_type(name, Value::is_string))
                && ["auth_time", "stale"]
                    .into_iter()
                    .all(|name| is_of_type(name, is_whole_claim))
                && is_of_type("attrs", Value::is_object)
        };
        let is_good = is_known
            && is_of_type("site", Value::is_string)
            && (visitor.state() != "active" || is_complete());
        is_good.then_some(visitor)
    }

    /// Reads `X-Sidgate-Request`: whether the gateway asks, and asks with these bytes.
    #[must_use]
    pub fn is_question(&self, token: &[u8], body: &[u8], now: i64) -> bool {
        let audience = format!("{}:backend", self.name);
        let expected = URL_SAFE_NO_PAD.encode(Sha256::digest(body));
        self.open(token, &audience, now)
            .is_some_and(|claims| claims.get("bh").and_then(Value::as_str) == Some(&expected))
    }

    /// Writes `X-Session-Event`: `events` for the answer to the request with this `X-Request-Id`. `None`: there is no key.
    #[must_use]
    pub fn event(&self, request_id: &str, events: &Value, now: i64) -> Option<String> {
        let claims = json!({
            "iss": self.name,
            "aud": SIDGATE,
            "iat": now,
            "req": request_id,
            "ev": events,
        });
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(HEAD), encode(&claims.to_string()));
        let mac = Hs256::new(self.keys.first()?.expose()).ok()?;
        let signature = mac.try_sign(signed.as_bytes()).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token of Sidgate's for `audience`, at this moment.
    fn open(&self, token: &[u8], audience: &str, now: i64) -> Option<Map<String, Value>> {
        let token = str::from_utf8(token).ok()?;
        let (signed, signature) = token.rsplit_once('.')?;
        let (head, payload) = signed.split_once('.')?;
        // Without padding, spare bits or anything between the letters.
        let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).ok();
        let signature = decode(signature)?;
        let is_signed = self.keys.iter().any(|key| {
            let mac = Hs256::new(key.expose());
            mac.is_ok_and(|mac| mac.verify(signed.as_bytes(), &signature).is_ok())
        });
        if !is_signed {
            return None;
        }
        let head: Map<String, Value> = serde_json::from_slice(&decode(head)?).ok()?;
        if head.get("alg")? != "HS256" || head.contains_key("crit") {
            return None;
        }
        let claims: Map<String, Value> = serde_json::from_slice(&decode(payload)?).ok()?;
        if claims.get("iss")? != SIDGATE || claims.get("aud")? != audience {
            return None;
        }
        let (iat, exp) = (whole(claims.get("iat")?)?, whole(claims.get("exp")?)?);
        let moment = iat.saturating_sub(LEEWAY)..exp.saturating_add(LEEWAY);
        moment.contains(&now).then_some(claims)
    }
}

/// The number, if it is a whole one within ±(2^53 - 1).
fn whole(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .filter(|number| number.unsigned_abs() < WHOLE_MAX)
}

#[cfg(test)]
mod tests;
