//! JSON lines on stdout, or in the journal behind it: which are written.
//!
//! Some libraries print whole requests, cookies included, at `debug`. What is not ours is held at `warn` whatever `RUST_LOG`
//! asks for: no level may show a secret (DESIGN 12), and a new dependency is quiet before anybody has read what it prints.
//! Security events are written whatever it says, so that a quieter log still has them.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::line_format::LineFormat;
use super::lines::Lines;
use super::log_stream::Stream;
use super::security;

/// The crates whose lines this project answers for.
const OURS: [&str; 2] = ["sidgate", "session_core"];

/// Parts of Pingora that say nothing. Its proxy quotes requests even at `error`: up to 2 KB of a head that it cannot parse. Our
/// own access line reports the same without quoting. Its connectors call it an error when a connection to an app is not used again
/// because another task has not let go of it yet. A new one is opened then, and nobody has anything to do.
const SILENT: [&str; 2] = ["pingora_proxy", "pingora_core::connectors"];

/// Starts logging to stdout at what `RUST_LOG` says, `info` by default.
///
/// # Errors
/// When there can be no thread that writes.
pub(crate) fn start() -> io::Result<Lines> {
    let asked = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    start_at(asked, Stream::Out)
}

/// Starts logging for a command, whose stdout is its answer: security events only, to stderr.
///
/// # Errors
/// When there can be no thread that writes.
pub(crate) fn start_for_command() -> io::Result<Lines> {
    start_at(EnvFilter::new("off"), Stream::Err)
}

fn start_at(asked: EnvFilter, stream: Stream) -> io::Result<Lines> {
    let lines = Lines::start(stream)?;
    let always = Targets::new().with_target(security::TARGET, LevelFilter::INFO);
    let written = tracing_subscriber::fmt::layer()
        .json()
        .event_format(LineFormat::new())
        .with_writer(lines.destinations());
    // Whoever embeds the gateway may have a subscriber already.
    drop(
        tracing_subscriber::registry()
            .with(written.with_filter(asked.and(quiet()).or(always)))
            .try_init(),
    );
    // Lines from the `log` crate are held at `warn`. Without this limit, lower levels are formatted although they are not
    // written. Pingora's trace line of an app's answer panics at a byte that is not UTF-8, and the answer is lost.
    log::set_max_level(log::LevelFilter::Warn);
    Ok(lines)
}

/// What may be written at most, whatever is asked for.
fn quiet() -> Targets {
    Targets::new()
        .with_default(LevelFilter::WARN)
        .with_targets(OURS.map(|name| (name, LevelFilter::TRACE)))
        .with_targets(SILENT.map(|name| (name, LevelFilter::OFF)))
}

#[cfg(test)]
mod tests;
