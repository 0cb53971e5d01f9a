//! One signed call: sent to one server of the backend, and its answer read.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http::header::{CONTENT_TYPE, HOST, HeaderMap};
use serde::Serialize;
use session_core::cause::cause;
use session_core::secret::SecretString;
use session_core::session::Reference;
use session_core::trust::Trust;
use sidgate_policy::edge::fields::is_json;

use super::fault::{BackendError, Fault, Found};
use crate::apps::app::App;
use crate::apps::http_client;
use crate::config::PRIVATE_PREFIX;

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
    /// Largest body of an answer.
    pub max_answer_bytes: usize,
}

impl Target<'_> {
    /// The backend's reference, which only the backend is shown again.
    pub(super) fn reference(&self, text: Option<SecretString>) -> Option<Reference> {
        text.map(|text| Reference {
            app: (&*self.app.name).into(),
            text,
        })
    }
}

/// A call, and the server that is to answer it.
pub(super) struct Call<'a> {
    target: &'a Target<'a>,
    name: &'static str,
    request_id: &'a str,
    now: i64,
    server: Option<SocketAddr>,
}

impl<'a> Call<'a> {
    /// A call of `name` to the server whose turn it is.
    pub(super) fn new(
        target: &'a Target<'a>,
        name: &'static str,
        request_id: &'a str,
        now: i64,
    ) -> Self {
        Self {
            target,
            name,
            request_id,
            now,
            server: target.app.pool.next(),
        }
    }

    /// What happened to this call.
    pub(super) fn failed(&self, fault: Fault) -> BackendError {
        BackendError {
            fault,
            server: self.server,
            call: self.name,
        }
    }
}

impl Backend {
    /// Builds the client. Connects to what `[upstreams]` says and to nothing else: no proxy, no redirect.
    ///
    /// # Errors
    /// When the client cannot be built.
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = http_client::builder(&Trust::default())
            .http1_only()
            .pool_max_idle_per_host(8)
            .pool_idle_timeout(Duration::from_secs(1))
            .build()?;
        Ok(Self { client })
    }

    /// Sends `body` as JSON. The status and the body of an answer that is JSON.
    pub(super) async fn post(
        &self,
        call: &Call<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<(u16, Bytes), Fault> {
        let target = call.target;
        let body = serde_json::to_vec(body).map_err(|_quotes_it| Fault::NotWritten)?;
        let signature = target.app.keys.backend_request(&body, call.now);
        let signature = signature.map_err(|_no_more_is_known| Fault::NotSigned)?;
        let no_address = || Fault::NoAddress(target.app.pool.unresolved());
        let server = call.server.ok_or_else(no_address)?;
        let request = self
            .client
            .post(format!("http://{server}{PRIVATE_PREFIX}/{}", call.name))
            .header(HOST, &target.authority)
            .header(CONTENT_TYPE, "application/json")
            .header("X-Forwarded-Proto", target.proto)
            .header("X-Request-Id", call.request_id)
            .header("X-Sidgate-Request", signature)
            .body(body);
        tokio::time::timeout(target.timeout, read(request, target.max_answer_bytes))
            .await
            .map_err(|_elapsed| Fault::Timeout(target.timeout))?
    }
}

/// Sends, and reads a JSON answer of limited size.
async fn read(request: reqwest::RequestBuilder, max: usize) -> Result<(u16, Bytes), Fault> {
    let mut answer = request.send().await.map_err(unanswered)?;
    let status = answer.status().as_u16();
    if answer.status().is_redirection() {
        return Err(Fault::Redirect(status));
    }
    if let Some(found) = not_json(answer.headers()) {
        return Err(Fault::NotJson { status, found });
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(unanswered)? {
        if body.len() + chunk.len() > max {
            return Err(Fault::TooLarge(max));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((status, body.freeze()))
}

fn unanswered(error: reqwest::Error) -> Fault {
    let is_connect = error.is_connect();
    let why = cause(&error.without_url());
    if is_connect {
        Fault::NoConnection(why)
    } else {
        Fault::BrokenOff(why)
    }
}

/// What the body is, when it is no JSON.
fn not_json(headers: &HeaderMap) -> Option<Found> {
    match headers.get(CONTENT_TYPE) {
        Some(kind) if is_json(kind) => None,
        Some(kind) if kind.as_bytes().starts_with(b"text/html") => Some(Found::Html),
        Some(_) => Some(Found::Other),
        None => Some(Found::Untyped),
    }
}
