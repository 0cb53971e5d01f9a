//! `sidgate check` and `sidgate doctor`: is the configuration good, and is everything well that it names?

use std::io::{ErrorKind, Write as _};
use std::path::Path;

use clap::Args;

use super::config_arg::ConfigArg;
use super::small_runtime;
use crate::config::Config;
use crate::diagnosis::finding::Finding;
use crate::diagnosis::report::{self, Detail};
use crate::diagnosis::through::PublicUrl;
use crate::diagnosis::{self, Depth};
use crate::run::wiring::{self, WiringError};

/// Check a configuration and list every fault.
///
/// Exit code: 0 all is well, 78 the configuration is wrong, 1 something that was asked has failed.
#[derive(Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArg,
    /// Also ask everything that it names: store, Redis, the servers of the apps, the backend, the webhook. Writes nothing.
    #[arg(long)]
    connect: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

/// Find out what is wrong: all of `check --connect`, and what only a probe shows.
///
/// Asks apps straight for pages with forged identities, which no right app believes. Writes nothing.
/// Exit code: 0 nothing has failed, 78 the configuration is wrong, 1 something has failed.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigArg,
    /// Also send a request the public way, such as https://app.example.com, and see how it arrives.
    #[arg(long, value_name = "URL", value_parser = PublicUrl::parse)]
    through: Option<PublicUrl>,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let config = load(&self.config.path()?, self.json)?;
        if self.connect {
            let findings = examine(&config, Depth::Connect, None)?;
            return show(&config, &findings, self.json, Detail::Line);
        }
        show(&config, &[], self.json, Detail::Line)
    }
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let config = load(&self.config.path()?, self.json)?;
        let findings = examine(&config, Depth::Doctor, self.through.as_ref())?;
        show(&config, &findings, self.json, Detail::Advice)
    }
}

/// The configuration. What is wrong with it is a document where one is wanted.
fn load(path: &Path, json: bool) -> Result<Config, WiringError> {
    let loaded = wiring::load(path);
    if let (true, Err(wrong)) = (json, &loaded) {
        tell(&format!("{}\n", report::document_of_faults(wrong)))?;
    }
    loaded
}

fn examine(
    config: &Config,
    depth: Depth,
    through: Option<&PublicUrl>,
) -> Result<Vec<Finding>, WiringError> {
    Ok(small_runtime()?.block_on(Box::pin(diagnosis::examine(config, depth, through))))
}

fn show(
    config: &Config,
    findings: &[Finding],
    json: bool,
    detail: Detail,
) -> Result<(), WiringError> {
    let failed = report::failed(findings);
    if json {
        tell(&format!(
            "{}\n",
            report::document(&config.advice(), findings)
        ))?;
    } else {
        let mut text = String::new();
        for line in config.advice() {
            text.push_str(&format!("advice: {line}\n"));
        }
        if !findings.is_empty() {
            text.push_str(&report::lines(findings, detail));
            text.push_str(&report::summary(findings));
            text.push('\n');
        }
        if failed == 0 {
            text.push_str("configuration is good\n");
        }
        tell(&text)?;
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(WiringError::Unwell { failed })
    }
}

/// Writes what was asked for. Whoever closes the pipe has read enough, and the exit code says the rest.
fn tell(text: &str) -> Result<(), WiringError> {
    let mut out = std::io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(WiringError::Process(error.to_string()))
        }
        _ => Ok(()),
    }
}
