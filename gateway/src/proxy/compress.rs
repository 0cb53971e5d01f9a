//! Makes the answers of apps smaller, where `[compression]` asks for it.
//!
//! `response_filter` decides; a module of Pingora's, of which each request has one anyway, does the work on the way out: it
//! alone hears of the end of every kind of answer. Pingora's own module knows no weights of `Accept-Encoding`, keeps back
//! what an app streams, and does not end a Brotli stream. The codecs are the ones that it links.

mod accept;
mod encoder;
mod fitness;

use std::any::Any;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue,
    TRANSFER_ENCODING, VARY,
};
use http::{Method, Version};
use pingora_core::modules::http::{HttpModule, HttpModuleBuilder, Module};
use pingora_core::{ErrorType, OrErr, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;

use self::encoder::{Encoder, Flush};
use super::Ctx;
use crate::config::Coding;
use crate::limits::encoders::EncoderPermit;

/// Makes the module of each request.
pub(super) struct Builder;

impl HttpModuleBuilder for Builder {
    fn init(&self) -> Module {
        Box::new(Compression(State::Idle))
    }
}

/// What becomes of the answer to one request.
pub(super) struct Compression(State);

enum State {
    /// It stays as it is.
    Idle,
    /// It is going to be compressed, if it has a body.
    Planned(Plan),
    /// It is being compressed. Boxed, because every request has a module, and few answers come to this.
    Running(Box<Running>),
}

struct Running {
    encoder: Encoder,
    flush: Flush,
    _permit: EncoderPermit,
}

struct Plan {
    coding: Coding,
    permit: EncoderPermit,
    /// The answer to HEAD has the fields of the one to GET, and no body.
    is_head: bool,
    is_http1: bool,
}

/// Decides about the answer of an app, whose head is complete.
pub(super) fn begin(session: &mut Session, response: &mut ResponseHeader, ctx: &Ctx) -> Result<()> {
    let config = &ctx.record.settings.config.compression;
    let Some(forward) = &ctx.forward else {
        return Ok(());
    };
    if config.algorithms.is_empty()
        || !fitness::is_worth_it(response, config)
        || !fitness::is_wanted(response, forward, &session.req_header().headers)
    {
        return Ok(());
    }
    // Whatever happens now depends on what the client speaks, and caches have to know.
    if !fitness::has(&response.headers, &VARY, &["accept-encoding", "*"]) {
        response.append_header(VARY, HeaderValue::from_static("Accept-Encoding"))?;
    }
    let head = session.req_header();
    if head.version == Version::HTTP_10 {
        return Ok(());
    }
    let Some(coding) = accept::best(head.headers.get_all(ACCEPT_ENCODING), &config.algorithms)
    else {
        return Ok(());
    };
    let Some(permit) = ctx.gateway.encoders.enter(config.max_concurrent) else {
        return Ok(());
    };
    let plan = Plan {
        coding,
        permit,
        is_head: head.method == Method::HEAD,
        is_http1: !session.is_http2(),
    };
    ctx.gateway.metrics.compressed(coding);
    set(session, State::Planned(plan));
    Ok(())
}

/// An answer of our own takes the place of the app's.
pub(super) fn forget(session: &mut Session) {
    set(session, State::Idle);
}

fn set(session: &mut Session, state: State) {
    let module = session.downstream_modules_ctx.get_mut::<Compression>();
    if let Some(module) = module {
        module.0 = state;
    }
}

impl Plan {
    /// Says in the head that the body is compressed.
    fn announce(&self, response: &mut ResponseHeader) -> Result<Flush> {
        let is_whole = response.remove_header(&CONTENT_LENGTH).is_some();
        response.remove_header(&ACCEPT_RANGES);
        let name: &'static str = self.coding.into();
        response.insert_header(CONTENT_ENCODING, HeaderValue::from_static(name))?;
        weaken_etag(response)?;
        if self.is_http1 && !self.is_head {
            response.insert_header(TRANSFER_ENCODING, HeaderValue::from_static("chunked"))?;
        }
        // What an app says piece by piece is to arrive piece by piece.
        Ok(if is_whole { Flush::Rarely } else { Flush::Each })
    }
}

/// The bytes are not those that the app has named, so its tag is one of the meaning alone (RFC 9110, 8.8.1).
fn weaken_etag(response: &mut ResponseHeader) -> Result<()> {
    let strong = response.headers.get(ETAG).map(HeaderValue::as_bytes);
    let Some(strong) = strong.filter(|tag| !tag.starts_with(b"W/")) else {
        return Ok(());
    };
    match HeaderValue::from_bytes(&[b"W/", strong].concat()) {
        Ok(weak) => response.insert_header(ETAG, weak),
        Err(_impossible) => Ok(()),
    }
}

impl Compression {
    /// The last bytes, if there are any to come.
    fn finish(&mut self) -> Result<Option<Bytes>> {
        match std::mem::replace(&mut self.0, State::Idle) {
            State::Running(running) => {
                let rest = running.encoder.finish();
                rest.map(Some).or_err(FAILED, "end of a compressed answer")
            }
            _ => Ok(None),
        }
    }
}

/// What a failure is called. Writing to memory does not fail.
const FAILED: ErrorType = ErrorType::new("CompressionFailed");

#[async_trait]
impl HttpModule for Compression {
    async fn response_header_filter(
        &mut self,
        response: &mut ResponseHeader,
        end_of_stream: bool,
    ) -> Result<()> {
        if response.status.is_informational() {
            return Ok(());
        }
        let State::Planned(plan) = std::mem::replace(&mut self.0, State::Idle) else {
            return Ok(());
        };
        if end_of_stream && !plan.is_head {
            return Ok(());
        }
        let flush = plan.announce(response)?;
        if !end_of_stream && !plan.is_head {
            self.0 = State::Running(Box::new(Running {
                encoder: Encoder::new(plan.coding).or_err(FAILED, "no encoder")?,
                flush,
                _permit: plan.permit,
            }));
        }
        Ok(())
    }

    fn response_body_filter(
        &mut self,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
    ) -> Result<()> {
        let State::Running(running) = &mut self.0 else {
            return Ok(());
        };
        let plain = body.take().unwrap_or_default();
        let mut smaller = if plain.is_empty() {
            Bytes::new()
        } else {
            let encoded = running.encoder.encode(&plain, running.flush);
            encoded.or_err(FAILED, "a compressed answer")?
        };
        if end_of_stream && let Some(rest) = self.finish()? {
            smaller = [smaller, rest].concat().into();
        }
        // An empty chunk would be the end of the body.
        *body = (end_of_stream || !smaller.is_empty()).then_some(smaller);
        Ok(())
    }

    /// What of HTTP/1 and HTTP/2 may follow a body has no place behind a compressed one: its end is ours to write.
    fn response_trailer_filter(
        &mut self,
        _trailers: &mut Option<Box<HeaderMap>>,
    ) -> Result<Option<Bytes>> {
        self.finish()
    }

    fn response_done_filter(&mut self) -> Result<Option<Bytes>> {
        self.finish()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
