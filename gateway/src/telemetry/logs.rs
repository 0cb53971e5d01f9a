//! JSON lines on stdout.
//!
//! Some libraries print whole requests, cookies included, at `debug`. What is not ours is held at `warn` whatever `RUST_LOG`
//! asks for: no level may show a secret (DESIGN 12), and a new dependency is quiet before anybody has read what it prints.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The crates whose lines this project answers for.
const OURS: [&str; 2] = ["sidgate", "session_core"];

/// Quotes requests even at `error`: a head that it cannot parse, up to 2 KB of it. What it would say, our own access line
/// says without them.
const SILENT: &str = "pingora_proxy";

/// Starts logging at what `RUST_LOG` says, `info` by default.
pub(crate) fn start() {
    let asked = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .from_env_lossy();
    let quiet = OURS.iter().fold(
        tracing_subscriber::filter::Targets::new().with_default(LevelFilter::WARN),
        |targets, name| targets.with_target(*name, LevelFilter::TRACE),
    );
    let quiet = quiet.with_target(SILENT, LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false);
    // Whoever embeds the gateway may have a subscriber already.
    drop(
        tracing_subscriber::registry()
            .with(asked)
            .with(quiet)
            .with(lines)
            .try_init(),
    );
    // What speaks through `log` is all held at `warn`; without this, whatever it would say below is formatted all the same.
    // Pingora's trace line of an app's answer panics at a byte that is not UTF-8, and the answer is lost.
    log::set_max_level(log::LevelFilter::Warn);
}
