//! Attempts to reach an app with one request: at which servers, and whether there may be another one.

use std::sync::Arc;

use pingora_proxy::Session;
use session_core::clock::Boot;

use crate::apps::pool::{InFlight, Pool};
use crate::apps::server::Server;
use crate::apps::upstream_fault::UpstreamFault;
use crate::config::RetryOn;

/// The attempts of one request.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// How many there were.
    made: u32,
    /// Servers that have failed the request.
    failed: Vec<Arc<Server>>,
    /// The server that was chosen last, where the request counts as long as this lives.
    in_flight: Option<InFlight>,
    /// Whether it has taken the connection.
    pub(super) is_connected: bool,
    /// Whether the head of its answer has come.
    pub(super) has_head: bool,
    /// Why there is no connection.
    pub(super) fault: Option<UpstreamFault>,
}

impl Tries {
    /// A server was chosen.
    pub(super) fn begin(&mut self, request: InFlight) {
        self.made += 1;
        (self.is_connected, self.has_head) = (false, false);
        self.in_flight = Some(request);
    }

    /// The connection was one of before, and is closed: the same request goes out once more, and nothing speaks against the
    /// server.
    pub(super) fn was_stale(&mut self) {
        self.made = self.made.saturating_sub(1);
    }

    /// The server that was chosen last has taken the connection.
    pub(super) fn connected(&mut self, now: Boot) {
        (self.is_connected, self.fault) = (true, None);
        if let Some(request) = &mut self.in_flight {
            request.connected(Some(now));
        }
    }

    /// The server that was chosen last has failed the request.
    pub(super) fn has_failed(&mut self) {
        if let Some(request) = &mut self.in_flight {
            request.connected(None);
            self.failed.push(Arc::clone(&request.server));
        }
    }

    /// Servers that have failed the request.
    pub(super) fn failed(&self) -> &[Arc<Server>] {
        &self.failed
    }

    /// The server that was chosen last, and when.
    pub(super) fn in_flight(&self) -> Option<&InFlight> {
        self.in_flight.as_ref()
    }

    /// The server that was chosen last.
    pub(super) fn server(&self) -> Option<&Server> {
        self.in_flight.as_ref().map(|request| &*request.server)
    }

    /// The number of the attempt that was made last.
    pub(super) fn number(&self) -> u32 {
        self.made
    }

    /// Whether another server may be tried after `what`.
    pub(super) fn may_go_on(&self, pool: &Pool, what: RetryOn) -> bool {
        let retry = &pool.upstream().retry;
        retry.is_on(what) && self.made < retry.attempts && pool.has_another_than(None, &self.failed)
    }

    /// Whether another server is there for the attempt that is being made.
    pub(super) fn has_alternative(&self, pool: &Pool) -> bool {
        let retry = &pool.upstream().retry;
        let may_go_on = retry.is_on(RetryOn::Connect) && self.made < retry.attempts;
        may_go_on && pool.has_another_than(self.server(), &self.failed)
    }
}

/// Whether a request may be sent again that a server may have received: one that changes nothing if it arrives twice, has no
/// body, and of whose answer the client has nothing.
pub(super) fn may_be_repeated(session: &mut Session) -> bool {
    session.response_written().is_none()
        && session.req_header().method.is_idempotent()
        && session.as_mut().is_body_empty()
}
