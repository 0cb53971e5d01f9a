//! `sidgate advise`: what should be set otherwise, by what the running system measures of itself.

mod ask;
mod store;

use std::io::Write as _;
use std::time::Duration;

use clap::Args;

use self::ask::{METRICS, Place, Watched};
use super::config_arg::ConfigArg;
use super::output_failed;
use super::running_url::RunningUrl;
use crate::advise;
use crate::advise::facts::{Facts, Settings};
use crate::advise::report::Report;
use crate::config::parse_duration;
use crate::run::wiring::{self, WiringError};

/// Say what should be set otherwise, by what the running nodes measure of themselves, and what should stay.
///
/// Reads /metrics at server.admin_listen, or at each --from, with admin.token where there is one, and asks PostgreSQL how large
/// it is. Changes nothing. The rules, and what they were measured with, are in docs/capacity.md.
/// Exit code: 0 done, whatever the advice is; 1 a node, or the store, did not answer; 78 the configuration is wrong.
#[derive(Args)]
pub(super) struct Advise {
    #[command(flatten)]
    config: ConfigArg,
    /// Ask these nodes: http://HOST:PORT, or http://unix:/PATH/OF/SOCKET.
    #[arg(long, value_name = "URL", num_args = 1.., value_parser = metrics_url)]
    from: Vec<RunningUrl>,
    /// Read them twice, so far apart, and judge what happened in between. Without it: since each node's start.
    #[arg(long, value_name = "DURATION", value_parser = apart)]
    over: Option<Duration>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Advise {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let path = self.config.path()?;
        let config = wiring::load(&path)?;
        let place = match self.from.as_slice() {
            [] => Place::of_config(&path)?,
            from => Place::named(from, config.admin.token.clone()),
        };
        let Watched { nodes, unheard } = ask::watch(&place, self.over)?;
        let (file_bytes, server) = store::look(&config)?;
        let facts = Facts {
            set: Settings::of(&config, file_bytes),
            nodes,
            server: server
                .as_ref()
                .and_then(|server| server.as_ref().ok().copied()),
        };
        // Without a single node there is nothing to judge by.
        let advice = match facts.nodes.as_slice() {
            [] => Vec::new(),
            _ => advise::judge(&facts),
        };
        let failed = unheard.len() + usize::from(matches!(server, Some(Err(_))));
        let report = Report {
            nodes: &facts.nodes,
            unheard: &unheard,
            server,
            advice: &advice,
        };
        self.print(&report)?;
        match failed {
            0 => Ok(()),
            failed => Err(WiringError::Unwell { failed }),
        }
    }

    fn print(&self, report: &Report<'_>) -> Result<(), WiringError> {
        let text = if self.json {
            format!("{}\n", report.document())
        } else {
            report.lines()
        };
        let mut out = std::io::stdout();
        let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        written.map_err(output_failed)
    }
}

fn metrics_url(text: &str) -> Result<RunningUrl, String> {
    RunningUrl::parse(text, METRICS)
}

fn apart(text: &str) -> Result<Duration, String> {
    /// Longer is for a monitoring system.
    const LONGEST: Duration = Duration::from_secs(24 * 3_600);
    match parse_duration(text)? {
        Duration::ZERO => Err("must be longer than 0s".to_owned()),
        long if long > LONGEST => Err("must be 24h at most".to_owned()),
        over => Ok(over),
    }
}
