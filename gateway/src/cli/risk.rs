//! `sidgate risk`: what rules about suspicious activity would do.

use std::time::Duration;

use clap::Subcommand;
use session_core::clock::{Clock as _, SystemClock};

use super::config_arg::ConfigArg;
use super::{block_on, say};
use crate::config::parse_duration;
use crate::risk::backtest;
use crate::run::wiring::{self, WiringError};

const TIMEOUT: Duration = Duration::from_secs(600);

#[derive(Subcommand)]
pub(super) enum Risk {
    /// Try the rules of a configuration on recorded activity. Changes nothing.
    Backtest {
        /// How far back, such as "24h" or "7d".
        #[arg(long, default_value = "7d", value_parser = parse_duration)]
        since: Duration,
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Risk {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let Self::Backtest {
            since,
            config,
            json,
        } = self;
        let config = config.load()?;
        if wiring::is_yet_to_create(&config) {
            return Err(WiringError::NoStore);
        }
        let report = block_on(TIMEOUT, async {
            let store = wiring::store(&config).await?;
            store.check_schema().await?;
            Ok(backtest::run(store.as_ref(), &config, SystemClock.wall(), since).await?)
        })?;
        say(&if json {
            report.view().to_string()
        } else {
            report.to_string()
        })
    }
}
