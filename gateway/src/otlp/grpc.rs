//! One message to a receiver by gRPC, and what it says.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_TYPE, TE};
use reqwest::{RequestBuilder, Url};
use session_core::cause::plain;
use tonic::{Code, Status};

use super::taken::NotTaken;

const METHOD: &str = "opentelemetry.proto.collector.trace.v1.TraceService/Export";
/// What stands before each message: whether it is compressed, and how long it is.
const PREFIX: usize = 5;

/// Where the service is.
pub(super) fn method(mut url: Url) -> Url {
    let path = format!("{}/{METHOD}", url.path().trim_end_matches('/'));
    url.set_path(&path);
    url
}

/// The call of it.
pub(super) fn asked(call: RequestBuilder, message: &[u8]) -> RequestBuilder {
    let mut body = BytesMut::with_capacity(PREFIX + message.len());
    body.put_u8(0);
    // Batches are far below 4 GiB.
    body.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    body.put_slice(message);
    call.header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .body(body.freeze())
}

/// The message of an answer.
///
/// # Errors
/// What the receiver says, where it has not taken the spans.
pub(super) fn answered(
    head: &HeaderMap,
    trailers: &HeaderMap,
    body: &Bytes,
) -> Result<Bytes, NotTaken> {
    // A refusal may stand in the head alone.
    let status = Status::from_header_map(trailers).or_else(|| Status::from_header_map(head));
    let Some(status) = status else {
        return Err(NotTaken::BrokenOff(
            "it ends without a status of gRPC".to_owned(),
        ));
    };
    if status.code() == Code::Ok {
        return Ok(body.slice(PREFIX.min(body.len())..));
    }
    Err(NotTaken::Grpc {
        code: status.code().description(),
        message: plain(status.message()),
        is_passing: is_passing(status.code()),
    })
}

/// The codes after which OTLP has a client try again.
const fn is_passing(code: Code) -> bool {
    matches!(
        code,
        Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss
            | Code::ResourceExhausted
    )
}
