//! The admin listener: is the process alive, may it be sent traffic, what has it counted, and the admin API.

pub(crate) mod access;
pub(crate) mod api;
pub(crate) mod call;
pub(crate) mod dashboard;
mod drill;
mod explain;
mod permitted;
pub(crate) mod readiness;
mod reload;
mod unanswered;
mod upgrade;

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;
use sidgate_policy::edge::shown;

pub(crate) use self::api::OPENAPI;

use self::access::Actor;
use self::api::Permitted;
use self::call::Call;
use crate::answer::{Answer, Reader, Rendered};
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};

/// Serves `/livez`, `/readyz`, `/metrics` and the admin API.
#[derive(Debug)]
pub(crate) struct Admin {
    gateway: Arc<Gateway>,
}

impl Admin {
    /// The listener's application.
    #[must_use]
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }

    fn answer(&self, session: &ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        if let Err(refused) = access::for_everybody(&self.gateway.settings.get(), &head.headers) {
            return self.refused(session, refused.into());
        }
        if head.method != Method::GET && head.method != Method::HEAD {
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let mut answer = text(status, "text/plain", b"method not allowed\n".to_vec());
            let allow = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allow);
            return answer;
        }
        match head.uri.path() {
            "/livez" => text(StatusCode::OK, "text/plain", b"ok\n".to_vec()),
            "/readyz" => self.ready(head.uri.query().unwrap_or_default()),
            "/metrics" if self.gateway.settings.get().config.admin.metrics => self.metrics(session),
            _ => text(StatusCode::NOT_FOUND, "text/plain", b"not found\n".to_vec()),
        }
    }

    /// The admin API, for whoever may reach this listener.
    async fn api(&self, session: &mut ServerSession, call: Call, request_id: &str) -> Answer {
        let settings = self.gateway.settings.get();
        let head = session.req_header();
        let query = head.uri.query().unwrap_or_default().to_owned();
        let client = client(session);
        let permission = if call.is_open() {
            access::for_everybody(&settings, &head.headers).map(|()| Actor::Local)
        } else {
            access::on_admin_listener(&settings, &head.headers)
        };
        let actor = match permission {
            Ok(actor) => actor,
            Err(why) => {
                let answer = Answer::from(why);
                self.note_refused(session, request_id, answer.outcome);
                return answer;
            }
        };
        let limit = settings.config.endpoints.body_timeout;
        let body = match api::read_body(session, call, limit).await {
            Ok(body) => body,
            Err(why) => return why.into(),
        };
        let asked = Permitted {
            actor: &actor,
            request_id,
            client,
            call,
            query: &query,
            body: &body,
        };
        api::answer(&self.gateway, &asked).await
    }

    /// Refuses a caller without permission, and logs that.
    fn refused(&self, session: &ServerSession, answer: Answer) -> Response<Vec<u8>> {
        let request_id = self.gateway.request_id();
        self.note_refused(session, &request_id, answer.outcome);
        written(answer, &request_id)
    }

    fn note_refused(&self, session: &ServerSession, request_id: &str, outcome: Outcome) {
        let head = session.req_header();
        let (method, path) = (
            shown::name(head.method.as_str().as_bytes()),
            shown::path(head.raw_path(), |text| self.gateway.is_sid(text)),
        );
        let facts = Facts {
            request_id: Some(request_id),
            client: client(session),
            method: Some(&method),
            path: Some(&path),
            reason: outcome.into_str(),
            ..Facts::default()
        };
        security::note(Kind::AdminRefused, facts);
    }

    fn ready(&self, query: &str) -> Response<Vec<u8>> {
        match readiness::readiness(&self.gateway, query) {
            Ok((ready, body)) => {
                let status = if ready {
                    StatusCode::OK
                } else {
                    StatusCode::SERVICE_UNAVAILABLE
                };
                text(status, "application/json", format!("{body}\n").into_bytes())
            }
            Err(why) => text(StatusCode::BAD_REQUEST, "text/plain", why.into()),
        }
    }

    fn metrics(&self, session: &ServerSession) -> Response<Vec<u8>> {
        let headers = &session.req_header().headers;
        if let Err(refused) = access::on_admin_listener(&self.gateway.settings.get(), headers) {
            return self.refused(session, refused.into());
        }
        match self.gateway.metrics.text() {
            Ok(rendered) => text(StatusCode::OK, "text/plain; version=0.0.4", rendered),
            Err(_error) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                b"metrics failed\n".to_vec(),
            ),
        }
    }
}

fn client(session: &ServerSession) -> Option<IpAddr> {
    let address = session.client_addr()?;
    address.as_inet().map(|address| address.ip())
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        match Call::find(head.method.as_str(), head.uri.path()) {
            Some(call) => {
                let request_id = self.gateway.request_id();
                written(self.api(session, call, &request_id).await, &request_id)
            }
            None => self.answer(session),
        }
    }
}

/// An answer of the gateway in the form that this listener writes.
fn written(answer: Answer, request_id: &str) -> Response<Vec<u8>> {
    let (status, fields) = (answer.status, answer.fields());
    let Rendered { kind, body, .. } = answer.render(request_id, &Reader::Program);
    let mut response = Response::new(body.to_vec());
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.extend(fields);
    headers.insert(CONTENT_TYPE, kind);
    headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    response
}

fn text(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Vec<u8>> {
    let length = body.len();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(http::header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}
