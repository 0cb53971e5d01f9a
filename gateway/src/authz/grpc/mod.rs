//! `envoy.service.auth.v3.Authorization/Check`: what Envoy asks over gRPC.
//!
//! The messages are those parts of Envoy's that are read and written here (`messages`); the rest of them is skipped, as protobuf
//! has it.

mod messages;
mod translate;

use std::sync::Arc;

use http::{HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use sidgate_policy::edge::client_ip::Peer;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use self::messages::{CheckRequest, CheckResponse};
use super::flow::{self, Decision, UnderWay};
use super::refused::Refused;
use super::serve::{Body, may_ask, write_line};
use crate::answer::Answer;
use crate::passage::{Answerer, Record, line};
use crate::state::Gateway;
use crate::telemetry::questions::{NoQuestion, Via};

const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// Largest question, in bytes: more than a head may have, by far.
const QUESTION_MAX: usize = 1024 * 1024;

/// Whether a question comes over gRPC.
pub(super) fn is_asked<B>(question: &Request<B>) -> bool {
    let kind = question.headers().get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The answer to it.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    peer: Peer,
    question: Request<Incoming>,
) -> Response<Body> {
    let is_check = question.uri().path() == CHECK;
    let check = Check {
        gateway: Arc::clone(gateway),
        peer,
        is_check,
    };
    let mut server = Grpc::new(ProstCodec::default()).max_decoding_message_size(QUESTION_MAX);
    let question = question.map(|body| {
        let body = body.map_err(|error| Status::from_error(Box::new(error)));
        tonic::body::Body::new(body)
    });
    let response = server.unary(check, question).await;
    response.map(UnsyncBoxBody::new)
}

/// One question.
struct Check {
    gateway: Arc<Gateway>,
    peer: Peer,
    is_check: bool,
}

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future =
        futures_util::future::BoxFuture<'static, Result<tonic::Response<CheckResponse>, Status>>;

    fn call(&mut self, question: tonic::Request<CheckRequest>) -> Self::Future {
        let (gateway, peer, is_check) = (Arc::clone(&self.gateway), self.peer, self.is_check);
        Box::pin(async move {
            let settings = gateway.settings.get();
            if !may_ask(&settings, peer) {
                return Err(not_asked(&gateway, NoQuestion::Peer));
            }
            if !is_check {
                return Err(not_asked(&gateway, NoQuestion::Path));
            }
            let answer = check(&gateway, question.into_inner()).await;
            answer.map(tonic::Response::new)
        })
    }
}

/// The answer to whoever asks nothing that makes sense.
fn not_asked(gateway: &Gateway, why: NoQuestion) -> Status {
    gateway.metrics.not_asked(why);
    match why {
        NoQuestion::Peer => Status::new(Code::PermissionDenied, ""),
        NoQuestion::Path => Status::new(Code::Unimplemented, "only Check is served here"),
        _ => Status::new(
            Code::InvalidArgument,
            "the question does not say where the request goes",
        ),
    }
}

async fn check(gateway: &Arc<Gateway>, question: CheckRequest) -> Result<CheckResponse, Status> {
    let _under_way = UnderWay::begin(gateway);
    let described = translate::described(question);
    let described = described.map_err(|why| not_asked(gateway, why))?;
    let mut record = Record::begin(gateway, Some(Via::EnvoyGrpc));
    let described = match described {
        Ok(described) => described,
        Err(rule) => {
            gateway.metrics.refused(rule);
            record.answerer = Answerer::Edge;
            let answer = Answer::refused(&rule.into());
            record.outcome = answer.outcome;
            let refused = Refused::new(gateway, &mut record, None, answer);
            line::count(gateway, &record);
            return Ok(translate::refusal(refused));
        }
    };
    let (response, status, upstream) = match flow::decide(gateway, &mut record, &described).await {
        Decision::Allowed(allowed) => {
            let upstream = allowed.upstream.clone();
            (translate::permission(*allowed), 200, Some(upstream))
        }
        Decision::Refused(answer) => {
            let refused = Refused::new(gateway, &mut record, Some(&described), *answer);
            let status = refused.status;
            (translate::refusal(refused), status, None)
        }
    };
    write_line(gateway, &record, &described, (status, upstream.as_deref()));
    Ok(response)
}

/// A value as text; what is no ASCII is never written by us.
fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
