use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha512;

use super::*;

mod properties;
mod vectors;

const NOW: i64 = 1_800_000_000;

const REQUEST: Answered<'_> = Answered {
    request_id: "req-1",
    site: None,
};

fn key(byte: u8) -> SecretKey {
    SecretKey::new([byte; 32])
}

fn django() -> AppKeys {
    AppKeys::new("django", &[key(1)])
}

/// A token as an app would sign it, without the library.
fn signed_by(byte: u8, claims: &Value) -> String {
    let signed = unsigned(r#"{"alg":"HS256","typ":"JWT"}"#, claims);
    let mac = Hmac::<Sha256>::new_from_slice(key(byte).expose()).unwrap();
    with_signature(&signed, &mac.chain_update(&signed).finalize().into_bytes())
}

/// The same with the key and a larger relative of the algorithm.
fn signed_by_hs512(byte: u8, claims: &Value) -> String {
    let signed = unsigned(r#"{"alg":"HS512","typ":"JWT"}"#, claims);
    let mac = Hmac::<Sha512>::new_from_slice(key(byte).expose()).unwrap();
    with_signature(&signed, &mac.chain_update(&signed).finalize().into_bytes())
}

fn unsigned(header: &str, claims: &Value) -> String {
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}", URL_SAFE_NO_PAD.encode(header))
}

fn with_signature(signed: &str, signature: &[u8]) -> String {
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn event(claims: Value) -> Result<Value, TokenRefused> {
    django().open_event(signed_by(1, &claims).as_bytes(), REQUEST, NOW)
}

fn good() -> Value {
    json!({"iss": "django", "aud": "sidgate", "iat": NOW, "req": "req-1", "ev": [{"type": "rotate"}]})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = good();
    claims[name] = value;
    claims
}

#[test]
fn an_event_of_this_app_for_this_request_opens() {
    assert_eq!(event(good()), Ok(json!([{"type": "rotate"}])));
    assert!(event(with("iat", json!(NOW - 60))).is_ok());
    assert!(event(with("iat", json!(NOW + 5))).is_ok());
}

#[test]
fn any_other_does_not() {
    let cases = [
        (with("iss", json!("next")), TokenRefused::Signature),
        (with("aud", json!("django")), TokenRefused::Signature),
        (
            with("aud", json!("django:backend")),
            TokenRefused::Signature,
        ),
        (with("iat", json!(NOW - 61)), TokenRefused::Time),
        (with("iat", json!(NOW + 6)), TokenRefused::Time),
        (with("req", json!("req-2")), TokenRefused::Request),
        (
            json!({"iss": "django", "aud": "sidgate", "iat": NOW, "ev": []}),
            TokenRefused::Malformed,
        ),
        (
            json!({"iss": "django", "aud": "sidgate", "req": "req-1", "ev": []}),
            TokenRefused::Malformed,
        ),
        (
            json!({"iss": "django", "aud": "sidgate", "iat": NOW, "req": "req-1"}),
            TokenRefused::Malformed,
        ),
        (with("iat", json!("now")), TokenRefused::Malformed),
        (with("iat", json!(0.5)), TokenRefused::Malformed),
        (with("req", json!(7)), TokenRefused::Malformed),
        (
            json!({"iat": NOW, "req": "req-1", "ev": []}),
            TokenRefused::Signature,
        ),
    ];
    for (claims, refused) in cases {
        assert_eq!(event(claims.clone()), Err(refused), "{claims}");
    }
}

#[test]
fn neither_another_key_nor_another_algorithm_counts() {
    let open = |token: &str| django().open_event(token.as_bytes(), REQUEST, NOW);
    assert_eq!(open(&signed_by(2, &good())), Err(TokenRefused::Signature));
    assert_eq!(
        open(&signed_by_hs512(1, &good())),
        Err(TokenRefused::Signature)
    );
    let body = URL_SAFE_NO_PAD.encode(good().to_string());
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"None","typ":"JWT"}"#] {
        let none = format!("{}.{body}.", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(open(&none), Err(TokenRefused::Signature), "{header}");
    }
    let mut altered = signed_by(1, &good()).into_bytes();
    for at in 0..altered.len() {
        altered[at] ^= 1;
        assert!(
            django().open_event(&altered, REQUEST, NOW).is_err(),
            "byte {at}"
        );
        altered[at] ^= 1;
    }
}

#[test]
fn our_own_assertion_sent_back_is_not_an_event() {
    let assertion = django()
        .assertion("active", &SessionClaims::default(), NOW)
        .unwrap();
    assert_eq!(
        django().open_event(assertion.as_bytes(), REQUEST, NOW),
        Err(TokenRefused::Signature)
    );
}

#[test]
fn rotation_accepts_the_old_key_and_signs_with_the_new_one() {
    let rotated = AppKeys::new("django", &[key(2), key(1)]);
    let old = signed_by(1, &good());
    assert!(rotated.open_event(old.as_bytes(), REQUEST, NOW).is_ok());
    let assertion = rotated
        .assertion("anonymous", &SessionClaims::default(), NOW)
        .unwrap();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["django"]);
    validation.validate_exp = false;
    let decode = |byte| {
        jsonwebtoken::decode::<Value>(
            &assertion,
            &DecodingKey::from_secret(key(byte).expose()),
            &validation,
        )
    };
    assert!(decode(1).is_err());
    let claims = decode(2).unwrap().claims;
    assert_eq!(
        claims,
        json!({"iss": "sidgate", "aud": "django", "iat": NOW, "exp": NOW + 60, "state": "anonymous"})
    );
}
