//! What an app does with a signed question.
//!
//! A packaged app answers `doctor` with facts. A backend answers `authenticate` or `introspect`, so one without `doctor` is asked
//! who nobody is: an empty name with an empty password, or no cookies. To a wrong signature none of them exists, so a `404` has several causes. Its date tells a
//! clock that is off, and further signatures tell whose key the app has.

use http::{HeaderName, HeaderValue, Method};
use session_core::keys::Keyring;
use sidgate_policy::auth::token::AppKeys;

use super::ask::{Asked, Asker, now_ms};
use super::facts::Facts;
use super::signature::{self, Kind, Signature};
use crate::apps::server::Server;
use crate::config::{Config, PRIVATE_PREFIX};

const SIGNED: HeaderName = HeaderName::from_static("x-sidgate-request");
/// Differences that a dated answer cannot tell: it is dated in whole seconds.
const UNSURE_MS: i64 = 1_500;
/// A question about nobody, for an app that does not answer `doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nobody {
    /// The call below `/__sidgate__/`.
    pub call: &'static str,
    body: &'static str,
}

impl Nobody {
    /// No app knows somebody without a name.
    pub(super) const AUTHENTICATE: Self = Self {
        call: "authenticate",
        body: r#"{"email":"","password":"","ip":"127.0.0.1","user_agent":"sidgate doctor"}"#,
    };
    /// Nor somebody without a cookie.
    pub(super) const INTROSPECT: Self = Self {
        call: "introspect",
        body: r#"{"cookies":{},"ip":"127.0.0.1","user_agent":"sidgate doctor"}"#,
    };
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Heard {
    pub what: What,
    /// Under which signature.
    pub kind: Kind,
    /// By how many milliseconds the app's clock is ahead of ours, and whether that is known to less than a second.
    pub ahead_ms: Option<(i64, bool)>,
}

/// What the app answered.
#[derive(Debug)]
pub(super) enum What {
    /// Facts.
    Facts(Box<Facts>),
    /// It has refused nobody at this call with this status, as it should.
    RefusedNobody(&'static str, u16),
    /// Nothing is there, for whatever signature.
    Hidden,
    /// Something else: the path and what came back.
    Odd(&'static str, String),
    /// No answer.
    Silent(String),
}

/// Who is asked.
pub(super) struct Listener<'a> {
    pub asker: &'a Asker,
    pub config: &'a Config,
    pub keys: &'a Keyring,
    pub app: &'a str,
    pub server: &'a Server,
    /// What else the gateway asks it.
    pub nobody: Option<Nobody>,
}

impl Listener<'_> {
    /// Asks until a signature is taken.
    pub(super) async fn hear(&self) -> Heard {
        let right = signature::right(self.app, self.keys);
        let (first, dated) = self.under(&right, 0).await;
        if !matches!(first.what, What::Hidden) {
            return first;
        }
        // Signed at the app's own time from here on.
        let ahead = dated.filter(|ahead| ahead.abs() > UNSURE_MS);
        let ahead = ahead.unwrap_or_default();
        if ahead != 0 {
            let (heard, _) = self.under(&right, ahead).await;
            if !matches!(heard.what, What::Hidden) {
                return heard;
            }
        }
        for way in signature::others(self.app, self.config, self.keys) {
            let (heard, _) = self.under(&way, ahead).await;
            if matches!(heard.what, What::Facts(_) | What::RefusedNobody(..)) {
                return heard;
            }
        }
        first
    }

    /// Both questions under one signature, and what the date of the answer says about the clock.
    async fn under(&self, signature: &Signature, ahead_ms: i64) -> (Heard, Option<i64>) {
        let heard = |what, ahead_ms| Heard {
            what,
            kind: signature.kind.clone(),
            ahead_ms,
        };
        let answer = match self
            .signed(&signature.keys, "doctor", b"{}", ahead_ms)
            .await
        {
            Ok(answer) => answer,
            Err(why) => return (heard(What::Silent(why), None), None),
        };
        let dated = answer.ahead_ms();
        let about = dated.map(|ahead| (ahead, false));
        if let Some(facts) = facts_in(&answer).filter(|facts| facts.is_of(&signature.name)) {
            let exact = facts.time_ms - answer.at.as_micros().div_euclid(1_000);
            return (
                heard(What::Facts(Box::new(facts)), Some((exact, true))),
                dated,
            );
        }
        if let Some(odd) = odd(&answer, self.asker.authority()) {
            return (heard(What::Odd("doctor", odd), about), dated);
        }
        let Some(Nobody { call, body }) = self.nobody else {
            return (heard(What::Hidden, about), dated);
        };
        let answer = self.signed(&signature.keys, call, body.as_bytes(), ahead_ms);
        let what = match answer.await {
            Err(why) => What::Silent(why),
            Ok(answer) => match answer.status {
                404 => What::Hidden,
                status @ (400 | 401 | 403 | 429) if answer.is_json() => {
                    What::RefusedNobody(call, status)
                }
                status => What::Odd(call, format!("answers {status} to nobody")),
            },
        };
        (heard(what, about), dated)
    }

    async fn signed(
        &self,
        keys: &AppKeys,
        call: &str,
        body: &[u8],
        ahead_ms: i64,
    ) -> Result<Asked, String> {
        let now = now_ms().saturating_add(ahead_ms).div_euclid(1_000);
        let token = keys
            .backend_request(body, now)
            .map_err(|error| error.to_string())?;
        let token = HeaderValue::try_from(token).map_err(|error| error.to_string())?;
        let path = format!("{PRIVATE_PREFIX}/{call}");
        self.asker
            .ask(
                self.server,
                Method::POST,
                &path,
                &[(SIGNED, token)],
                body.to_vec(),
            )
            .await
    }
}

fn facts_in(answer: &Asked) -> Option<Facts> {
    if answer.status != 200 || !answer.is_json() {
        return None;
    }
    serde_json::from_slice(&answer.body).ok()
}

/// What is wrong with an answer that is neither facts nor "nothing is there". A page of any kind is what an app without the
/// package may have for every path.
fn odd(answer: &Asked, authority: &str) -> Option<String> {
    match answer.status {
        500.. => Some(format!("answers {} (see the app's own log)", answer.status)),
        400 if !answer.is_json() => Some(format!(
            "answers 400: does it accept the host {authority}? (Django: ALLOWED_HOSTS)"
        )),
        _ => None,
    }
}
