//! The servers of one app: found by their names, chosen for requests, and passed over while they fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::join_all;
use parking_lot::Mutex;
use session_core::clock::{Boot, Clock};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::balance::{Choice, Servers};
use super::names::{self, Names};
use super::resolver::Resolver;
use super::server::{Located, Server};
use super::standing::{Change, Now};
use crate::config::{HealthConfig, Upstream};
use crate::views::session::rfc3339;

pub(crate) use super::balance::NoServer;
pub(crate) use super::standing::Failure;

/// A server at which connections have been awaited for this part of `connect_after`, and none has come to stand, gets no more
/// requests meanwhile: of those that come when a server vanishes, only the first ones meet it.
const STALLED: u32 = 10;

/// The servers of an app.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Arc<Upstream>,
    /// Held while `servers` is exchanged.
    names: Mutex<Names>,
    servers: ArcSwap<Servers>,
    turn: AtomicUsize,
    /// Told when a request is over, if their number is limited.
    free: Arc<Notify>,
}

/// A request under way at a server, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight {
    /// The server.
    pub server: Arc<Server>,
    /// When it was chosen.
    pub sent: Boot,
    is_connecting: bool,
    free: Option<Arc<Notify>>,
}

impl InFlight {
    /// The request waits for no connection any more. `stands`: since when it has one.
    pub(crate) fn connected(&mut self, stands: Option<Boot>) {
        if std::mem::take(&mut self.is_connecting) {
            self.server.connected(stands);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.connected(None);
        self.server.leave();
        if let Some(free) = &self.free {
            free.notify_one();
        }
    }
}

/// What a request asks of the pool.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// Its session, if it has one.
    pub session: Option<u128>,
    /// Servers that have failed it.
    pub tried: &'a [Arc<Server>],
    /// The time.
    pub now: Boot,
}

impl Pool {
    /// Knows the servers that are given as addresses and sockets; names wait for [`Pool::resolve`].
    #[must_use]
    pub(crate) fn new(upstream: Arc<Upstream>) -> Self {
        let names = Names::new(&upstream.servers);
        let servers = names.places().into_iter().map(Server::new).map(Arc::new);
        Self {
            servers: ArcSwap::from_pointee(Servers::of(servers.collect())),
            upstream,
            turn: AtomicUsize::new(0),
            names: Mutex::new(names),
            free: Arc::default(),
        }
    }

    /// Takes over what `before` knows of names and servers that both have: a reload loses no address and no ejection.
    pub(crate) fn learn_from(&self, before: &Self) {
        let mut names = self.names.lock();
        names.learn_from(&before.names.lock());
        self.put(names.places(), &before.servers());
    }

    /// Its configuration.
    #[must_use]
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// A server for a request, where it is counted until the result is dropped. Waits for at most `connect_timeout` while each
    /// has as many requests as it may have.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn choose(&self, wanted: Wanted<'_>) -> Result<InFlight, NoServer> {
        match self.try_choose(wanted) {
            Err(NoServer::Free) => {}
            other => return other,
        }
        let freed = async {
            loop {
                let freed = self.free.notified();
                tokio::pin!(freed);
                // From here on nothing is missed.
                freed.as_mut().enable();
                match self.try_choose(wanted) {
                    Err(NoServer::Free) => freed.await,
                    other => return other,
                }
            }
        };
        // Apart, because few requests wait.
        let waited = tokio::time::timeout(self.upstream.connect_timeout, Box::pin(freed)).await;
        waited.unwrap_or(Err(NoServer::Free))
    }

    /// A server for a request, without a wait.
    ///
    /// # Errors
    /// Why there is none.
    fn try_choose(&self, wanted: Wanted<'_>) -> Result<InFlight, NoServer> {
        let most = self.upstream.max_connections;
        // Another try is no turn of its own: it would take the next server's.
        let turn = match wanted.tried {
            [] => self.turn.fetch_add(1, Ordering::Relaxed),
            _ => self.turn.load(Ordering::Relaxed),
        };
        let choice = Choice {
            by: self.upstream.balance,
            turn,
            session: wanted.session,
            tried: wanted.tried,
            most,
            now: wanted.now,
            patience: self.upstream.retry.connect_after / STALLED,
        };
        let server = self.servers.load().choose(&choice)?;
        server.connects(wanted.now);
        Ok(InFlight {
            server,
            sent: wanted.now,
            is_connecting: true,
            free: (most > 0).then(|| Arc::clone(&self.free)),
        })
    }

    /// Whether there is another server than `this` to try, and than those that have failed the request.
    #[must_use]
    pub(crate) fn has_another_than(&self, this: Option<&Server>, tried: &[Arc<Server>]) -> bool {
        self.servers.load().has_another_than(this, tried)
    }

    /// Which names do not resolve, and since when.
    #[must_use]
    pub(crate) fn unresolved(&self) -> String {
        self.names.lock().unresolved()
    }

    /// A request has failed at its server.
    pub(crate) fn failed(&self, request: &InFlight, how: Failure, cause: &str, now: Now) {
        let rules = &self.upstream.passive;
        let server = &request.server;
        let change = server.standing(|standing| standing.failed(how, request.sent, now, rules));
        self.note(server, change, cause);
    }

    /// A request has its answer.
    pub(crate) fn served(&self, request: &InFlight, clock: &dyn Clock) {
        let server = &request.server;
        if server.is_noted() {
            let now = Now::of(clock);
            let change = server.standing(|standing| standing.served(request.sent, now));
            self.note(server, change, "a request was answered");
        }
    }

    /// The servers that are to be probed now. Each is told once; see [`Pool::probed`].
    pub(crate) fn to_probe(&self, now: Boot) -> Vec<Arc<Server>> {
        let servers = self.servers.load();
        let due = servers.all.iter().filter(|server| {
            server.is_noted() && server.standing(|standing| standing.take_probe(now))
        });
        due.map(Arc::clone).collect()
    }

    /// The probe of a server has come to an end.
    pub(crate) fn probed(&self, server: &Server, result: Result<(), String>, now: Now) {
        let rules = &self.upstream.passive;
        let change = server.standing(|standing| standing.probed(result.is_ok(), now, rules));
        self.note(server, change, cause(&result, "a probe succeeded"));
    }

    /// The servers whose health is to be asked for now. Each is told once in an interval.
    pub(crate) fn to_check(&self, health: &HealthConfig, now: Boot) -> Vec<Arc<Server>> {
        let servers = self.servers.load();
        let due = servers.all.iter();
        let due = due.filter(|server| server.take_check(now, health.interval));
        due.map(Arc::clone).collect()
    }

    /// A health check has its answer.
    pub(crate) fn checked(
        &self,
        (server, health): (&Server, &HealthConfig),
        result: Result<(), String>,
        now: Now,
    ) {
        let change = server.standing(|standing| standing.checked(result.is_ok(), now, health));
        self.note(server, change, cause(&result, "its health checks succeed"));
    }

    /// Shares the requests anew if a server has changed without this pool: by a request, or a question, that began under the
    /// configuration before. Without health checks nothing that one has said is left.
    pub(crate) fn settle(&self) {
        if self.upstream.health.is_none() {
            for server in self.servers() {
                let change = server.standing(|standing| standing.is_not_checked());
                self.note(&server, change, "its health is not asked for any more");
            }
        }
        if !self.servers.load().is_current() {
            self.share_anew();
        }
    }

    /// Shares the requests among the servers as they stand now. How many serve.
    fn share_anew(&self) -> usize {
        let _in_turn = self.names.lock();
        let servers = Servers::of(self.servers());
        let serving = servers.serving();
        self.servers.store(Arc::new(servers));
        serving
    }

    /// What there is to be told of each server.
    pub(crate) fn servers(&self) -> Vec<Arc<Server>> {
        self.servers.load().all.clone()
    }

    /// Looks up every name whose turn it is. A name that does not resolve keeps what it had, and takes nothing from others.
    pub(crate) async fn resolve(&self, resolver: &Resolver, every: Duration, now: Now) {
        let due = self.names.lock().due(now.boot);
        let servers = self.upstream.servers.iter().enumerate();
        let looked_up = servers
            .filter(|(index, _)| due.contains(index))
            .map(|(index, server)| async move { (index, server, resolver.locate(server).await) });
        for (index, server, found) in join_all(looked_up).await {
            let change = self.names.lock().note(index, found, (now, every));
            if let Some(change) = change {
                self.tell_name(&server.to_string(), change);
            }
        }
        let names = self.names.lock();
        let places = names.places();
        let known = self.servers.load_full();
        if !known.all.iter().map(|server| &server.at).eq(&places) {
            self.put(places, &known.all);
        }
    }

    /// Serves from `places`, with what is known of those that were `known` before. The lock of the names is held.
    fn put(&self, places: Vec<Located>, known: &[Arc<Server>]) {
        let servers = places.into_iter().map(|at| {
            let same = known.iter().find(|server| server.is_at(&at));
            Arc::new(same.map_or_else(|| Server::new(at.clone()), |same| same.moved(at.clone())))
        });
        self.servers.store(Arc::new(Servers::of(servers.collect())));
    }

    /// Shares the requests anew after a change, and tells it.
    fn note(&self, server: &Server, change: Option<Change>, cause: &str) {
        let Some(change) = change else {
            return;
        };
        let left = self.share_anew();
        let upstream = self.upstream.name.as_str();
        match change {
            Change::Doubted => {
                info!(upstream, %server, cause, left, "server passed over until a probe has found out");
            }
            Change::Ejected(lasts) => {
                warn!(upstream, %server, cause, ejected_for = ?lasts, left, "server ejected");
            }
            Change::Unhealthy => {
                warn!(upstream, %server, cause, left, "server is unhealthy");
            }
            Change::Back(since) => {
                let since = since.and_then(rfc3339);
                info!(upstream, %server, cause, since, left, "server is back");
            }
        }
    }

    fn tell_name(&self, server: &str, change: names::Change) {
        let upstream = self.upstream.name.as_str();
        match change {
            names::Change::Lost { cause, kept } => {
                warn!(upstream, server, cause, kept, "name does not resolve");
            }
            names::Change::Found { since, addresses } => {
                info!(upstream, server, since, addresses, "name resolves again");
            }
        }
    }
}

/// Why a question went wrong, or else that it did not.
fn cause<'a>(result: &'a Result<(), String>, good: &'a str) -> &'a str {
    result.as_ref().err().map_or(good, String::as_str)
}
