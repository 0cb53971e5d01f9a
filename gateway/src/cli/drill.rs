//! `sidgate drill`: does what we promise hold on this fleet?

use std::convert::Infallible;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use session_core::secret::SecretString;
use strum::VariantArray as _;
use tokio::signal::unix::{SignalKind, signal};

use super::config_arg::ConfigArg;
use super::sessions::{by_shell, log};
use super::{complain, say, small_runtime};
use crate::config::{AdminPlace, Config, connection_url};
use crate::drill::{self, Exercise, NodeAddress, Plan, Report, Verdict};
use crate::run::shared_cache;
use crate::run::wiring::{self, WiringError};
use crate::telemetry::security::{self, Facts, Kind};

/// Exit code when something is not as promised.
const BROKEN: u8 = 1;
/// Exit code when there was no drill, or no whole one.
const NOT_DONE: u8 = 2;

/// Make faults in a staging fleet on purpose, and see whether what is promised holds.
///
/// Each node has to allow it (`admin.drills = true`), and each fault ends by itself where it is, after seconds.
/// Exit code: 0 everything held, 1 something did not, 2 it could not be done, 78 the configuration is wrong.
#[derive(Args)]
pub(super) struct Drill {
    #[command(flatten)]
    config: ConfigArg,
    /// Nobody's work depends on this fleet. Without it nothing is done, and what would be is printed.
    #[arg(long)]
    yes_this_is_staging: bool,
    /// A node by its admin listener, such as http://10.0.0.5:9901; a public listener of it may stand behind it:
    /// http://10.0.0.5:9901=https://10.0.0.5:8443. Each node of the fleet has to be named. Without it: the one of the
    /// configuration.
    #[arg(long = "node", value_name = "URL", value_parser = NodeAddress::parse)]
    nodes: Vec<NodeAddress>,
    /// Only this exercise. May be repeated.
    #[arg(long, value_name = "NAME", value_enum)]
    only: Vec<Exercise>,
    /// The Redis to pause: redis://HOST:PORT, file:PATH, or with ${NAME}. Of a cluster each server, by a URL of its own.
    #[arg(long = "redis-url", value_name = "URL", value_parser = secret)]
    redis_urls: Vec<SecretString>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Write the report to this file, too.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Drill {
    pub(super) fn run(self) -> Result<ExitCode, WiringError> {
        let path = self.config.path()?;
        let config = wiring::load(&path)?;
        let nodes = match self.nodes.is_empty() {
            true => vec![here(&path)?],
            false => self.nodes.clone(),
        };
        let exercises = self.exercises();
        if !self.yes_this_is_staging {
            complain_of(&refusal(&nodes, &exercises));
            return Ok(ExitCode::from(NOT_DONE));
        }
        let report = match self.drilled(&path, &config, nodes, exercises) {
            Ok(report) => report,
            Err(failed) => {
                complain(&failed);
                return Ok(ExitCode::from(match super::exit_code(&failed) {
                    super::BAD_CONFIG => super::BAD_CONFIG,
                    _ => NOT_DONE,
                }));
            }
        };
        self.tell(&report)?;
        Ok(match report.verdict() {
            Verdict::Held | Verdict::Slow => ExitCode::SUCCESS,
            Verdict::Broken => ExitCode::from(BROKEN),
            Verdict::NotShown => ExitCode::from(NOT_DONE),
        })
    }

    /// Those that are asked for, each once and in their order.
    fn exercises(&self) -> Vec<Exercise> {
        let all = Exercise::VARIANTS.iter().copied();
        let asked = |exercise: &Exercise| match self.only.is_empty() {
            true => *exercise != Exercise::Redis || !self.redis_urls.is_empty(),
            false => self.only.contains(exercise),
        };
        all.filter(asked).collect()
    }

    fn drilled(
        &self,
        path: &Path,
        config: &Config,
        nodes: Vec<NodeAddress>,
        exercises: Vec<Exercise>,
    ) -> Result<Report, WiringError> {
        let needs_redis = exercises.contains(&Exercise::Redis);
        if needs_redis && self.redis_urls.is_empty() {
            return Err(WiringError::Process(
                "the exercise redis needs --redis-url".to_owned(),
            ));
        }
        let left_out = match needs_redis || !self.only.is_empty() {
            true => Vec::new(),
            false => vec![(Exercise::Redis, "no --redis-url was given")],
        };
        let keys = wiring::keyring(config).ok_or(WiringError::NoKey)?;
        if wiring::is_yet_to_create(config) {
            return Err(WiringError::NoStore);
        }
        let lines = log()?;
        if let Err(failed) = lines.trail().add_to(config.audit.file.as_deref()) {
            complain(&WiringError::AuditFile(failed));
        }
        let names: Vec<String> = exercises.iter().map(ToString::to_string).collect();
        let names = names.join(" ");
        note("asked", &names);
        let drilled = small_runtime()?.block_on(async {
            let store = wiring::store(config).await?;
            store.check_schema().await?;
            let redis = match needs_redis {
                true => self.redis(path, config)?,
                false => Vec::new(),
            };
            let plan = Plan {
                config,
                keys,
                store,
                nodes,
                redis,
                exercises,
                left_out,
                tell: &complain_of,
            };
            let drilled = Box::pin(drill::run(plan, interrupted()?)).await;
            drilled.map_err(|why| WiringError::Process(format!("no drill: {why}")))
        });
        match &drilled {
            Ok(report) => note(word(report.verdict()), &names),
            Err(_why) => note("not_done", &names),
        }
        drilled
    }

    fn redis(
        &self,
        path: &Path,
        config: &Config,
    ) -> Result<Vec<session_core::cache::redis::RedisCache>, WiringError> {
        let env = |name: &str| std::env::var(name).ok();
        let urls = self.redis_urls.iter();
        urls.map(|url| {
            let url = connection_url(url.expose(), path, &env)
                .map_err(|why| WiringError::Process(format!("--redis-url: {why}")))?;
            Ok(shared_cache::at(&url, config)?)
        })
        .collect()
    }

    fn tell(&self, report: &Report) -> Result<(), WiringError> {
        let text = match self.json {
            true => serde_json::to_string_pretty(&report.document())
                .map_err(|error| WiringError::Process(error.to_string()))?,
            false => report.markdown().trim_end().to_owned(),
        };
        if let Some(file) = &self.out {
            std::fs::write(file, format!("{text}\n"))
                .map_err(|error| WiringError::Process(format!("{}: {error}", file.display())))?;
        }
        say(&text)
    }
}

/// It may hold a password, so it is never printed.
fn secret(text: &str) -> Result<SecretString, Infallible> {
    Ok(SecretString::new(text.to_owned()))
}

/// The node of the configuration.
fn here(path: &Path) -> Result<NodeAddress, WiringError> {
    let address = AdminPlace::address(path, &|name| std::env::var(name).ok())?;
    Ok(NodeAddress::of_admin(address))
}

/// What would be done, and what to say so that it is.
fn refusal(nodes: &[NodeAddress], exercises: &[Exercise]) -> String {
    let nodes: Vec<String> = nodes.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "no drill: say --yes-this-is-staging if nobody's work depends on {}. It would do this, one after the other, and undo it:",
        nodes.join(", ")
    );
    for exercise in exercises {
        text.push_str(&format!("\n  {exercise}: {}", exercise.plan()));
    }
    text
}

/// A line of progress, or of refusal. A closed stderr is ignored.
fn complain_of(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

fn note(reason: &str, exercises: &str) {
    let facts = Facts {
        reason,
        comment: Some(exercises),
        ..by_shell()
    };
    security::note(Kind::Drill, facts);
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Slow => "slow",
        Verdict::NotShown => "not_shown",
        Verdict::Broken => "broken",
    }
}

/// Ctrl-C, and what a service manager sends.
fn interrupted() -> Result<impl Future<Output = ()> + Send, WiringError> {
    let heard = |kind| signal(kind).map_err(|error| WiringError::Process(error.to_string()));
    let (mut interrupt, mut terminate) = (
        heard(SignalKind::interrupt())?,
        heard(SignalKind::terminate())?,
    );
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
