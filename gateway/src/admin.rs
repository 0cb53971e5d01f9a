//! The admin listener: is the process alive, may it be sent traffic, what has it counted.

use std::sync::Arc;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use pingora_core::apps::http_app::ServeHttp;
use pingora_core::protocols::http::ServerSession;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::gate::Gate;

/// Serves `/livez`, `/readyz` and `/metrics`.
#[derive(Debug)]
pub(crate) struct Admin {
    gate: Arc<Gate>,
}

impl Admin {
    /// The listener's application.
    #[must_use]
    pub(crate) fn new(gate: Arc<Gate>) -> Self {
        Self { gate }
    }

    fn answer(&self, session: &ServerSession) -> Response<Vec<u8>> {
        let head = session.req_header();
        if head.method != Method::GET && head.method != Method::HEAD {
            return text(
                StatusCode::METHOD_NOT_ALLOWED,
                "text/plain",
                b"method not allowed\n".to_vec(),
            );
        }
        match head.uri.path() {
            "/livez" => text(StatusCode::OK, "text/plain", b"ok\n".to_vec()),
            "/readyz" => self.ready(),
            "/metrics" if self.gate.site.get().config.admin.metrics => self.metrics(session),
            _ => text(StatusCode::NOT_FOUND, "text/plain", b"not found\n".to_vec()),
        }
    }

    /// Each check by name, so that whoever is called at night sees which one fails.
    fn ready(&self) -> Response<Vec<u8>> {
        let readiness = self.gate.sessions.readiness();
        let draining = self.gate.is_draining();
        let ready = readiness.schema && readiness.window && readiness.lease && !draining;
        let word = |good: bool| if good { "ok" } else { "failing" };
        let body = json!({
            "status": if ready { "ready" } else { "not_ready" },
            "checks": {
                "schema": word(readiness.schema),
                "window": word(readiness.window),
                "lease": word(readiness.lease),
                "serving": word(!draining),
            },
        });
        let status = if ready {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        text(status, "application/json", format!("{body}\n").into_bytes())
    }

    fn metrics(&self, session: &ServerSession) -> Response<Vec<u8>> {
        if !self.may_read(session) {
            return text(
                StatusCode::UNAUTHORIZED,
                "text/plain",
                b"bearer token required\n".to_vec(),
            );
        }
        match self
            .gate
            .metrics
            .render(&self.gate.sessions, self.gate.migrations.breaker.state())
        {
            Ok(rendered) => text(StatusCode::OK, "text/plain; version=0.0.4", rendered),
            Err(_error) => text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "text/plain",
                b"metrics failed\n".to_vec(),
            ),
        }
    }

    /// With `admin.token`, only its bearer. Digests are compared, so that the time says nothing about the token.
    fn may_read(&self, session: &ServerSession) -> bool {
        let site = self.gate.site.get();
        let Some(token) = &site.config.admin.token else {
            return true;
        };
        let expected = Sha256::digest(format!("Bearer {}", token.expose()));
        let said = session.req_header().headers.get(AUTHORIZATION);
        said.is_some_and(|said| Sha256::digest(said.as_bytes()) == expected)
    }
}

#[async_trait]
impl ServeHttp for Admin {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        self.answer(session)
    }
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
