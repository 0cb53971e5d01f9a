//! Ticket and code: what two sites of one installation tell each other through a browser.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::clock::Timestamp;
use session_core::keys::handover::{HandoverKeys, Sealed};

use crate::answer::Rejection;
use crate::state::Gateway;

/// How long somebody may take to log in.
pub(super) const TICKET_LIFE: Duration = Duration::from_secs(10 * 60);

/// How long a code is good for: as long as a browser needs to follow a redirect.
pub(super) const CODE_LIFE: Duration = Duration::from_secs(30);

/// Longest text that is opened, in characters.
const TEXT_MAX: usize = 4 * 1024;

/// What B asks of A.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Ticket {
    /// Name of the site.
    pub to: String,
    /// The host of it that asked.
    pub host: String,
    /// The page there.
    pub page: String,
    /// Digest of the secret that the browser holds.
    pub browser: [u8; 32],
    /// Whether the user has to prove again who they are.
    pub again: bool,
    /// Whether they are not asked for a login.
    pub silent: bool,
    /// Unix seconds.
    pub at: i64,
}

/// What A answers. Holds the sid, so it is not printable.
#[derive(Deserialize, Serialize)]
pub(super) struct Code {
    /// The session.
    pub sid: String,
    /// The ticket that it answers.
    pub ticket: Ticket,
    /// Unix seconds.
    pub at: i64,
}

/// The digest of a browser's secret.
pub(super) fn digest(secret: &str) -> [u8; 32] {
    *blake3::hash(secret.as_bytes()).as_bytes()
}

/// Whether something that was made `at` is at most this old. The clocks of two nodes may differ by as much the other way.
pub(super) fn is_recent(at: i64, now: Timestamp, life: Duration) -> bool {
    let age = now.as_secs().abs_diff(at);
    age <= life.as_secs()
}

/// Seals `value` for one purpose, as text for a query.
///
/// # Errors
/// Without randomness.
pub(super) fn seal(
    gateway: &Gateway,
    keys: &HandoverKeys,
    purpose: Sealed,
    value: &impl Serialize,
) -> Result<String, Rejection> {
    let plain = serde_json::to_vec(value).map_err(|_error| Rejection::Internal)?;
    let sealed = keys.seal(purpose, &plain, gateway.entropy.as_ref());
    let sealed = sealed.map_err(|_no_entropy| Rejection::Unavailable)?;
    Ok(URL_SAFE_NO_PAD.encode(sealed.ok_or(Rejection::Internal)?))
}

/// Opens what [`seal`] has made for the same purpose.
pub(super) fn open<T: DeserializeOwned>(
    keys: &HandoverKeys,
    purpose: Sealed,
    text: &str,
) -> Option<T> {
    let sealed = (text.len() <= TEXT_MAX).then(|| URL_SAFE_NO_PAD.decode(text).ok());
    let plain = keys.open(purpose, &sealed??)?;
    serde_json::from_slice(&plain).ok()
}
