//! Asks everything that the configuration names how it is: for `sidgate check --connect` and `sidgate doctor`.
//!
//! All of it is asked, at the same time, each within its own limits. Nothing is written anywhere: a SQLite file that is not there
//! yet is not made, and apps are asked what they would answer to nobody.

mod app;
mod certificate;
mod clock;
pub(crate) mod finding;
mod redis;
pub(crate) mod report;
mod settings;
mod store;
mod telemetry;
pub(crate) mod through;
mod webhook;

use self::finding::{Finding, Question, Topic};
use self::through::PublicUrl;
use crate::config::Config;
use crate::run::wiring;

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Whether everything answers, as it should.
    Connect,
    /// Also what only a probe shows.
    Doctor,
}

/// Asks everything, and gives the answers in the order of the configuration. `through`: the public way.
pub(crate) async fn examine(
    config: &Config,
    depth: Depth,
    through: Option<&PublicUrl>,
) -> Vec<Finding> {
    let keys = wiring::keyring(config);
    let public_way = async {
        match (through, &keys, depth) {
            (Some(url), Some(keys), _) => through::examine(config, keys, url).await,
            (None, _, Depth::Connect) => Vec::new(),
            _ => vec![without_public_way()],
        }
    };
    let (store, redis, apps, webhook, telemetry, public_way) = tokio::join!(
        Box::pin(store::examine(config, depth)),
        Box::pin(redis::examine(config, depth)),
        Box::pin(app::examine(config, keys.as_ref(), depth)),
        Box::pin(webhook::examine(config)),
        Box::pin(telemetry::examine(config)),
        Box::pin(public_way),
    );
    let mut found = store;
    found.extend(redis);
    found.extend(apps);
    found.extend(webhook);
    found.extend(telemetry);
    found.extend(certificate::examine(config));
    if depth == Depth::Doctor {
        found.extend(settings::max_stale(config));
    }
    found.extend(public_way);
    found
}

fn without_public_way() -> Finding {
    let question = Question::new(Topic::PublicWay, "public way", "nothing");
    question.skipped("not looked at: `--through URL` sends a request by it")
}
