//! One signed call: sent to one server of the backend, and its answer read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap};
use http::{HeaderName, HeaderValue, Method};
use serde::Serialize;
use session_core::clock::{Boot, SharedClock};
use session_core::secret::SecretString;
use session_core::session::Reference;
use sidgate_policy::edge::fields::is_json;

use super::fault::{BackendError, Fault, Found};
use crate::apps::app::App;
use crate::apps::client::{Answer, Client, Question, Unanswered};
use crate::apps::pool::{Failure, InFlight, NoServer, Wanted};
use crate::apps::server::Server;
use crate::apps::standing::Now;
use crate::config::{PRIVATE_PREFIX, RetryOn};
use crate::telemetry::traces::Trace;
use crate::telemetry::traces::attributes::Attributes;
use crate::telemetry::traces::ids::SpanId;
use crate::telemetry::traces::recording::{Part, Recording, SpanKind};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SIGNATURE: HeaderName = HeaderName::from_static("x-sidgate-request");

/// Calls the backend. Runs on the core runtime, where its connections live.
#[derive(Clone, Debug)]
pub(crate) struct Backend {
    /// What it asks apps by.
    pub(crate) client: Arc<Client>,
    clock: SharedClock,
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

/// The request because of which the backend is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behalf<'a> {
    /// Its id.
    pub request_id: &'a str,
    /// Its trace.
    pub trace: Option<&'a Trace>,
}

/// A call, and the server that was asked last.
pub(super) struct Call<'a> {
    target: &'a Target<'a>,
    name: &'static str,
    behalf: Behalf<'a>,
    /// Its span; that of the request, where nothing is recorded.
    span: SpanId,
    now: i64,
    server: Option<Arc<Server>>,
}

impl<'a> Call<'a> {
    /// A call of `name`.
    pub(super) fn new(
        target: &'a Target<'a>,
        name: &'static str,
        behalf: Behalf<'a>,
        now: i64,
    ) -> Self {
        let recording = behalf.trace.and_then(Trace::recording);
        let of_request = behalf.trace.map(Trace::span_id).unwrap_or_default();
        Self {
            target,
            name,
            behalf,
            span: recording.map_or(of_request, Recording::new_id),
            now,
            server: None,
        }
    }

    /// What happened to this call.
    pub(super) fn failed(&self, fault: Fault) -> BackendError {
        BackendError {
            fault,
            server: self.server.clone(),
            call: self.name,
        }
    }

    fn path(&self) -> String {
        format!("{PRIVATE_PREFIX}/{}", self.name)
    }

    /// The span of this call, from `from` on.
    fn record(&self, (from, now): (Boot, Boot), asked: &Result<(u16, Bytes), Fault>) {
        let Some(recording) = self.behalf.trace.and_then(Trace::recording) else {
            return;
        };
        let server = self.server.as_ref().map(|server| server.name());
        let mut attributes = Attributes::default()
            .text("http.request.method", "POST")
            .text("url.path", self.path())
            .text("sidgate.upstream", &*self.target.app.name)
            .maybe("server.address", server);
        let failed = match asked {
            Ok((status, _)) => {
                attributes = attributes.number("http.response.status_code", *status);
                None
            }
            Err(fault) => Some(<&str>::from(fault)),
        };
        recording.ended(Part {
            id: self.span,
            of: None,
            name: format!("backend {}", self.name),
            kind: SpanKind::Client,
            from,
            took: now.since(from),
            attributes: attributes.maybe("error.type", failed),
            failed: failed.map(str::to_owned),
        });
    }

    fn question(&self, body: &(impl Serialize + Sync)) -> Result<Question, Fault> {
        let target = self.target;
        let body = serde_json::to_vec(body).map_err(|_quotes_it| Fault::NotWritten)?;
        let signature = target.app.keys.backend_request(&body, self.now);
        let signature = signature.map_err(|_no_more_is_known| Fault::NotSigned)?;
        let value = |text: &str| HeaderValue::try_from(text).map_err(|_odd| Fault::NotWritten);
        let fields = [
            (HOST, value(&target.authority)?),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (FORWARDED_PROTO, target.proto.clone()),
            (REQUEST_ID, value(self.behalf.request_id)?),
            (SIGNATURE, value(&signature)?),
        ];
        let mut headers: HeaderMap = fields.into_iter().collect();
        if let Some(trace) = self.behalf.trace {
            trace.write(&mut headers, self.span);
        }
        Ok(Question {
            method: Method::POST,
            target: self.path(),
            headers,
            body: body.into(),
            timeout: target.timeout,
            max_answer_bytes: target.max_answer_bytes,
        })
    }
}

impl Backend {
    /// Calls apps by `client`, in the time of `clock`.
    pub(crate) const fn new(client: Arc<Client>, clock: SharedClock) -> Self {
        Self { client, clock }
    }

    /// Sends `body` as JSON. The status and the body of an answer that is JSON.
    ///
    /// While there is no connection, nothing was sent, and another server may be asked. What may have arrived is not sent again.
    pub(super) async fn post(
        &self,
        call: &mut Call<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<(u16, Bytes), Fault> {
        let from = self.clock.boot();
        let asked = self.post_once(call, body).await;
        call.record((from, self.clock.boot()), &asked);
        asked
    }

    async fn post_once(
        &self,
        call: &mut Call<'_>,
        body: &(impl Serialize + Sync),
    ) -> Result<(u16, Bytes), Fault> {
        let target = call.target;
        let question = call.question(body)?;
        let asked = tokio::time::timeout(target.timeout, self.ask(call, &question));
        let answer = asked
            .await
            .map_err(|_elapsed| Fault::Timeout(target.timeout))??;
        judged(answer, target.max_answer_bytes)
    }

    async fn ask(&self, call: &mut Call<'_>, question: &Question) -> Result<Answer, Fault> {
        let app = call.target.app;
        let retry = &app.pool.upstream().retry;
        let attempts = if retry.is_on(RetryOn::Connect) {
            retry.attempts
        } else {
            1
        };
        let (mut fault, mut tried) = (None, Vec::new());
        for _ in 0..attempts {
            let wanted = Wanted {
                session: None,
                tried: &tried,
                now: self.clock.boot(),
            };
            let mut request = match app.pool.choose(wanted).await {
                Ok(request) => request,
                Err(NoServer::Free) => return Err(Fault::Busy),
                Err(NoServer::Left) => break,
            };
            // How long its connection takes is not seen here.
            request.connected(None);
            let server = call.server.insert(Arc::clone(&request.server));
            match self.client.ask(&app.way, server, question).await {
                Err(Unanswered::NoConnection(why)) => {
                    self.note(app, &request, Failure::Connect, &why.cause);
                    fault = Some(Fault::NoConnection(why.cause));
                    tried.push(Arc::clone(&request.server));
                }
                Err(Unanswered::BrokenOff(why)) => {
                    self.note(app, &request, Failure::Answer, &why.cause);
                    return Err(Fault::BrokenOff(why.cause));
                }
                Err(Unanswered::Timeout(limit)) => return Err(Fault::Timeout(limit)),
                Err(Unanswered::NotWritten) => return Err(Fault::NotWritten),
                Ok(answer) => {
                    app.pool.served(&request, &*self.clock);
                    return Ok(answer);
                }
            }
        }
        Err(fault.unwrap_or_else(|| Fault::NoAddress(app.pool.unresolved())))
    }

    fn note(&self, app: &App, request: &InFlight, how: Failure, cause: &str) {
        app.pool.failed(request, how, cause, Now::of(&*self.clock));
    }
}

/// An answer that is JSON of limited size.
fn judged(answer: Answer, max: usize) -> Result<(u16, Bytes), Fault> {
    let status = answer.status;
    if (300..400).contains(&status) {
        return Err(Fault::Redirect(status));
    }
    if let Some(found) = not_json(&answer.headers) {
        return Err(Fault::NotJson { status, found });
    }
    if answer.is_cut {
        return Err(Fault::TooLarge(max));
    }
    Ok((status, answer.body))
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
