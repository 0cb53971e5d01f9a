//! The Pingora side: one file per hook, each a few calls into the rest.
//!
//! ```text
//! (each connection)         connections.rs  for whom, over TLS or not, how long silent
//!                           seats.rs      how many
//!                           proxy_protocol.rs  for whom a balancer speaks
//!                           tls.rs        is it a handshake, does it end?
//!                           encrypted.rs  and then
//!                           client_certificate.rs  whose is the client's
//!                           unread.rs     what is no request
//! (each request)            watched.rs    served beside a supervisor
//!                           watch.rs      header in time, session still alive
//!                           progress.rs   how it counts
//! request_filter            request.rs    follow what was decided
//!                           sender.rs     who sent it
//!                           unvetted.rs   what is answered for any host
//!                           arrival.rs    what doctor is told of a request
//!                           endpoint.rs   own endpoints
//!                           admin.rs      admin API
//!                           stream.rs     events of a session
//!                           forward.rs    session, decide
//! request_body_filter       body.rs       how much
//! upstream_peer             peer.rs       which server
//!                           tries.rs      whether another one may be tried
//! upstream_request_filter   upstream.rs   the only place that writes an identity
//! upstream_response_filter  exchange.rs   what the answer says about the server
//! error_while_proxy         exchange.rs   what its absence says
//! response_filter           response.rs   clean up after the app, obey its X-Session-Event
//!                           compress.rs   make it smaller
//! fail_to_proxy             failure.rs    errors become answers
//! (each own answer)         write.rs      onto the wire
//! logging                   logging.rs    one line, a few counters
//!                           told.rs       what lines tell of a request
//!                           failed_line.rs  another one for what failed
//! ```

mod admin;
mod arrival;
mod body;
mod chunks;
mod client_certificate;
mod compress;
pub(crate) mod connections;
mod cors;
mod ctx;
mod encrypted;
mod endpoint;
mod exchange;
mod failed_line;
mod failure;
mod logging;
mod peer;
mod progress;
mod proxy_protocol;
mod request;
mod response;
mod seats;
mod sender;
mod stream;
pub(crate) mod tls;
mod tries;
mod unread;
mod unvetted;
mod upstream;
mod watch;
mod watched;
mod write;

use std::os::fd::RawFd;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::UPGRADE;
use http::{HeaderMap, Version};
use pingora_core::modules::http::HttpModules;
use pingora_core::protocols::Digest;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_core::{Error, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, ProxyHttp, ProxyWarnLogContext, Session};

pub(crate) use self::ctx::Ctx;
use crate::state::Gateway;
use crate::telemetry::traces::noting;

/// The gateway as Pingora sees it.
#[derive(Debug)]
pub(crate) struct Proxy {
    gateway: Arc<Gateway>,
}

impl Proxy {
    /// A proxy for `gateway`.
    #[must_use]
    pub(crate) fn new(gateway: Arc<Gateway>) -> Self {
        Self { gateway }
    }
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Ctx;

    fn new_ctx(&self) -> Ctx {
        Ctx::new(&self.gateway)
    }

    /// In place of Pingora's own compression, which knows no weights of `Accept-Encoding` and does not end a Brotli stream.
    fn init_downstream_modules(&self, modules: &mut HttpModules) {
        modules.add_module(Box::new(compress::Builder));
    }

    async fn request_filter(&self, session: &mut Session, ctx: &mut Ctx) -> Result<bool> {
        request::filter(&self.gateway, session, ctx).await
    }

    async fn request_body_filter(
        &self,
        session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        ctx: &mut Ctx,
    ) -> Result<()> {
        body::limit(session, body.as_ref(), end_of_stream, ctx)
    }

    async fn upstream_peer(&self, session: &mut Session, ctx: &mut Ctx) -> Result<Box<HttpPeer>> {
        peer::choose(&self.gateway, asks_to_switch(session), ctx).await
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        _peer: &HttpPeer,
        ctx: &mut Ctx,
        error: Box<Error>,
    ) -> Box<Error> {
        peer::failed(&self.gateway, ctx, error)
    }

    async fn connected_to_upstream(
        &self,
        _session: &mut Session,
        _reused: bool,
        _peer: &HttpPeer,
        _socket: RawFd,
        _digest: Option<&Digest>,
        ctx: &mut Ctx,
    ) -> Result<()> {
        peer::connected(&self.gateway, ctx);
        Ok(())
    }

    async fn upstream_request_filter(
        &self,
        session: &mut Session,
        request: &mut RequestHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        peer::check_protocol(&self.gateway, request.version == Version::HTTP_2, ctx)?;
        body::expect(session, ctx);
        let trace = ctx.record.trace.clone();
        let writing = upstream::write_identity(&self.gateway, request, ctx);
        noting(trace.as_deref(), writing).await?;
        client_certificate::tell(session, request)?;
        body::go_on(session, request).await?;
        ctx.asks_app();
        Ok(())
    }

    async fn upstream_response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        exchange::head(&self.gateway, session, response, ctx)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        error: Box<Error>,
        ctx: &mut Ctx,
        is_reused: bool,
    ) -> Box<Error> {
        exchange::broke(&self.gateway, session, error, ctx, is_reused)
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        ctx: &mut Ctx,
    ) -> Result<()> {
        let trace = ctx.record.trace.clone();
        let filtered = response::filter(&self.gateway, asks_to_switch(session), response, ctx);
        noting(trace.as_deref(), filtered).await?;
        compress::begin(session, response, ctx)
    }

    /// Runs for HTTP/2 and for chunked answers alike.
    fn upstream_response_trailer_filter(
        &self,
        _session: &mut Session,
        trailers: &mut HeaderMap,
        _ctx: &mut Ctx,
    ) -> Result<()> {
        response::clean_trailers(trailers);
        Ok(())
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        error: &Error,
        ctx: &mut Ctx,
    ) -> FailToProxy {
        failure::answer(&self.gateway, session, error, ctx).await
    }

    /// Pingora would log the path with its query; our own line says what happened.
    fn suppress_error_log(&self, _session: &Session, _ctx: &Ctx, _error: &Error) -> bool {
        true
    }

    /// The same for what it would log as a warning.
    fn suppress_proxy_warn_log(
        &self,
        _session: &Session,
        _ctx: &Ctx,
        _error: &Error,
        _context: ProxyWarnLogContext,
    ) -> bool {
        true
    }

    async fn logging(&self, session: &mut Session, error: Option<&Error>, ctx: &mut Ctx) {
        logging::write(&self.gateway, session, error, ctx);
    }
}

/// Whether the request is a WebSocket handshake: what is left of upgrades after vetting.
fn asks_to_switch(session: &Session) -> bool {
    session.req_header().headers.contains_key(UPGRADE)
}
