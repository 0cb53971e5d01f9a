//! Every secret that goes over a wire in a test is remembered, and must not turn up in what the gateway writes: its logs at
//! `trace`, its errors, its metrics (O01, O02). So each test is one for secrets as well.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::http::{all, parse_head};

/// Shorter values are no secrets, but words of a test.
const SHORTEST: usize = 16;

static KNOWN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Remembers `value`.
pub(crate) fn keep(value: &str) {
    let value = value.trim();
    if value.len() >= SHORTEST {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(value.to_owned());
    }
}

/// Forgets a public value that a test has sent where secrets go.
pub fn forget(value: &str) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.remove(value);
}

/// Remembers what a client sends: cookies, credentials, passwords.
pub(crate) fn keep_of_request(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':').unwrap_or_default();
        if name.eq_ignore_ascii_case("cookie") {
            keep_values(value.split(';'));
        } else if name.eq_ignore_ascii_case("authorization") {
            keep(value.trim().trim_start_matches("Bearer "));
        }
    }
    for part in text.split("\"password\":\"").skip(1) {
        keep(part.split('"').next().unwrap_or_default());
    }
}

/// Remembers the cookies of a response.
pub(crate) fn keep_of_response(headers: &[(String, String)]) {
    let cookies = all(headers, "set-cookie");
    keep_values(
        cookies
            .iter()
            .map(|cookie| cookie.split(';').next().unwrap_or_default()),
    );
}

/// Remembers what the gateway tells an app about itself.
pub(crate) fn keep_of_received(head: &[u8]) {
    let (_, headers) = parse_head(head);
    for name in ["x-session-assertion", "x-sidgate-request"] {
        for token in all(&headers, name) {
            keep(token);
        }
    }
}

fn keep_values<'a>(pairs: impl Iterator<Item = &'a str>) {
    for pair in pairs {
        let (_, value) = pair.split_once('=').unwrap_or_default();
        keep(value);
    }
}

/// Fails if `text`, which the gateway has written to `place`, holds a secret.
pub(crate) fn must_not_be_in(text: &str, place: &str) {
    let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().find(|secret| text.contains(secret.as_str()));
    if let Some(secret) = found {
        let line = text.lines().find(|line| line.contains(secret.as_str()));
        panic!("the secret {secret} is in {place}: {line:?}");
    }
}
