//! The proof that `sidgate doctor` holds the master key, sent with a request that takes the public way.
//!
//! The gateway tells whoever proves it what that request looked like on arrival. A proxy on the way sees the proof, and learns by
//! it no more than what it sends itself.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use session_core::secret::SecretKey;

use super::hs256;
use super::token::SignError;

/// Life of a proof in seconds.
const LIFE: i64 = 30;
/// How far two clocks may differ, in seconds. A gateway whose clock is further off is one of the findings.
const LEEWAY: i64 = 120;
const ISSUER: &str = "sidgate doctor";
const AUDIENCE: &str = "sidgate";

/// Keys that no app has.
pub struct DoctorKeys {
    sign: EncodingKey,
    verify: Vec<DecodingKey>,
}

impl std::fmt::Debug for DoctorKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DoctorKeys(..)")
    }
}

#[derive(Deserialize, Serialize)]
struct Proof {
    iss: String,
    aud: String,
    iat: i64,
    exp: i64,
}

impl DoctorKeys {
    /// `keys`: the current one first, then those that rotation keeps valid.
    #[must_use]
    pub fn new(keys: &[SecretKey]) -> Self {
        hs256::install();
        let current = keys.first().map_or(&[][..], |key| key.expose().as_slice());
        let verify = keys
            .iter()
            .map(|key| DecodingKey::from_secret(key.expose()));
        Self {
            sign: EncodingKey::from_secret(current),
            verify: verify.collect(),
        }
    }

    /// A proof of this moment.
    ///
    /// # Errors
    /// When signing fails.
    pub fn prove(&self, now: i64) -> Result<String, SignError> {
        let proof = Proof {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: now,
            exp: now.saturating_add(LIFE),
        };
        let header = Header::new(Algorithm::HS256);
        Ok(jsonwebtoken::encode(&header, &proof, &self.sign)?)
    }

    /// Whether `token` is a proof of about this moment.
    #[must_use]
    pub fn accepts(&self, token: &[u8], now: i64) -> bool {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["iss", "aud", "exp"]);
        // Time is judged below, against the clock that was handed in.
        validation.validate_exp = false;
        self.verify
            .iter()
            .filter_map(|key| jsonwebtoken::decode::<Proof>(token, key, &validation).ok())
            .any(|proof| {
                let Proof { iat, exp, .. } = proof.claims;
                iat.saturating_sub(LEEWAY) <= now && now < exp.saturating_add(LEEWAY)
            })
    }
}

#[cfg(test)]
mod tests;
