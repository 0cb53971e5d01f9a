//! The services of Pingora, on sockets that are open already.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use pingora_core::apps::ServerApp;
use pingora_core::server::{ListenFds, ShutdownWatch};
use pingora_core::services::Service;
use pingora_core::services::listening::Service as Listening;
use tokio::runtime::Handle;

use crate::authz::listener::{self, Socket};
use crate::proxy::connections::Connections;
use crate::state::Gateway;

/// Longest wait for the first lease. A store that is away does not keep the gateway from serving what needs no session.
const FIRST_LEASE: Duration = Duration::from_secs(2);
/// Between two looks for it.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until the gateway can decide about sessions, for a while. Connections that come meanwhile wait in the queue of their
/// socket: a login in the first moment of the process would otherwise be told that the store is away.
pub(super) async fn first_lease(gateway: &Gateway) {
    let lease = async {
        while !gateway.sessions.readiness().lease {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    // Either way it is served: without a lease as without a store.
    let _waited = tokio::time::timeout(FIRST_LEASE, lease).await;
}

/// The same, unless the process is told to stop before.
async fn first_lease_or_stop(gateway: &Gateway, mut shutdown: ShutdownWatch) {
    tokio::select! {
        () = first_lease(gateway) => {}
        _ = shutdown.changed() => {}
    }
}

/// The public listeners. Those in clear text and those with TLS share threads.
pub(super) struct Public {
    pub(super) gateway: Arc<Gateway>,
    pub(super) plain: Listening<Connections>,
    pub(super) tls: Listening<Connections>,
    /// Their sockets, and perhaps others.
    pub(super) sockets: ListenFds,
}

#[async_trait]
impl Service for Public {
    async fn start_service(
        &mut self,
        _handed_over_by_pingora: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        let sockets = || Some(ListenFds::clone(&self.sockets));
        self.gateway.serving.lock().push(Handle::current());
        first_lease_or_stop(&self.gateway, shutdown.clone()).await;
        let (of_plain, of_tls) = (sockets(), sockets());
        let also = shutdown.clone();
        tokio::join!(
            self.plain
                .start_service(of_plain, shutdown, listeners_per_fd),
            self.tls.start_service(of_tls, also, listeners_per_fd),
        );
        // They have closed. Connections that rest have nothing more to wait for. Pingora's own clean-up would also give up
        // requests whose header is still being read.
        self.gateway.rounds.ring_all();
        self.gateway.closed.notify_one();
    }

    fn name(&self) -> &str {
        self.plain.name()
    }
}

/// The listener by which edges ask.
pub(super) struct Edges {
    gateway: Arc<Gateway>,
    sockets: Vec<Socket>,
}

impl Edges {
    pub(super) fn new(gateway: &Arc<Gateway>, sockets: Vec<Socket>) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            sockets,
        }
    }
}

#[async_trait]
impl Service for Edges {
    async fn start_service(
        &mut self,
        _handed_over_by_pingora: Option<ListenFds>,
        mut shutdown: ShutdownWatch,
        _listeners_per_fd: usize,
    ) {
        self.gateway.serving.lock().push(Handle::current());
        first_lease_or_stop(&self.gateway, shutdown.clone()).await;
        let sockets = std::mem::take(&mut self.sockets);
        let stop = async move {
            // The other side is gone when the process is told to stop, too.
            drop(shutdown.changed().await);
        };
        listener::run(Arc::clone(&self.gateway), sockets, stop).await;
    }

    fn name(&self) -> &'static str {
        "sidgate-authz"
    }
}

/// Another service.
pub(super) struct OnOpenSockets<A> {
    pub(super) gateway: Arc<Gateway>,
    pub(super) service: Listening<A>,
    /// Its sockets, and perhaps others.
    pub(super) sockets: ListenFds,
}

#[async_trait]
impl<A: ServerApp + Send + Sync + 'static> Service for OnOpenSockets<A> {
    async fn start_service(
        &mut self,
        _handed_over_by_pingora: Option<ListenFds>,
        shutdown: ShutdownWatch,
        listeners_per_fd: usize,
    ) {
        self.gateway.serving.lock().push(Handle::current());
        let sockets = Some(ListenFds::clone(&self.sockets));
        self.service
            .start_service(sockets, shutdown, listeners_per_fd)
            .await;
    }

    fn name(&self) -> &str {
        self.service.name()
    }

    fn threads(&self) -> Option<usize> {
        self.service.threads()
    }
}
