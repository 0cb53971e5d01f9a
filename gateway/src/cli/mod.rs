//! The command line. Exit code 78 (`EX_CONFIG` of sysexits.h) means: the configuration is wrong, a restart will not help.

mod advise;
mod asking;
mod config_arg;
mod config_command;
mod demo_app;
mod dev;
mod doctor;
mod drill;
mod edge_config;
mod explain;
mod healthcheck;
mod init;
mod manuals;
mod migration;
mod openapi;
mod reload;
mod risk;
mod running;
mod running_url;
mod schema;
mod sessions;
mod upgrade;
mod users;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use clap_complete::Shell;
use session_core::keys::MasterKey;
use session_core::store::StoreError;
use tokio::runtime::{self, Runtime};

use self::config_arg::ConfigArg;
use crate::config::MasterSource;
use crate::run::server;
use crate::run::wiring::{self, WiringError};
pub use crate::telemetry::build::Build;
use crate::telemetry::log_stream::Stream;
use crate::telemetry::{journal, logs};

/// `EX_CONFIG`
const BAD_CONFIG: u8 = 78;
/// Exit code of a revocation that may or may not have happened, and of an erasure that is not complete (EX_TEMPFAIL of
/// sysexits.h).
const TRY_AGAIN: u8 = 75;
/// Exit code of `schema status` when `schema apply` is due.
const APPLY_IS_DUE: u8 = 3;

/// What every command has in common, below its help.
const IN_COMMON: &str = "\
Exit codes:
  0   done
  1   failed: something did not answer, or cannot be opened
  2   the command line is wrong
  3   `schema status`: `schema apply` is due; `explain`: the request is refused, or sent elsewhere
  75  it is not known whether sessions were ended, or whether all of a user was erased: run the command again, that is safe
  78  the configuration is wrong: starting again will not help

Environment:
  SIDGATE_CONFIG          configuration file, where --config is not given
  REDIS_URL               in place of cache.redis_url
  SESSION_CACHE_TTL       in place of cache.redis_ttl, in milliseconds
  ENABLE_SESSION_METRICS  false: no /metrics and no dashboard
  RUST_LOG                which lines are logged, such as info or sidgate=debug
  NAME                    whatever the configuration refers to as ${NAME}";

/// The session gateway: one opaque cookie in, a verified identity out.
#[derive(Parser)]
#[command(name = "sidgate", about, after_help = IN_COMMON)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the gateway.
    Run {
        #[command(flatten)]
        config: ConfigArg,
        /// Take the place of the gateway that has started this process. See `sidgate upgrade`.
        #[arg(long, hide = true)]
        successor: bool,
    },
    /// Run a gateway for development in front of apps on this machine.
    Dev(dev::Dev),
    DemoApp(demo_app::Demo),
    Check(doctor::Check),
    Doctor(doctor::Doctor),
    Drill(drill::Drill),
    Advise(advise::Advise),
    /// Have the running gateway read its configuration again, and print what came of it.
    ///
    /// Asks at server.admin_listen. Exit code 0: taken over. 1: not, because it needs a restart, or nobody answers. 78: the
    /// configuration has faults.
    Reload {
        #[command(flatten)]
        config: ConfigArg,
    },
    Healthcheck(healthcheck::Healthcheck),
    /// Have a new process of the program that is installed now take the place of the running one, and print what came of it.
    ///
    /// Nobody is refused meanwhile. Asks at server.admin_listen. Exit code 0: the new process serves. 1: it does not, and the
    /// old one goes on.
    Upgrade {
        #[command(flatten)]
        config: ConfigArg,
    },
    Explain(explain::Explain),
    /// Print the schema of the configuration, what is in effect, or a first one.
    #[command(subcommand)]
    Config(config_command::ConfigCommand),
    EdgeConfig(edge_config::EdgeConfig),
    #[command(name = "openapi")]
    OpenApi(openapi::OpenApi),
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
    /// Export what is held of one user, or erase it.
    #[command(subcommand)]
    Users(users::Users),
    /// Print a script that completes commands in a shell.
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the manual page, or write those of all commands into a folder.
    Man {
        /// The folder.
        folder: Option<PathBuf>,
    },
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
        #[command(flatten)]
        config: ConfigArg,
    },
}

/// Runs the command that was asked for.
#[must_use]
pub fn main(build: Build) -> ExitCode {
    match dispatch(asked(build), build) {
        Ok(code) => code,
        // Whoever reads only the first lines has got what they wanted.
        Err(WiringError::Closed) => ExitCode::SUCCESS,
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
        Command::Drill(drill) => return drill.run(),
        Command::Run { config, successor } => {
            let path = config.path()?;
            let lines = logs::start().map_err(WiringError::Log)?;
            server::run(&path, successor, &lines, build)
        }
        Command::Dev(dev) => dev.run(build),
        Command::DemoApp(demo) => demo.run(),
        Command::Check(check) => check.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Advise(advise) => advise.run(),
        Command::Reload { config } => reload::run(&config.path()?),
        Command::Healthcheck(healthcheck) => healthcheck.run(),
        Command::Upgrade { config } => upgrade::run(&config.path()?),
        Command::Schema(command) => command.run(),
        Command::Keys(Keys::Generate { out: Some(file) }) => wiring::create_key_file(&file),
        Command::Keys(Keys::Generate { out: None }) => say(&wiring::new_key()?),
        Command::Keys(Keys::Upstream { name, config }) => upstream_key(&name, &config.path()?),
        Command::Migration(command) => command.run(),
        Command::Risk(command) => command.run(),
        Command::Sessions(command) => command.run(),
        Command::Users(command) => command.run(),
        Command::Config(command) => command.run(),
        Command::EdgeConfig(command) => command.run(),
        Command::OpenApi(command) => command.run(),
        Command::Completions { shell } => manuals::completions(shell),
        Command::Man { folder } => manuals::pages(folder.as_deref()),
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
    let answer = small_runtime()?.block_on(async { tokio::time::timeout(limit, work).await });
    answer.unwrap_or_else(|_elapsed| Err(StoreError::timeout(limit).into()))
}

/// A small runtime.
fn small_runtime() -> Result<Runtime, WiringError> {
    runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| WiringError::Process(error.to_string()))
}

fn exit_code(failed: &WiringError) -> u8 {
    match failed {
        WiringError::Config(_)
        | WiringError::NoConfig(_)
        | WiringError::StoreUrl(_)
        | WiringError::StoreTls(_)
        | WiringError::Authorities(_)
        | WiringError::Redis(_)
        | WiringError::ActiveConfig(_)
        | WiringError::NotReloaded(_)
        | WiringError::NoKey
        | WiringError::AuditFile(_)
        | WiringError::AccessLogFile(_)
        | WiringError::KeyFile { .. } => BAD_CONFIG,
        WiringError::Store(StoreError::Schema(_)) => BAD_CONFIG,
        WiringError::SchemaIsDue(_) => APPLY_IS_DUE,
        WiringError::OutcomeUnknown(_)
        | WiringError::ErasedInPart(_)
        | WiringError::ReceiptLost => TRY_AGAIN,
        WiringError::Store(_)
        | WiringError::Log(_)
        | WiringError::NoStore
        | WiringError::Closed
        | WiringError::NoRoles
        | WiringError::Unwell { .. }
        | WiringError::Listen(_)
        | WiringError::Upgrade(_)
        | WiringError::NoEntropy(_)
        | WiringError::Client(_)
        | WiringError::Process(_) => 1,
        WiringError::Followed(code) => *code,
    }
}

/// Output that was asked for goes to stdout.
fn say(line: &str) -> Result<(), WiringError> {
    writeln!(std::io::stdout(), "{line}").map_err(output_failed)
}

fn output_failed(error: std::io::Error) -> WiringError {
    match error.kind() {
        ErrorKind::BrokenPipe => WiringError::Closed,
        _ => WiringError::Process(error.to_string()),
    }
}

/// Writes the error to stderr. A closed stderr is ignored.
fn complain(failed: &WiringError) {
    let mut text = failed.to_string();
    if journal::is_behind(Stream::Err) {
        // As an error (sd-daemon(3)), line by line.
        text = format!("<3>{}", text.replace('\n', "\n<3>"));
    }
    drop(writeln!(std::io::stderr(), "{text}"));
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    use super::Cli;

    fn each(command: &Command, seen: &mut dyn FnMut(&Command)) {
        seen(command);
        command
            .get_subcommands()
            .for_each(|inner| each(inner, seen));
    }

    #[test]
    fn no_command_needs_to_be_told_where_the_configuration_is() {
        Cli::command().debug_assert();
        each(&Cli::command(), &mut |command| {
            let config = command
                .get_arguments()
                .find(|argument| argument.get_long() == Some("config"));
            assert!(
                config.is_none_or(|config| !config.is_required_set()),
                "{}",
                command.get_name()
            );
        });
    }
}
