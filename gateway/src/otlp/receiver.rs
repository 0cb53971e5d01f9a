//! Who takes spans, and in which form: protobuf over HTTP/1.1, or gRPC.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Limited};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use reqwest::Url;
use session_core::cause::{Peer, cause, plain};
use session_core::secret::SecretString;
use session_core::trust::Trust;
use thiserror::Error;

use super::grpc;
use super::taken::{NotTaken, Taken};
use crate::apps::http_client;
use crate::config::{OtlpConfig, TelemetryConfig};
use crate::telemetry::traces::attributes::Attributes;

/// The version of the conventions by which attributes are named.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";
/// Of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Most of an answer that is read, in bytes.
const ANSWER_MAX: usize = 64 * 1024;

/// A receiver of spans.
pub(crate) struct Receiver {
    client: reqwest::Client,
    url: Url,
    is_grpc: bool,
    headers: HeaderMap,
    timeout: Duration,
    resource: Resource,
}

/// A receiver cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ReceiverError {
    /// The file of `telemetry.ca` cannot be used.
    #[error("telemetry.ca: {path} cannot be used: {why}")]
    Authorities {
        /// Which file.
        path: String,
        /// Why.
        why: String,
    },
    /// The client could not be made.
    #[error("telemetry.otlp: {0}")]
    Client(String),
}

impl Receiver {
    /// # Errors
    /// When the authorities cannot be read, or the client cannot be built.
    pub(crate) fn new(otlp: &OtlpConfig, config: &TelemetryConfig) -> Result<Self, ReceiverError> {
        let url = otlp.url.expose().parse::<Url>();
        let url = url.map_err(|error| ReceiverError::Client(error.to_string()))?;
        let trust = trust(config)?;
        let client = if otlp.is_grpc {
            http_client::http2_builder(&trust)
        } else {
            http_client::builder(&trust)
        };
        let client = client
            .pool_max_idle_per_host(1)
            .timeout(config.timeout)
            .build();
        Ok(Self {
            client: client
                .map_err(|error| ReceiverError::Client(error.without_url().to_string()))?,
            url: if otlp.is_grpc { grpc::method(url) } else { url },
            is_grpc: otlp.is_grpc,
            headers: config.headers.iter().filter_map(secret_field).collect(),
            timeout: config.timeout,
            resource: resource(&config.service_name),
        })
    }

    /// Sends spans once.
    ///
    /// # Errors
    /// When they were not taken.
    pub(crate) async fn send(&self, spans: Vec<Span>) -> Result<Taken, NotTaken> {
        let message = self.message(spans).encode_to_vec();
        let call = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone());
        let call = if self.is_grpc {
            grpc::asked(call, &message)
        } else {
            call.header(CONTENT_TYPE, "application/x-protobuf")
                .body(message)
        };
        let answer = call.send().await.map_err(|failed| self.failed(failed))?;
        let answer = http::Response::from(answer);
        let (head, body) = answer.into_parts();
        let read = Limited::new(body, ANSWER_MAX).collect().await;
        let read = read.map_err(|failed| NotTaken::BrokenOff(cause(&*failed)))?;
        let trailers = read.trailers().cloned().unwrap_or_default();
        let body = read.to_bytes();
        if !head.status.is_success() {
            let pause = head.headers.get(RETRY_AFTER).and_then(seconds);
            return Err(NotTaken::Status(head.status.as_u16(), pause));
        }
        let body = if self.is_grpc {
            grpc::answered(&head.headers, &trailers, &body)?
        } else {
            body
        };
        Ok(taken(body))
    }

    fn message(&self, spans: Vec<Span>) -> ExportTraceServiceRequest {
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope {
                        name: "sidgate".to_owned(),
                        version: VERSION.to_owned(),
                        ..InstrumentationScope::default()
                    }),
                    spans,
                    schema_url: SCHEMA.to_owned(),
                }],
                schema_url: SCHEMA.to_owned(),
            }],
        }
    }

    fn failed(&self, failed: reqwest::Error) -> NotTaken {
        let receiver = Peer {
            authorities: Some("telemetry.ca"),
            ..Peer::default()
        };
        let (is_timeout, is_connect) = (failed.is_timeout(), failed.is_connect());
        let why = receiver.cause(&failed.without_url());
        match () {
            () if is_timeout => NotTaken::Timeout(self.timeout),
            () if is_connect => NotTaken::NoConnection(why),
            () => NotTaken::BrokenOff(why),
        }
    }
}

/// Without address and fields.
impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

fn trust(config: &TelemetryConfig) -> Result<Trust, ReceiverError> {
    let Some(file) = &config.ca else {
        return Ok(Trust::default());
    };
    http_client::authorities(file).map_err(|why| ReceiverError::Authorities {
        path: file.display().to_string(),
        why,
    })
}

fn secret_field((name, value): &(HeaderName, SecretString)) -> Option<(HeaderName, HeaderValue)> {
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some((name.clone(), value))
}

fn resource(service_name: &str) -> Resource {
    let attributes = Attributes::default()
        .text("service.name", service_name)
        .text("service.version", VERSION);
    Resource {
        attributes: attributes.into_vec(),
        ..Resource::default()
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let seconds = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// What a good answer says. One that cannot be read is as good as an empty one.
fn taken(body: Bytes) -> Taken {
    let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    Taken {
        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
        why: plain(&partial.error_message),
    }
}
