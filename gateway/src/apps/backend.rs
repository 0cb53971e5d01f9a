//! The signed client for the app that knows the users (DESIGN 8).
//!
//! An answer outside the documented ones is a [`BackendError`]: neither a session nor a refusal.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use session_core::clock::Timestamp;
use session_core::session::{Identity, MemberRefused, Reference, Text, WhyRefused};

use self::call::Call;
pub(crate) use self::call::{Backend, Behalf, Target};
pub(crate) use self::fault::{BackendError, Fault, Reach};

mod call;
mod fault;

/// Credentials on their way to the backend. Not printable.
#[derive(Serialize)]
pub(crate) struct Credentials {
    /// Account name.
    pub email: String,
    /// Password.
    pub password: String,
    /// Client address.
    pub ip: IpAddr,
    /// Client software.
    pub user_agent: Text,
    /// Whatever else the login form sent, for example a one-time code.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Cookies of the old system on their way to the app that judges them. Not printable.
#[derive(Serialize)]
pub(crate) struct OldCookies {
    /// Whole cookies by name.
    pub cookies: BTreeMap<String, String>,
    /// Client address.
    pub ip: IpAddr,
    /// Client software.
    pub user_agent: Text,
}

/// Whose login the old cookies are.
#[derive(Debug)]
pub(crate) enum Recognised {
    /// The cookies are the login of this user.
    Yes {
        /// Who it is.
        identity: Box<Identity>,
        /// What the app wants to find again with the session.
        reference: Option<Reference>,
        /// When they proved it. An app that does not know counts as one that says 1970.
        proved: Timestamp,
    },
    /// The cookies are no login.
    No,
}

/// The backend refused the credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rejected {
    /// Why.
    pub why: Refusal,
    /// The app's own name for the account that was tried, whatever was typed for it. Never logged, and kept as a digest.
    pub account: Option<Text>,
}

/// Why the backend says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Wrong name or password.
    InvalidCredentials,
    /// The password is right, but another factor is required: the flows that can complete the login.
    MfaRequired(Vec<Text>),
    /// The account must not log in.
    AccountDisabled,
    /// Too many attempts; seconds to wait.
    Locked(u64),
    /// The app has judged with this status, but its answer is outside the contract.
    Unreadable(u16),
}

/// Answer of the backend to a login.
pub(crate) type Verdict = Result<(Identity, Option<Reference>), Rejected>;

/// Longest name that the app may give an account, in bytes.
const ACCOUNT_MAX: usize = 256;
/// Most ways to complete a login, and the longest name of one.
const FLOWS_MAX: usize = 16;
const FLOW_MAX: usize = 64;

/// What a refusal says, in JSON.
#[derive(Deserialize)]
struct Said {
    code: String,
    #[serde(default)]
    flows: Option<Vec<Text>>,
    #[serde(default)]
    retry_after: Option<u64>,
    #[serde(default)]
    account: Option<Text>,
}

impl Said {
    /// The refusal that this body means with this status; `None` when the contract has no such pair.
    fn rejected(self, status: u16) -> Option<Rejected> {
        let why = match (status, self.code.as_str()) {
            (401, "invalid_credentials") => Refusal::InvalidCredentials,
            (401, "mfa_required") => Refusal::MfaRequired(checked_flows(self.flows)?),
            (403, "account_disabled") => Refusal::AccountDisabled,
            (429, "locked") => Refusal::Locked(self.retry_after.unwrap_or(60)),
            _ => return None,
        };
        let fits = |account: &Text| (1..=ACCOUNT_MAX).contains(&account.len());
        let account = self.account;
        (account.as_ref().is_none_or(fits)).then_some(Rejected { why, account })
    }
}

/// The flows, if they are few and short plain words: they go to the browser unchanged.
fn checked_flows(flows: Option<Vec<Text>>) -> Option<Vec<Text>> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_word = |flow: &Text| (1..=FLOW_MAX).contains(&flow.len()) && flow.bytes().all(is_plain);
    let flows = flows.unwrap_or_default();
    (flows.len() <= FLOWS_MAX && flows.iter().all(is_word)).then_some(flows)
}

impl Backend {
    /// Asks whether these credentials are good. `now` in unix seconds.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub(crate) async fn authenticate(
        &self,
        target: &Target<'_>,
        credentials: &Credentials,
        behalf: Behalf<'_>,
        now: i64,
    ) -> Result<Verdict, BackendError> {
        let mut call = Call::new(target, "authenticate", behalf, now);
        let judged = self.post(&mut call, credentials).await;
        let judged = judged.and_then(|(status, answer)| verdict(target, status, &answer));
        judged.map_err(|fault| call.failed(fault))
    }

    /// Asks whose login these cookies of the old system are. `now` in unix seconds.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub(crate) async fn introspect(
        &self,
        target: &Target<'_>,
        cookies: &OldCookies,
        behalf: Behalf<'_>,
        now: i64,
    ) -> Result<Recognised, BackendError> {
        let mut call = Call::new(target, "introspect", behalf, now);
        let judged = self.post(&mut call, cookies).await;
        let judged = judged.and_then(|(status, answer)| recognised(target, status, &answer));
        judged.map_err(|fault| call.failed(fault))
    }
}

/// What an answer to `authenticate` says.
fn verdict(target: &Target<'_>, status: u16, answer: &[u8]) -> Result<Verdict, Fault> {
    match status {
        200 => {
            let (identity, text) = Identity::from_value(serde_json::from_slice(answer)?)?;
            Ok(Ok((identity, target.reference(text))))
        }
        401 | 403 | 429 => {
            let said = serde_json::from_slice::<Said>(answer).ok();
            let rejected = said.and_then(|said| said.rejected(status));
            Ok(Err(rejected.unwrap_or(Rejected {
                why: Refusal::Unreadable(status),
                account: None,
            })))
        }
        _ => Err(Fault::Status { status }),
    }
}

/// What an answer to `introspect` says.
fn recognised(target: &Target<'_>, status: u16, answer: &[u8]) -> Result<Recognised, Fault> {
    match status {
        200 => {
            let mut answer: Value = serde_json::from_slice(answer)?;
            let proved = take_auth_time(&mut answer)?;
            let (identity, text) = Identity::from_value(answer)?;
            Ok(Recognised::Yes {
                identity: Box::new(identity),
                reference: target.reference(text),
                proved,
            })
        }
        401 => match serde_json::from_slice::<Said>(answer) {
            Ok(said) if said.code == "invalid" => Ok(Recognised::No),
            _ => Err(Fault::Refusal(status)),
        },
        _ => Err(Fault::Status { status }),
    }
}

/// When the user of an old login proved who they are, in unix seconds: what an introspection says beside the identity.
fn take_auth_time(answer: &mut Value) -> Result<Timestamp, MemberRefused> {
    let members = answer.as_object_mut();
    match members.and_then(|members| members.remove("auth_time")) {
        None | Some(Value::Null) => Ok(Timestamp::default()),
        Some(seconds) => seconds
            .as_u64()
            .map(|seconds| Timestamp::default().plus(Duration::from_secs(seconds)))
            .ok_or_else(|| {
                let why = WhyRefused::MustBe("a number of unix seconds, or null");
                MemberRefused::new("auth_time", why)
            }),
    }
}
