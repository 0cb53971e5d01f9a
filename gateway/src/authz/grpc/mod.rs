//! `envoy.service.auth.v3.Authorization/Check`: what Envoy asks over gRPC.
//!
//! The messages are those parts of Envoy's that are read and written here (`messages`); the rest of them is skipped, as protobuf
//! has it.

mod messages;
mod translate;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use sidgate_policy::edge::client_ip::Peer;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

use self::messages::{CheckRequest, CheckResponse};
use super::flow::{self, Decision};
use super::serve::{Body, may_ask};
use crate::state::Gateway;
use crate::telemetry::questions::{NoQuestion, Via};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Largest question, in bytes: more than a head may have, by far.
const QUESTION_MAX: usize = 1024 * 1024;
/// Longest wait for a whole question and for what is known about it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a question is one for this service. Nothing but its path says so: its fields may be those of the request.
pub(super) fn is_asked<B>(question: &Request<B>) -> bool {
    question.uri().path() == CHECK
}

/// The answer to it.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    peer: Peer,
    question: Request<Incoming>,
) -> Response<Body> {
    let check = Check {
        gateway: Arc::clone(gateway),
        peer,
    };
    let mut server = Grpc::new(ProstCodec::default()).max_decoding_message_size(QUESTION_MAX);
    let question = question.map(|body| {
        let body = body.map_err(|error| Status::from_error(Box::new(error)));
        tonic::body::Body::new(body)
    });
    let answered = tokio::time::timeout(PATIENCE, server.unary(check, question)).await;
    let response = answered.unwrap_or_else(|_late| {
        gateway.metrics.not_asked(NoQuestion::Body);
        Status::deadline_exceeded("").into_http()
    });
    response.map(UnsyncBoxBody::new)
}

/// One question.
struct Check {
    gateway: Arc<Gateway>,
    peer: Peer,
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = BoxFuture<'static, Result<tonic::Response<CheckResponse>, Status>>;

    fn call(&mut self, question: tonic::Request<CheckRequest>) -> Self::Future {
        let (gateway, peer) = (Arc::clone(&self.gateway), self.peer);
        Box::pin(async move {
            if !may_ask(&gateway.settings.get(), peer) {
                gateway.metrics.not_asked(NoQuestion::Peer);
                return Err(Status::permission_denied(""));
            }
            let described = translate::described(question.into_inner()).map_err(|why| {
                gateway.metrics.not_asked(why);
                Status::invalid_argument("the question does not say where the request goes")
            })?;
            let decision = flow::answer(&gateway, Via::EnvoyGrpc, described.map(Box::new)).await;
            Ok(tonic::Response::new(match decision {
                Decision::Allowed(allowed) => translate::permission(*allowed),
                Decision::Refused(refused) => translate::refusal(*refused),
            }))
        })
    }
}

/// A value as text; what is no ASCII is never written by us.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
