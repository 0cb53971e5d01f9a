//! Asks servers whether they are well, beside the requests: those that were ejected, when their time is over, and all of an
//! app with `health`, again and again. One question at a time for each server.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::apps::app::App;
use crate::apps::pool::Pool;
use crate::apps::probe;
use crate::apps::server::Server;
use crate::apps::standing::Now;
use crate::state::Gateway;

/// Between two looks at what is due.
const TICK: Duration = Duration::from_millis(100);

/// What a server is asked for.
#[derive(Clone, Copy)]
enum Reason {
    /// It was ejected.
    Probe,
    /// Its health is asked for regularly.
    Check,
}

/// Asks for as long as the gateway runs.
pub(super) async fn run(gateway: Arc<Gateway>) {
    let mut questions = JoinSet::new();
    loop {
        tokio::time::sleep(TICK).await;
        while questions.try_join_next().is_some() {}
        let settings = gateway.settings.get();
        for app in settings.apps() {
            for (reason, server) in due(&app.pool, &gateway) {
                let (gateway, app) = (Arc::clone(&gateway), Arc::clone(app));
                questions.spawn(async move { ask(&gateway, &app, reason, &server).await });
            }
        }
    }
}

fn due(pool: &Pool, gateway: &Gateway) -> Vec<(Reason, Arc<Server>)> {
    let now = gateway.sessions.clock().boot();
    pool.settle();
    let probes = pool.to_probe(now).into_iter();
    let mut due: Vec<_> = probes.map(|server| (Reason::Probe, server)).collect();
    if let Some(health) = &pool.upstream().health {
        let checks = pool.to_check(health, now).into_iter();
        due.extend(checks.map(|server| (Reason::Check, server)));
    }
    due
}

async fn ask(gateway: &Gateway, app: &App, reason: Reason, server: &Server) {
    let pool = &app.pool;
    let health = pool.upstream().health.as_ref();
    let client = &gateway.backend.client;
    let result = match health {
        Some(health) => {
            let authority = gateway.settings.get().site(0).config.origin.authority();
            probe::healthy(client, app, server, (health, &authority)).await
        }
        None => probe::connects(client, app, server).await,
    };
    let now = Now::of(&**gateway.sessions.clock());
    match (reason, health) {
        (Reason::Check, Some(health)) => pool.checked((server, health), result, now),
        _ => pool.probed(server, result, now),
    }
}
