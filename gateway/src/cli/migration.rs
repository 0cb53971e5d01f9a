//! `sidgate migration`: how far old logins have become sessions.

use std::time::Duration;

use clap::Subcommand;

use super::config_arg::ConfigArg;
use super::{block_on, say};
use crate::legacy::report::Report;
use crate::run::wiring::{self, WiringError};

const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Subcommand)]
pub(super) enum Migration {
    /// Tell who still comes with old cookies, and whether the rules may be removed.
    Report {
        #[command(flatten)]
        config: ConfigArg,
    },
}

impl Migration {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let Self::Report { config } = self;
        let config = config.load()?;
        let tally = block_on(TIMEOUT, async {
            let store = wiring::store(&config).await?;
            store.check_schema().await?;
            Ok(store.tallied().await?)
        })?;
        say(&Report::of(&tally, &config.migration).to_string())
    }
}
