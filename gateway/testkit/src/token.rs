//! The signed texts between gateway and apps, written and read independently of both.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256, Sha512};

/// A JWT as the contract has it: HS256 under `key`.
pub fn sign(key: &[u8], claims: &Value) -> String {
    sign_as(key, &json!({"alg": "HS256", "typ": "JWT"}), claims)
}

/// The same with a header of choice, which the signature covers.
pub fn sign_as(key: &[u8], header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let signature = mac(key, &signed);
    format!("{signed}.{signature}")
}

/// Header and claims, with no signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// The claims of a token.
///
/// # Panics
/// When it is not exactly a JWT HS256 under `key`.
pub fn verify(key: &[u8], token: &str) -> Value {
    try_verify(key, token).unwrap_or_else(|why| panic!("{why}: {token}"))
}

/// The same, for code that must not panic.
pub fn try_verify(key: &[u8], token: &str) -> Result<Value, &'static str> {
    let (signed, signature) = token.rsplit_once('.').ok_or("no signature")?;
    let (header, claims) = signed.split_once('.').ok_or("not three segments")?;
    if signature != mac(key, signed) {
        return Err("wrong signature");
    }
    if decode(header)?["alg"] != "HS256" {
        return Err("wrong algorithm");
    }
    decode(claims)
}

fn decode(segment: &str) -> Result<Value, &'static str> {
    let bytes = URL_SAFE_NO_PAD.decode(segment).or(Err("not base64url"))?;
    serde_json::from_slice(&bytes).or(Err("not JSON"))
}

fn mac(key: &[u8], text: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    URL_SAFE_NO_PAD.encode(mac.chain_update(text).finalize().into_bytes())
}

/// A token of the same form under another algorithm of the same family, correctly signed.
pub fn sign_by_hs512(key: &[u8], claims: &Value) -> String {
    let signed = unsigned(&json!({"alg": "HS512", "typ": "JWT"}), claims);
    let mac = Hmac::<Sha512>::new_from_slice(key).unwrap();
    let signature = mac.chain_update(&signed).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// SHA-256 in base64url, as the `bh` claim has it.
pub fn body_hash(body: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(body))
}
