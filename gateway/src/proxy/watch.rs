//! Watches over a request from outside of it: is its header coming too slowly, has its session ended meanwhile?
//!
//! Pingora's hooks run only when something happens. A client that sends its header byte by byte, or a WebSocket that says
//! nothing for an hour, calls none of them. So each request runs beside a supervisor, and whichever ends first ends both:
//! dropping the request closes exactly its connection, or its HTTP/2 stream, and never anybody else's.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::{HttpServerApp, HttpServerOptions, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::server::ShutdownWatch;
use pingora_proxy::HttpProxy;
use session_core::cache::Entry;
use session_core::service::Follow;
use tokio::sync::Notify;
use tracing::info;

use super::Proxy;
use crate::gate::Gate;

/// How often a long request is asked whether its session still lives. With the heartbeat this bounds the life of a stream
/// after its session's end to about a second.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
/// How long a connection may rest between two requests; what Pingora gives its own keep-alive.
const REST_MAX: Duration = Duration::from_secs(60);

tokio::task_local! {
    static WATCH: Arc<Watch>;
}

/// What a request tells its supervisor.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    header_read: Notify,
    session: OnceLock<Arc<Entry>>,
}

impl Watch {
    /// The watch of the request that the current task serves, told that its header is complete.
    pub(super) fn header_is_read() -> Option<Arc<Self>> {
        let watch = WATCH.try_with(Arc::clone).ok()?;
        watch.header_read.notify_one();
        Some(watch)
    }

    /// From now on the request ends with this session.
    pub(super) fn ends_with(&self, session: &Arc<Entry>) {
        // A retry towards another server sets the same session again.
        let _already_set = self.session.set(Arc::clone(session));
    }
}

/// The proxy with a supervisor beside each request.
pub(crate) struct Watched {
    proxy: Arc<HttpProxy<Proxy>>,
    gate: Arc<Gate>,
    options: HttpServerOptions,
}

impl Watched {
    /// `proxy`, for connections that speak as `options` say.
    pub(crate) fn new(
        proxy: Arc<HttpProxy<Proxy>>,
        gate: Arc<Gate>,
        options: HttpServerOptions,
    ) -> Self {
        Self {
            proxy,
            gate,
            options,
        }
    }

    /// Returns when the request must end.
    async fn supervise(&self, watch: &Watch, header_limit: Duration) {
        if tokio::time::timeout(header_limit, watch.header_read.notified())
            .await
            .is_err()
        {
            self.gate.metrics.refused("header_timeout");
            return;
        }
        let mut known: Option<Arc<Entry>> = None;
        loop {
            tokio::time::sleep(FOLLOW_EVERY).await;
            let Some(entry) = known.as_ref().or_else(|| watch.session.get()) else {
                continue;
            };
            match self.gate.sessions.follow(entry).await {
                Follow::Alive(entry) => known = Some(entry),
                // The store is away: a stream is not a new request, and unknown is not ended.
                Follow::Unknown => {}
                Follow::Ended => {
                    self.gate.metrics.stream_cut();
                    info!(session = %entry.session().id, "stream cut: its session has ended");
                    return;
                }
            }
        }
    }

    /// A connection that was used before may rest before its next header begins.
    fn header_limit(&self, session: &ServerSession) -> Duration {
        let limit = self.gate.site.get().config.edge.header_timeout;
        let is_first =
            session.get_keepalive_reuses_remaining() == self.options.keepalive_request_limit;
        if is_first || session.is_http2() {
            limit
        } else {
            limit.saturating_add(REST_MAX)
        }
    }
}

#[async_trait]
impl HttpServerApp for Watched {
    async fn process_new_http(
        self: &Arc<Self>,
        session: ServerSession,
        shutdown: &ShutdownWatch,
    ) -> Option<ReusedHttpStream> {
        let (watch, header_limit) = (Arc::<Watch>::default(), self.header_limit(&session));
        let request = WATCH.scope(
            Arc::clone(&watch),
            self.proxy.process_new_http(session, shutdown),
        );
        tokio::select! {
            done = request => done,
            () = self.supervise(&watch, header_limit) => None,
        }
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }

    async fn http_cleanup(&self) {
        self.proxy.http_cleanup().await;
    }
}
