//! The signed client for the app that knows the users (DESIGN 8).
//!
//! An answer outside the documented ones is [`BackendError::Unavailable`]: neither a session nor a refusal.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, HOST};
use rustls::RootCertStore;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use session_core::clock::Timestamp;
use session_core::secret::SecretString;
use session_core::session::{Identity, Reference, Text};
use sidgate_policy::edge::fields::is_json;
use thiserror::Error;

use super::app::App;
use super::http_client;
use crate::config::PRIVATE_PREFIX;

/// Largest answer that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// Calls the backend. Runs on the core runtime, where its connections live.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    client: reqwest::Client,
}

/// The backend as it is configured now.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// Its keys and servers.
    pub app: &'a App,
    /// The public host and port, as `Host` names them.
    pub authority: String,
    /// The public scheme.
    pub proto: &'a HeaderValue,
    /// Longest call.
    pub timeout: Duration,
}

impl Target<'_> {
    /// The backend's reference, which only the backend is shown again.
    fn reference(&self, text: Option<SecretString>) -> Option<Reference> {
        text.map(|text| Reference {
            app: (&*self.app.name).into(),
            text,
        })
    }
}

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
    /// The app has judged, but its answer is outside the contract.
    Unreadable,
}

/// The backend gave no usable answer.
#[derive(Debug, Error)]
pub(crate) enum BackendError {
    /// The answer is outside the contract, or the call could not be made. The text says which, and quotes no content.
    #[error("backend unavailable: {0}")]
    Unavailable(&'static str),
    /// The backend took the call, but its answer is missing or incomplete.
    #[error("backend unavailable: {0}")]
    Silent(&'static str),
    /// No connection: the app is unreachable for everybody.
    #[error("backend unavailable: {0}")]
    Unreachable(&'static str),
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
    /// Builds the client. Connects to what `[upstreams]` says and to nothing else: no proxy, no redirect.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = http_client::builder(RootCertStore::empty())
            .http1_only()
            .pool_max_idle_per_host(8)
            .pool_idle_timeout(Duration::from_secs(1))
            .build()?;
        Ok(Self { client })
    }

    /// Asks whether these credentials are good. `now` in unix seconds.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub(crate) async fn authenticate(
        &self,
        target: &Target<'_>,
        credentials: &Credentials,
        request_id: &str,
        now: i64,
    ) -> Result<Verdict, BackendError> {
        let body = serde_json::to_vec(credentials)
            .map_err(|_error| BackendError::Unavailable("request"))?;
        let (status, answer) = self
            .post(target, "authenticate", body, request_id, now)
            .await?;
        if status == 200 {
            let identity: Value = serde_json::from_slice(&answer)
                .map_err(|_error| BackendError::Unavailable("json"))?;
            let (identity, text) = Identity::from_value(identity)
                .map_err(|_error| BackendError::Unavailable("identity"))?;
            return Ok(Ok((identity, target.reference(text))));
        }
        if !matches!(status, 401 | 403 | 429) {
            return Err(BackendError::Unavailable("status"));
        }
        let said = serde_json::from_slice::<Said>(&answer).ok();
        let rejected = said.and_then(|said| said.rejected(status));
        Ok(Err(rejected.unwrap_or(Rejected {
            why: Refusal::Unreadable,
            account: None,
        })))
    }

    /// Asks whose login these cookies of the old system are. `now` in unix seconds.
    ///
    /// # Errors
    /// When there is no usable answer.
    pub(crate) async fn introspect(
        &self,
        target: &Target<'_>,
        cookies: &OldCookies,
        request_id: &str,
        now: i64,
    ) -> Result<Recognised, BackendError> {
        let body =
            serde_json::to_vec(cookies).map_err(|_error| BackendError::Unavailable("request"))?;
        let (status, answer) = self
            .post(target, "introspect", body, request_id, now)
            .await?;
        match status {
            200 => {
                let mut answer: Value = serde_json::from_slice(&answer)
                    .map_err(|_error| BackendError::Unavailable("json"))?;
                let proved = take_auth_time(&mut answer)?;
                let (identity, text) = Identity::from_value(answer)
                    .map_err(|_error| BackendError::Unavailable("identity"))?;
                Ok(Recognised::Yes {
                    identity: Box::new(identity),
                    reference: target.reference(text),
                    proved,
                })
            }
            401 => match serde_json::from_slice::<Said>(&answer) {
                Ok(said) if said.code == "invalid" => Ok(Recognised::No),
                _ => Err(BackendError::Unavailable("status")),
            },
            _ => Err(BackendError::Unavailable("status")),
        }
    }

    async fn post(
        &self,
        target: &Target<'_>,
        call: &str,
        body: Vec<u8>,
        request_id: &str,
        now: i64,
    ) -> Result<(u16, Bytes), BackendError> {
        let app = target.app;
        let signature = app
            .keys
            .backend_request(&body, now)
            .map_err(|_error| BackendError::Unavailable("signature"))?;
        let address = app
            .pool
            .next()
            .ok_or(BackendError::Unreachable("address"))?;
        let call = self
            .client
            .post(format!("http://{address}{PRIVATE_PREFIX}/{call}"))
            .header(HOST, &target.authority)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Forwarded-Proto", target.proto)
            .header("X-Request-Id", request_id)
            .header("X-Sidgate-Request", signature)
            .body(body);
        tokio::time::timeout(target.timeout, read(call))
            .await
            .map_err(|_elapsed| BackendError::Silent("timeout"))?
    }
}

/// When the user of an old login proved who they are, in unix seconds: what an introspection says beside the identity.
fn take_auth_time(answer: &mut Value) -> Result<Timestamp, BackendError> {
    let members = answer.as_object_mut();
    match members.and_then(|members| members.remove("auth_time")) {
        None | Some(Value::Null) => Ok(Timestamp::default()),
        Some(seconds) => seconds
            .as_u64()
            .map(|seconds| Timestamp::default().plus(Duration::from_secs(seconds)))
            .ok_or(BackendError::Unavailable("auth_time")),
    }
}

/// Sends, and reads a JSON answer of limited size.
async fn read(call: reqwest::RequestBuilder) -> Result<(u16, Bytes), BackendError> {
    let mut answer = call
        .send()
        .await
        .map_err(|error| match error.is_connect() {
            true => BackendError::Unreachable("connection"),
            false => BackendError::Silent("connection"),
        })?;
    if !answer.headers().get(CONTENT_TYPE).is_some_and(is_json) {
        return Err(BackendError::Unavailable("content type"));
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer
        .chunk()
        .await
        .map_err(|_error| BackendError::Silent("body"))?
    {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(BackendError::Unavailable("size"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((answer.status().as_u16(), body.freeze()))
}
