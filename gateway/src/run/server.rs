//! Puts the parts together, runs them, and takes them down in order.
//!
//! Two kinds of runtimes: Pingora's serve requests; the *core* runtime, owned here, does everything that outlives a
//! request: reads and writes of the store, the heartbeat, calls to the backend (docs/adr/0004). Nothing forks: process
//! managers do that better.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use pingora_core::apps::HttpServerOptions;
use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{ListenFds, RunArgs, Server};
use pingora_core::services::listening::Service;
use pingora_proxy::http_proxy;
use session_core::keys::Keyring;
use session_core::store::StoreError;
use session_core::trust::check_environment;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::activation;
use super::advice;
use super::announce;
use super::background;
use super::certificates::Certificates;
use super::exporter;
use super::first_process;
use super::listeners::{self, Listeners};
use super::service_manager::ServiceManager;
use super::services::{Edges, OnOpenSockets, Public};
use super::signals::Signals;
use super::stop::Stop;
use super::succession::Succession;
use super::upgrade::{Predecessor, Program};
use super::wiring::{self, Servers, WiringError};
use crate::admin::Admin;
use crate::apps::backend::Backend;
use crate::apps::client::Client;
use crate::apps::standing::Now;
use crate::config::{Config, ListenAddress, ServerConfig};
use crate::limits::file_descriptors;
use crate::proxy::Proxy;
use crate::proxy::connections::Connections;
use crate::risk::{observer, webhook};
use crate::state::Gateway;
use crate::state::active_config::ActiveConfig;
use crate::telemetry::build::Build;
use crate::telemetry::lines::Lines;
use crate::telemetry::metrics::Metrics;

/// Threads of the core runtime: its work is waiting.
const CORE_THREADS: usize = 2;
/// Longest wait for the store at the start. A store that is away does not keep the gateway from starting.
const FIRST_CHECK: Duration = Duration::from_secs(2);
/// How often the requests under way are counted while the gateway drains, and how long there must be none: a request that
/// was sent before its connection closed is still being read.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const SETTLED: Duration = Duration::from_millis(200);
/// How long messages that wait may still be delivered when the gateway stops.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Longer than `server.drain_timeout` may be. Pingora would always wait so long; we end it before, see [`drained`].
const PINGORA_GRACE: Duration = Duration::from_secs(2 * 60 * 60);

/// Runs the gateway until it is told to stop. A successor takes the place of the process that has started it.
///
/// # Errors
/// When it cannot start.
pub(crate) fn run(
    path: &Path,
    is_successor: bool,
    lines: &Lines,
    build: Build,
) -> Result<(), WiringError> {
    if !is_successor {
        return run_after(None, path, lines, build);
    }
    let predecessor = Arc::new(Predecessor::on_stdin()?);
    run_after(Some(&predecessor), path, lines, build)
        .inspect_err(|failed| predecessor.say_failed(&failed.to_string()))
}

fn run_after(
    predecessor: Option<&Arc<Predecessor>>,
    path: &Path,
    lines: &Lines,
    build: Build,
) -> Result<(), WiringError> {
    let program = Program::of_this_process(path);
    let config = wiring::load_to_run(path)?;
    // Pingora reads them as well, and panics.
    check_environment().map_err(WiringError::Authorities)?;
    super::reload::write_audit_to(&lines.trail(), &config.audit)?;
    for line in config.advice() {
        warn!("{line}");
    }
    file_descriptors::raise();
    // Before anything is started: a port that is taken is told at once.
    let alone = match predecessor {
        Some(_) => None,
        None => Some(Listeners::open(&config, activation::sockets())?),
    };
    let keys = Arc::new(
        wiring::keyring(&config).ok_or_else(|| WiringError::Process("no master key".to_owned()))?,
    );
    let core = core_runtime()?;
    let (gateway, servers) = core.block_on(assemble(config, &keys, core.handle(), lines))?;
    let access_log = &gateway.settings.get().config.access_log;
    super::reload::write_access_log_to(&gateway.access_log, access_log)?;
    let began = gateway.sessions.clock().boot();
    gateway.metrics.runs(build);
    core.spawn(advise(Arc::clone(&gateway), servers));
    let certificates = certificates(&gateway)?;
    let manager = Arc::<ServiceManager>::default();
    background::spawn(&gateway, path, certificates.clone(), &manager);
    let messenger = Messenger::start(&core, &gateway);
    let succession = Arc::new(Succession::after(predecessor));
    let listeners = match alone {
        Some(listeners) => listeners,
        None => core.block_on(succession.take_over(&gateway))?,
    };
    let server = pingora(&gateway, &listeners, certificates)?;
    let why = Arc::<OnceLock<Stop>>::default();
    let first = first_process::attend(&why)
        .map_err(|error| WiringError::Process(format!("first process: {error}")))?;
    let signals = Signals {
        gateway: Arc::clone(&gateway),
        manager: Arc::clone(&manager),
        succession: Arc::clone(&succession),
        program,
        version: build.shown,
        why: Arc::clone(&why),
        listeners: Mutex::new(Some(Arc::new(listeners))),
    };
    let end = serve(server, signals)?;
    // The sockets were opened before: whoever connects from now on is answered.
    announce::started(&gateway, build, path);
    succession.say_taken(build.shown);
    let attended = Arc::clone(&gateway);
    core.spawn(async move { succession.attend(manager, attended).await });
    core.block_on(async {
        tokio::select! {
            _ = end => {}
            () = drained(&gateway) => {}
        }
    });
    wind_up(core, &gateway, messenger);
    announce::stopped(&gateway, began, why.get().copied());
    drop(gateway);
    match (first, why.get()) {
        // A thread that has panicked has ended too.
        (Some(first), Some(Stop::Replaced)) => match first.join().unwrap_or_default() {
            0 => Ok(()),
            code => Err(WiringError::Followed(code)),
        },
        _ => Ok(()),
    }
}

/// Has Pingora serve, on threads of its own. The receiver hears when it has ended.
fn serve(server: Server, signals: Signals) -> Result<oneshot::Receiver<()>, WiringError> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new()
        .name("sidgate-server".to_owned())
        .spawn(move || {
            server.run(RunArgs {
                shutdown_signal: Box::new(signals),
            });
            // The receiver is gone if the requests have ended first.
            let _unheard = ended.send(());
        })
        .map_err(|error| WiringError::Process(format!("server thread: {error}")))?;
    Ok(end)
}

/// The tasks that deliver messages and spans.
struct Messenger {
    tasks: [JoinHandle<()>; 2],
    stop: CancellationToken,
}

impl Messenger {
    fn start(core: &Runtime, gateway: &Arc<Gateway>) -> Self {
        core.spawn(observer::run(Arc::clone(gateway)));
        let stop = CancellationToken::new();
        let tasks = [
            core.spawn(webhook::run(Arc::clone(gateway), stop.clone())),
            core.spawn(exporter::run(Arc::clone(gateway), stop.clone())),
        ];
        Self { tasks, stop }
    }

    /// Delivers what waits, as far as there is time.
    async fn finish(mut self) {
        self.stop.cancel();
        let said = tokio::time::timeout(LAST_WORDS, join_all(&mut self.tasks)).await;
        if said.is_err() {
            self.tasks.iter().for_each(JoinHandle::abort);
        }
    }
}

/// What is done when the requests have ended.
fn wind_up(core: Runtime, gateway: &Gateway, messenger: Messenger) {
    core.block_on(messenger.finish());
    core.block_on(background::finish(gateway));
    core.block_on(gateway.sessions.stop());
    core.shutdown_timeout(Duration::from_secs(1));
}

/// Says once what could be better about the store and Redis. Beside the start, which does not wait for it.
async fn advise(gateway: Arc<Gateway>, servers: Servers) {
    for line in advice::advice(&gateway.settings.get().config, &servers).await {
        warn!("{line}");
    }
}

/// The certificates of the TLS listeners, if there are any.
fn certificates(gateway: &Gateway) -> Result<Option<Arc<Certificates>>, WiringError> {
    let settings = gateway.settings.get();
    let tls = settings.config.server.tls.as_ref();
    tls.map(|tls| Certificates::open(tls, gateway))
        .transpose()
        .map_err(WiringError::Process)
}

/// Returns when the listeners have closed and every request has its answer, or after `server.drain_timeout` (docs/adr/0017).
async fn drained(gateway: &Gateway) {
    gateway.closed.notified().await;
    let limit = gateway.settings.get().config.server.drain_timeout;
    let no_request = async {
        let mut quiet = Duration::ZERO;
        while quiet < SETTLED {
            tokio::time::sleep(LOOK_EVERY).await;
            let busy =
                gateway.in_flight.load(Ordering::Relaxed) > 0 || gateway.streams.are_ending();
            quiet = if busy {
                Duration::ZERO
            } else {
                quiet + LOOK_EVERY
            };
        }
    };
    // In the end the process exits, which closes what is still open.
    drop(tokio::time::timeout(limit, no_request).await);
}

fn core_runtime() -> Result<Runtime, WiringError> {
    Builder::new_multi_thread()
        .worker_threads(CORE_THREADS)
        .thread_name("sidgate-core")
        .enable_all()
        .build()
        .map_err(|error| WiringError::Process(format!("core runtime: {error}")))
}

async fn assemble(
    config: Config,
    keys: &Arc<Keyring>,
    core: &Handle,
    lines: &Lines,
) -> Result<(Arc<Gateway>, Servers), WiringError> {
    let servers = Servers::open(&config).await?;
    // Exits when the schema or the rights are known to be wrong; a store that is silent may come later.
    let first =
        tokio::time::timeout(FIRST_CHECK, wiring::check_store(servers.store().as_ref())).await;
    if let Ok(Err(StoreError::Schema(refused))) = first
        && !wiring::mends(&config, &refused)
    {
        return Err(StoreError::Schema(refused).into());
    }
    let sessions = wiring::sessions(&config, Arc::clone(keys), &servers, core).await;
    sessions.remember_legacy_for(config.migration.tombstone_ttl);
    sessions.keep_sightings_for(config.risk.keep);
    let settings = ActiveConfig::new(config, keys, None)?;
    settings.resolve_names(Now::of(&**sessions.clock())).await;
    let twice = |error| WiringError::Process(format!("metrics: {error}"));
    let metrics = Metrics::new().map_err(twice)?;
    let backend = Backend::new(Arc::new(Client::new()), Arc::clone(sessions.clock()));
    let gateway = Gateway::new(sessions, settings, metrics, lines, backend, core);
    gateway.metrics.publish(gateway.sources()).map_err(twice)?;
    if let Some(connections) = servers.connections() {
        gateway
            .metrics
            .publish_connections(connections.clone())
            .map_err(twice)?;
    }
    gateway.metrics.configuration_read(gateway.now());
    gateway.metrics.expect(&gateway.settings.get().config);
    Ok((Arc::new(gateway), servers))
}

fn pingora(
    gateway: &Arc<Gateway>,
    open: &Listeners,
    certificates: Option<Arc<Certificates>>,
) -> Result<Server, WiringError> {
    let settings = gateway.settings.get();
    let config = &settings.config;
    let mut server = Server::new_with_opt_and_conf(None, server_conf(config));
    server.bootstrap();
    let options = http_options(&config.server);
    let mut inner = http_proxy(&server.configuration, Proxy::new(Arc::clone(gateway)));
    inner.server_options = Some(options.clone());
    let connections = Connections::new(inner, gateway, &options);
    let cannot = |error| WiringError::Process(format!("listeners: {error}"));
    let mut tls = Service::new("sidgate-tls".to_owned(), connections.clone());
    if let (Some(configured), Some(certificates)) = (&config.server.tls, certificates) {
        tls = Service::new(
            "sidgate-tls".to_owned(),
            connections.over_tls(certificates.tls()),
        );
        for listen in &configured.listen {
            let address = ListenAddress::from(*listen);
            tls.add_listener(listeners::to_be_encrypted(&address));
        }
    }
    let mut plain = Service::new("sidgate".to_owned(), connections);
    for listen in &config.server.listen {
        plain.add_listener(listeners::plain(listen).map_err(cannot)?);
    }
    let mut admin = Service::new("sidgate-admin".to_owned(), Admin::new(Arc::clone(gateway)));
    let admin_listen = config.server.admin_listen.into();
    admin.add_listener(listeners::plain(&admin_listen).map_err(cannot)?);
    // A runtime of its own: health must answer when the proxy is busy.
    admin.threads = Some(1);
    let sockets = open.table().map_err(cannot)?;
    if config.authz.is_some() {
        server.add_service(Edges::new(gateway, open.of_edges(config).map_err(cannot)?));
    }
    server.add_service(Public {
        gateway: Arc::clone(gateway),
        plain,
        tls,
        sockets: ListenFds::clone(&sockets),
    });
    server.add_service(OnOpenSockets {
        gateway: Arc::clone(gateway),
        service: admin,
        sockets,
    });
    Ok(server)
}

fn server_conf(config: &Config) -> ServerConf {
    ServerConf {
        threads: config.server.worker_threads(),
        // More than `retry.attempts` may be: whether there is another try is for our hooks to say.
        max_retries: 16,
        grace_period_seconds: Some(PINGORA_GRACE.as_secs()),
        graceful_shutdown_timeout_seconds: Some(5),
        upstream_keepalive_pool_size: 1_024,
        ..ServerConf::default()
    }
}

fn http_options(server: &ServerConfig) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.keepalive_request_limit = Some(server.keepalive_requests);
    // Not to be proxied: so that it is refused by our rules, in our words, like every other method.
    options.allow_connect_method_proxying = true;
    options
}
