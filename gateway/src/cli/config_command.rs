//! `sidgate config`: the configuration as a schema, in effect, and a first one.

use clap::Subcommand;

use super::config_arg::ConfigArg;
use super::init::Init;
use super::say;
use crate::config::Config;
use crate::run::wiring::WiringError;

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Print the configuration in effect, with its defaults and without its secrets.
    Show {
        #[command(flatten)]
        config: ConfigArg,
        /// Print JSON instead of TOML.
        #[arg(long)]
        json: bool,
    },
    /// Print a first configuration, with comments.
    Init(Init),
}

impl ConfigCommand {
    pub(super) fn run(self) -> Result<(), WiringError> {
        match self {
            Self::Schema => say(&format!("{:#}", Config::schema())),
            Self::Show { config, json } => show(&config, json),
            Self::Init(init) => init.run(),
        }
    }
}

fn show(config: &ConfigArg, json: bool) -> Result<(), WiringError> {
    let text = Config::effective(&config.path()?, &|name| std::env::var(name).ok())?;
    if !json {
        return say(text.trim_end());
    }
    let failed =
        |error: String| WiringError::Process(format!("the configuration as JSON: {error}"));
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // The error's own text would quote the line.
        failed(error.message().to_owned())
    })?;
    let value = serde_json::to_value(table).map_err(|error| failed(error.to_string()))?;
    say(&format!("{value:#}"))
}
