//! The command line. Exit code 78 (`EX_CONFIG` of sysexits.h) means: the configuration is wrong, a restart will not help.

mod dev;
mod doctor;
mod explain;
mod migration;
mod reload;
mod risk;
mod schema;
mod sessions;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use session_core::keys::MasterKey;
use session_core::store::StoreError;

use crate::config::MasterSource;
use crate::run::server;
use crate::run::upgrade::UpgradeFailed;
use crate::run::wiring::{self, WiringError};
pub use crate::telemetry::build::Build;
use crate::telemetry::logs;

/// `EX_CONFIG`
const BAD_CONFIG: u8 = 78;
/// Exit code of a revocation that may or may not have happened (EX_TEMPFAIL of sysexits.h).
const TRY_AGAIN: u8 = 75;
/// Exit code of `schema status` when `schema apply` is due.
const APPLY_IS_DUE: u8 = 3;

/// The session gateway: one opaque cookie in, a verified identity out.
#[derive(Parser)]
#[command(name = "sidgate", about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Run {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Take the listening sockets over from a running gateway (send it SIGQUIT afterwards).
        #[arg(long)]
        upgrade: bool,
    },
    /// Run a gateway for development in front of apps on this machine.
    Dev(dev::Dev),
    Check(doctor::Check),
    Doctor(doctor::Doctor),
    /// Have the running gateway read its configuration again, and print what came of it.
    ///
    /// Asks at server.admin_listen. Exit code 0: taken over. 1: not, because it needs a restart, or nobody answers. 78: the
    /// configuration has faults.
    Reload {
        /// Configuration file of the running gateway.
        #[arg(long)]
        config: PathBuf,
    },
    Explain(explain::Explain),
    /// Manage the store's schema.
    #[command(subcommand)]
    Schema(schema::Schema),
    /// Make and show keys.
    #[command(subcommand)]
    Keys(Keys),
    /// Follow the migration of old logins.
    #[command(subcommand)]
    Migration(migration::Migration),
    /// Try rules about suspicious activity.
    #[command(subcommand)]
    Risk(risk::Risk),
    /// List, show and end sessions.
    #[command(subcommand)]
    Sessions(sessions::Sessions),
}

#[derive(Subcommand)]
enum Keys {
    /// Print a new master key: 32 random bytes in base64.
    Generate {
        /// Write it to this file (mode 0600) instead; an existing file is never overwritten.
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Print the key that an app shares with the gateway, in base64.
    Upstream {
        /// Name of the upstream.
        name: String,
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
}

/// Runs the command that was asked for.
#[must_use]
pub fn main(build: Build) -> ExitCode {
    match dispatch(asked(build), build) {
        Ok(code) => code,
        Err(failed) => {
            complain(&failed);
            ExitCode::from(exit_code(&failed))
        }
    }
}

/// The command that was asked for. Ends the process for `--help`, `--version`, and what is no command.
fn asked(build: Build) -> Command {
    let mut known = Cli::command().version(build.shown);
    let matches = known.get_matches_mut();
    Cli::from_arg_matches(&matches)
        .map_err(|error| error.format(&mut known))
        .unwrap_or_else(|error| error.exit())
        .command
}

fn dispatch(command: Command, build: Build) -> Result<ExitCode, WiringError> {
    match command {
        Command::Explain(explain) => return explain.run(),
        Command::Run { config, upgrade } => {
            let lines = logs::start();
            server::run(config, upgrade, lines.trail(), build)
        }
        Command::Dev(dev) => dev.run(build),
        Command::Check(check) => check.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Reload { config } => reload::run(&config),
        Command::Schema(command) => command.run(),
        Command::Keys(Keys::Generate { out: Some(file) }) => wiring::create_key_file(&file),
        Command::Keys(Keys::Generate { out: None }) => say(&wiring::new_key()?),
        Command::Keys(Keys::Upstream { name, config }) => upstream_key(&name, &config),
        Command::Migration(command) => command.run(),
        Command::Risk(command) => command.run(),
        Command::Sessions(command) => command.run(),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn upstream_key(name: &str, path: &Path) -> Result<(), WiringError> {
    let config = wiring::load(path)?;
    if !config
        .upstreams
        .iter()
        .any(|upstream| upstream.name == name)
    {
        return Err(WiringError::Process(format!(
            "upstreams.{name} is not in the configuration"
        )));
    }
    let MasterSource::Key(master) = &config.keys.master else {
        return Err(WiringError::NoKey);
    };
    say(&STANDARD.encode(MasterKey::upstream(master, name).expose()))
}

/// Runs `work` on a small runtime of its own.
fn block_on<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, WiringError>>,
) -> Result<T, WiringError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| WiringError::Process(error.to_string()))?;
    let answer = runtime.block_on(async { tokio::time::timeout(limit, work).await });
    answer.unwrap_or_else(|_elapsed| Err(StoreError::timeout(limit).into()))
}

fn exit_code(failed: &WiringError) -> u8 {
    match failed {
        WiringError::Config(_)
        | WiringError::StoreUrl(_)
        | WiringError::Redis(_)
        | WiringError::ActiveConfig(_)
        | WiringError::NotReloaded(_)
        | WiringError::NoKey
        | WiringError::AuditFile(_)
        | WiringError::Upgrade(UpgradeFailed::Folder(_))
        | WiringError::KeyFile { .. } => BAD_CONFIG,
        WiringError::Store(StoreError::Schema(_)) => BAD_CONFIG,
        WiringError::SchemaIsDue(_) => APPLY_IS_DUE,
        WiringError::OutcomeUnknown(_) => TRY_AGAIN,
        WiringError::Store(_)
        | WiringError::NoStore
        | WiringError::NoRoles
        | WiringError::Unwell { .. }
        | WiringError::Listen(_)
        | WiringError::Upgrade(_)
        | WiringError::NoEntropy(_)
        | WiringError::Client(_)
        | WiringError::Process(_) => 1,
    }
}

/// Output that was asked for goes to stdout.
fn say(line: &str) -> Result<(), WiringError> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| WiringError::Process(error.to_string()))
}

/// Writes the error to stderr. A closed stderr is ignored.
fn complain(failed: &WiringError) {
    drop(writeln!(std::io::stderr(), "{failed}"));
}
