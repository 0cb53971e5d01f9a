//! Serves each request beside a supervisor, and whichever ends first ends both: dropping the request closes exactly its
//! connection, or its HTTP/2 stream, and never anybody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::Stream;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use session_core::clock::Boot;
use session_core::service::Follow;
use tokio::sync::watch;

use super::Proxy;
use super::chunks;
use super::watch::{Slow, Watch};
use crate::config::EdgeConfig;
use crate::state::Gateway;
use crate::telemetry::labels::Refusal;

/// The proxy with a supervisor beside each request.
pub(crate) struct Watched {
    proxy: Arc<HttpProxy<Proxy>>,
    gateway: Arc<Gateway>,
    options: HttpServerOptions,
    /// A signal that never comes.
    never: ShutdownWatch,
    has_begun: AtomicBool,
}

impl Watched {
    /// `proxy`, for connections that speak as `options` say.
    pub(crate) fn new(
        proxy: Arc<HttpProxy<Proxy>>,
        gateway: Arc<Gateway>,
        options: HttpServerOptions,
    ) -> Self {
        Self {
            proxy,
            gateway,
            options,
            never: watch::Sender::new(false).subscribe(),
            has_begun: AtomicBool::new(false),
        }
    }

    /// Whether a request has begun on a connection of HTTP/2.
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.load(Ordering::Relaxed)
    }

    /// Serves a connection of HTTP/1, request after request, as Pingora would.
    pub(super) async fn serve_h1(
        &self,
        stream: Stream,
        shutdown: &ShutdownWatch,
        watch: Arc<Watch>,
    ) {
        let requests = async {
            let mut next = Some(ReusedHttpStream::new(stream, None));
            while let Some(reused) = next {
                // Apart, so that a connection at rest holds nothing of it.
                let served = Box::pin(self.serve_one(reused, shutdown, &watch));
                next = match served.await {
                    Some(done) => self.rested(done, shutdown, &watch).await,
                    None => None,
                };
            }
        };
        Arc::clone(&watch).over(requests).await;
    }

    /// Serves the next request. Pingora gives a connection up when the gateway stops before the header is read, also one that
    /// has just been accepted; a client would see its request go unanswered. So a request is always served, and its
    /// connection ends afterwards, see [`Watched::rested`].
    async fn serve_one(
        &self,
        reused: ReusedHttpStream,
        shutdown: &ShutdownWatch,
        watch: &Watch,
    ) -> Option<ReusedHttpStream> {
        let (stream, before) = reused.consume();
        let is_tls = stream.get_ssl_digest().is_some();
        let settings = self.gateway.settings.get();
        let rest = settings.config.server.keepalive_timeout;
        let mut header_limit = settings.config.edge.header_timeout;
        drop(settings);
        let mut session = ServerSession::new_http1(stream);
        let goes_on = match before {
            Some(before) => {
                before.apply_to_session(&mut session);
                // On a plain connection the time begins with its first byte; under TLS that byte cannot be seen coming, and
                // the rest before it counts too.
                if is_tls {
                    header_limit = header_limit.saturating_add(rest);
                }
                session.get_keepalive().is_some()
            }
            None => {
                session.set_keepalive_reuses_remaining(self.options.keepalive_request_limit);
                !*shutdown.borrow()
            }
        };
        // Under TLS it is Pingora that waits for the next request.
        session.set_keepalive(goes_on.then_some(rest.as_secs()));
        self.supervised(session, &self.never, header_limit, watch)
            .await
    }

    /// Serves a request under the signal that it is to end by.
    async fn supervised(
        &self,
        session: ServerSession,
        signal: &ShutdownWatch,
        header_limit: Duration,
        watch: &Watch,
    ) -> Option<ReusedHttpStream> {
        watch.begins(self.now().plus(header_limit));
        tokio::select! {
            biased;
            done = self.proxy.process_new_http(session, signal) => done,
            () = self.supervise(watch) => None,
        }
    }

    /// Returns when the request must end.
    async fn supervise(&self, watch: &Watch) {
        loop {
            watch.bell().rung().await;
            let limit = self.gateway.settings.get().config.edge.body_timeout;
            if let Some(slow) = watch.look(self.now(), limit) {
                match slow {
                    Slow::Header => self.gateway.metrics.refused(Refusal::HeaderTimeout),
                    Slow::Body => self.gateway.metrics.refused(Refusal::BodyTimeout),
                    // It is counted where the app is known.
                    Slow::Answer => {}
                }
                return;
            }
            if watch.bell().is_in_doubt(&self.gateway.sessions) {
                // Apart, because few requests live to see it and all would hold its place.
                let is_cut = Box::pin(self.ends_with_its_session(watch)).await;
                if is_cut {
                    self.gateway.metrics.stream_cut();
                    return;
                }
            }
        }
    }

    /// Finds out whether the session that the request is bound to has ended.
    async fn ends_with_its_session(&self, watch: &Watch) -> bool {
        let Some(bound) = watch.bell().bound() else {
            return false;
        };
        let (sessions, at) = (&self.gateway.sessions, watch.at());
        match sessions
            .follow(&bound.key, &at.group, bound.known.as_ref())
            .await
        {
            // It is another tenant's by now, and counts here no more than one that has ended.
            Follow::Alive(entry) if !at.takes_session(entry.session()) => watch.cuts(&bound.key),
            Follow::Alive(entry) => {
                watch.bell().know(&bound.key, entry);
                false
            }
            // The store is away: a stream is not a new request, and unknown is not ended.
            Follow::Unknown => false,
            // Unless the app's answer has ended or exchanged it.
            Follow::Ended(_) => watch.cuts(&bound.key),
        }
    }

    /// Waits for the first byte of the next request. `None` when none comes in time, or the gateway stops.
    async fn rested(
        &self,
        reused: ReusedHttpStream,
        shutdown: &ShutdownWatch,
        watch: &Watch,
    ) -> Option<ReusedHttpStream> {
        let limit = self.gateway.settings.get().config.server.keepalive_timeout;
        let bell = watch.rests(self.now().plus(limit));
        let is_over = || *shutdown.borrow() || bell.is_due(self.now());
        // The signal comes after this, and rings.
        if self.gateway.is_draining() && is_over() {
            return None;
        }
        let (mut stream, settings) = reused.consume();
        let mut first = [0];
        let peeked = bell.unless(is_over, stream.try_peek(&mut first)).await?;
        peeked.ok()?;
        chunks::next_request(&stream);
        Some(ReusedHttpStream::new(stream, settings))
    }

    fn now(&self) -> Boot {
        self.gateway.sessions.clock().boot()
    }
}

/// The size at which the library below gives up reading a header, as HTTP/2 counts it: 32 bytes more for each field. A little
/// more than what we refuse ourselves, so that it is refused in our words.
fn header_list_size(edge: &EdgeConfig) -> u32 {
    let size = 2 * edge.max_header_bytes + 32 * edge.max_header_count;
    u32::try_from(size).unwrap_or(u32::MAX)
}

/// For HTTP/2, where Pingora reads the requests.
#[async_trait]
impl HttpServerApp for Watched {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        self.has_begun.store(true, Ordering::Relaxed);
        let limit = self.gateway.settings.get().config.edge.header_timeout;
        // Each stream is a task of its own.
        let watch = Watch::new(self.gateway.rounds.enter());
        let served = self.supervised(session, shutdown, limit, &watch);
        Arc::clone(&watch).over(served).await
    }

    /// Asked for each connection.
    fn h2_options(&self) -> Option<H2Options> {
        let mut options = default_h2_options();
        let settings = self.gateway.settings.get();
        let edge = &settings.config.edge;
        options.max_concurrent_streams(edge.max_h2_streams);
        options.max_header_list_size(header_list_size(edge));
        Some(options)
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}
