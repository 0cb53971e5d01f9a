//! Watches over a request from outside of it: is its header coming too slowly, has its session ended meanwhile?
//!
//! Pingora's hooks run only when something happens. A client that sends its header byte by byte, or a WebSocket that says
//! nothing for an hour, calls none of them. So each request runs beside a supervisor, and whichever ends first ends both:
//! dropping the request closes exactly its connection, or its HTTP/2 stream, and never anybody else's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{H2Options, default_h2_options};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use session_core::cache::Entry;
use session_core::clock::Boot;
use session_core::service::Follow;
use session_core::sid::SessionKey;
use tokio::sync::{Notify, watch};

use super::Proxy;
use super::chunks;
use super::progress::Progress;
use crate::config::EdgeConfig;
use crate::state::Gateway;
use crate::telemetry::labels::Refusal;

/// How often a long request is asked whether its session still lives. With the heartbeat this bounds the life of a stream
/// after its session's end to about a second.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// What a request tells its supervisor.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    header_read: Notify,
    progress: OnceLock<Arc<Progress>>,
    bound: Mutex<Option<Bound>>,
    cut: AtomicBool,
    /// When the client was last seen to send of the body that is waited for.
    body: Mutex<Option<Boot>>,
}

/// The session that a request ends with.
#[derive(Clone, Debug)]
struct Bound {
    key: SessionKey,
    known: Option<Arc<Entry>>,
}

impl Watch {
    /// The watch of the request that the current task serves, told that its header is complete and how it counts.
    pub(super) fn header_is_read(progress: &Arc<Progress>) -> Option<Arc<Self>> {
        let watch = WATCH.try_with(Arc::clone).ok()?;
        watch.progress.get_or_init(|| Arc::clone(progress));
        watch.header_read.notify_one();
        Some(watch)
    }

    /// From now on the request ends with this session.
    pub(super) fn ends_with(&self, session: &Arc<Entry>) {
        *self.bound.lock() = Some(Bound {
            key: session.session().key,
            known: Some(Arc::clone(session)),
        });
    }

    /// From now on the request ends with the session of this key. `None`: with none. An answer that itself ends or
    /// exchanges the session must still reach the browser.
    pub(super) fn moves_to(&self, key: Option<SessionKey>) {
        *self.bound.lock() = key.map(|key| Bound { key, known: None });
    }

    /// From now on the client has to go on sending its body. For HTTP/2, where Pingora has no limit of its own.
    pub(super) fn awaits_body(&self, now: Boot) {
        *self.body.lock() = Some(now);
    }

    /// The client has sent more of it.
    pub(super) fn body_moves(&self, now: Boot) {
        if let Some(last) = self.body.lock().as_mut() {
            *last = now;
        }
    }

    /// The body is complete, or no longer needed because the answer has begun.
    pub(super) fn body_is_over(&self) {
        *self.body.lock() = None;
    }

    fn body_stands_still(&self, now: Boot, limit: Duration) -> bool {
        self.body.lock().is_some_and(|last| now.since(last) > limit)
    }

    /// Whether the request was ended because its session had.
    pub(super) fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    fn bound(&self) -> Option<Bound> {
        self.bound.lock().clone()
    }

    /// Remembers what is known now, unless the request has moved to another session meanwhile.
    fn know(&self, key: &SessionKey, entry: Arc<Entry>) {
        if let Some(bound) = self.bound.lock().as_mut().filter(|bound| bound.key == *key) {
            // Its key is another one when its sid was renewed.
            bound.key = entry.session().key;
            bound.known = Some(entry);
        }
    }

    /// True when the request is still bound to the session, which has ended: then it is to be cut.
    fn cuts(&self, key: &SessionKey) -> bool {
        let bound = self.bound.lock();
        let cut = bound.as_ref().is_some_and(|bound| bound.key == *key);
        self.cut.store(cut, Ordering::Relaxed);
        cut
    }
}

/// The proxy with a supervisor beside each request.
pub(crate) struct Watched {
    proxy: Arc<HttpProxy<Proxy>>,
    gateway: Arc<Gateway>,
    options: HttpServerOptions,
    never: watch::Sender<bool>,
    begun: Notify,
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
            never: watch::Sender::new(false),
            begun: Notify::new(),
        }
    }

    /// Returns when no request has begun for `limit`; never once one has.
    pub(super) async fn nothing_begins(&self, limit: Duration) {
        if tokio::time::timeout(limit, self.begun.notified())
            .await
            .is_ok()
        {
            std::future::pending().await
        }
    }

    /// The signal that a request is served under. Pingora gives a connection up when the gateway stops before the header is
    /// read, also one that has just been accepted; a client would see its request go unanswered. So an HTTP/1 request is
    /// always served, and its connection ends afterwards, see [`rested`].
    fn patient(&self, session: &ServerSession, shutdown: &ShutdownWatch) -> ShutdownWatch {
        if session.is_http2() {
            shutdown.clone()
        } else {
            self.never.subscribe()
        }
    }

    /// Returns when the request must end.
    async fn supervise(&self, watch: &Watch, header_limit: Duration) {
        if tokio::time::timeout(header_limit, watch.header_read.notified())
            .await
            .is_err()
        {
            self.gateway.metrics.refused(Refusal::HeaderTimeout);
            return;
        }
        loop {
            tokio::time::sleep(FOLLOW_EVERY).await;
            if let Some(progress) = watch.progress.get() {
                progress.look();
            }
            let limit = self.gateway.settings.get().config.edge.body_timeout;
            if watch.body_stands_still(self.gateway.sessions.clock().boot(), limit) {
                self.gateway.metrics.refused(Refusal::BodyTimeout);
                return;
            }
            let Some(Bound { key, known }) = watch.bound() else {
                continue;
            };
            match self.gateway.sessions.follow(&key, known.as_ref()).await {
                Follow::Alive(entry) => watch.know(&key, entry),
                // The store is away: a stream is not a new request, and unknown is not ended.
                Follow::Unknown => {}
                Follow::Ended(_) if watch.cuts(&key) => {
                    self.gateway.metrics.stream_cut();
                    return;
                }
                // The app's answer has ended or exchanged it.
                Follow::Ended(_) => {}
            }
        }
    }

    /// How long the header of a request may take. On a plain connection the time begins with its first byte (see
    /// [`rested`]); under TLS that byte cannot be seen coming, and the rest before it counts too.
    fn header_limit(&self, session: &ServerSession) -> Duration {
        let settings = self.gateway.settings.get();
        let limit = settings.config.edge.header_timeout;
        let is_first =
            session.get_keepalive_reuses_remaining() == self.options.keepalive_request_limit;
        let is_tls = session
            .digest()
            .is_some_and(|digest| digest.ssl_digest.is_some());
        if is_tls && !is_first && !session.is_http2() {
            limit.saturating_add(settings.config.server.keepalive_timeout)
        } else {
            limit
        }
    }
}

/// Waits for the first byte of the next request. `None` when none comes within `limit`, or the gateway stops.
async fn rested(
    reused: ReusedHttpStream,
    shutdown: &ShutdownWatch,
    limit: Duration,
) -> Option<ReusedHttpStream> {
    let mut shutdown = shutdown.clone();
    let (mut stream, settings) = reused.consume();
    let mut first = [0];
    tokio::select! {
        peeked = tokio::time::timeout(limit, stream.try_peek(&mut first)) => peeked.ok()?.ok().map(drop)?,
        _ = shutdown.changed() => return None,
    }
    chunks::next_request(&stream);
    Some(ReusedHttpStream::new(stream, settings))
}

/// The size at which the library below gives up reading a header, as HTTP/2 counts it: 32 bytes more for each field. A little
/// more than what we refuse ourselves, so that it is refused in our words.
fn header_list_size(edge: &EdgeConfig) -> u32 {
    let size = 2 * edge.max_header_bytes + 32 * edge.max_header_count;
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[async_trait]
impl HttpServerApp for Watched {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let rest = self.gateway.settings.get().config.server.keepalive_timeout;
        if session.get_keepalive().is_some() {
            // Under TLS it is Pingora that waits for the next request.
            session.set_keepalive(Some(rest.as_secs()));
        }
        self.begun.notify_one();
        let (watch, header_limit) = (Arc::<Watch>::default(), self.header_limit(&session));
        let patient = self.patient(&session, shutdown);
        let request = WATCH.scope(
            Arc::clone(&watch),
            self.proxy.process_new_http(session, &patient),
        );
        let done = tokio::select! {
            done = request => done,
            () = self.supervise(&watch, header_limit) => None,
        };
        rested(done?, shutdown, rest).await
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
