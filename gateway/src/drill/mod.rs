//! `sidgate drill`: a game day for a staging fleet. Whoever will be on call sees what a fault does, and whether what is promised
//! holds on their own fleet.
//!
//! | file | what it is |
//! |---|---|
//! | `exercise` | what can be done, and what is promised meanwhile |
//! | `address`, `node`, `fleet` | the nodes: where they are, what they are told, that they belong to one drill |
//! | `canaries`, `door`, `record` | sessions that are nobody's, asked for at the public listeners |
//! | `end_canary`, `hold_heartbeat`, `pause_redis`, `fill_bulkhead` | one exercise each |
//! | `stage` | what they all work with |
//! | `cannot` | why there is no drill |
//! | `judge`, `verdict`, `report` | what was promised against what was measured |
//!
//! Each fault ends where it is: a node counts the seconds of its own, and Redis those of its pause. So it ends, too, when the drill
//! is killed.

mod address;
mod canaries;
mod cannot;
mod door;
mod end_canary;
mod exercise;
mod fill_bulkhead;
mod fleet;
mod hold_heartbeat;
mod judge;
mod node;
mod pause_redis;
mod record;
mod report;
mod stage;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use session_core::cache::redis::RedisCache;
use session_core::clock::{Clock as _, SystemClock};
use session_core::entropy::{self, SystemEntropy};
use session_core::keys::Keyring;
use session_core::store::SessionStore;
use uuid::Uuid;

pub(crate) use self::address::NodeAddress;
pub(crate) use self::cannot::CannotDrill;
pub(crate) use self::exercise::Exercise;
pub(crate) use self::report::Report;
pub(crate) use self::verdict::Verdict;

use self::canaries::Canaries;
use self::door::Door;
use self::fleet::Fleet;
use self::report::Done;
use self::stage::Stage;
use crate::config::{Config, StoreUrl};

/// Longest wait for the store to end the sessions of a drill that is broken off.
const CLEAN_UP: Duration = Duration::from_secs(3);

/// What is to be done, with what.
pub(crate) struct Plan<'a> {
    pub(crate) config: &'a Config,
    pub(crate) keys: Keyring,
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) nodes: Vec<NodeAddress>,
    pub(crate) redis: Vec<RedisCache>,
    pub(crate) exercises: Vec<Exercise>,
    /// Exercises that are left out, and why.
    pub(crate) left_out: Vec<(Exercise, &'static str)>,
    /// Says what is being done.
    pub(crate) tell: &'a (dyn Fn(&str) + Sync),
}

/// Does it, and undoes it. `interrupted` breaks it off.
///
/// # Errors
/// When it cannot be done. Every fault is undone then, too.
pub(crate) async fn run(
    plan: Plan<'_>,
    interrupted: impl Future<Output = ()> + Send,
) -> Result<Report, CannotDrill> {
    let drill = Uuid::from_u128(u128::from_le_bytes(entropy::bytes(&SystemEntropy)?));
    let token = plan.config.admin.token.as_ref();
    let fleet = Fleet::find(&plan.nodes, token, plan.store.as_ref(), drill).await?;
    fleet.claim().await?;
    let mut stage = Stage {
        fleet: &fleet,
        doors: Vec::new(),
        canaries: Canaries {
            store: Arc::clone(&plan.store),
            keys: plan.keys,
            site: plan.config.sites.first(),
        },
        tell: plan.tell,
    };
    let (began, from) = (SystemClock.wall(), SystemClock.boot());
    let done = tokio::select! {
        biased;
        () = interrupted => Err(CannotDrill::Interrupted),
        never = fleet.keep() => never,
        done = exercises(&mut stage, plan.config, &plan.exercises, &plan.redis) => done,
    };
    fleet.end().await;
    // What is left ends by itself in minutes.
    drop(tokio::time::timeout(CLEAN_UP, stage.canaries.end_all()).await);
    let done = done?;
    let nodes = fleet.nodes.iter();
    Ok(Report {
        drill,
        began,
        took: SystemClock.boot().since(from),
        version: env!("CARGO_PKG_VERSION"),
        store: match plan.config.store.url {
            StoreUrl::Postgres(_) => "PostgreSQL",
            StoreUrl::Sqlite(_) => "SQLite",
        },
        nodes: nodes
            .map(|node| (node.address.to_string(), node.id, node.public.at.clone()))
            .collect(),
        done,
        left_out: plan.left_out,
    })
}

async fn exercises(
    stage: &mut Stage<'_>,
    config: &Config,
    exercises: &[Exercise],
    redis: &[RedisCache],
) -> Result<Vec<Done>, CannotDrill> {
    for node in &stage.fleet.nodes {
        let door = Door::at(&node.public, config, config.sites.first()).await?;
        stage.doors.push(door);
    }
    let mut done = Vec::new();
    for exercise in exercises {
        (stage.tell)(&format!("{exercise}: {}", exercise.plan()));
        let one = match exercise {
            Exercise::Canary => {
                let normal = end_canary::normal(&config.store.url);
                Box::pin(end_canary::run(stage, normal)).await
            }
            Exercise::Heartbeat => Box::pin(hold_heartbeat::run(stage)).await,
            Exercise::Redis => {
                let patience = config.cache.breaker_max_pause;
                Box::pin(pause_redis::run(stage, redis, patience)).await
            }
            Exercise::Bulkhead => Box::pin(fill_bulkhead::run(stage)).await,
        }?;
        (stage.tell)(&format!("{exercise}: {}", one.verdict()));
        done.push(one);
    }
    Ok(done)
}
