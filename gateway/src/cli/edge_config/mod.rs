//! `sidgate edge-config`: the configuration of an edge that asks this gateway (forward-auth), for the configuration at hand.
//!
//! One template for each edge; what depends on the configuration is filled in from [`Facts`]. `deploy/edge/` holds what comes
//! out for a small configuration.

mod caddy;
mod envoy;
mod facts;
mod fill;
mod haproxy;
mod nginx;
mod traefik;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use self::facts::Facts;
use self::fill::fill;
use super::config_arg::ConfigArg;
use super::say;
use crate::run::wiring::WiringError;

/// Print the configuration of an edge that asks this gateway about requests (forward-auth).
///
/// For nginx, Caddy, Traefik, HAProxy and Envoy. The configuration needs [authz]. Apps without servers are printed with the address
/// 127.0.0.1:8000, to be changed.
#[derive(Args)]
pub(super) struct EdgeConfig {
    /// The edge.
    edge: Edge,
    #[command(flatten)]
    config: ConfigArg,
    /// Where the edge listens.
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:8080")]
    listen: String,
    /// Write all files that the edge needs into this folder instead of printing the main one.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// An edge that can ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Edge {
    Nginx,
    Caddy,
    Traefik,
    Haproxy,
    EnvoyHttp,
    EnvoyGrpc,
}

/// A file of an edge.
struct File {
    name: &'static str,
    text: String,
}

impl EdgeConfig {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let config = self.config.load()?;
        let facts = Facts::of(&config, self.listen).map_err(WiringError::Process)?;
        let files = files(self.edge, &facts, self.out.as_deref());
        match &self.out {
            None => files
                .first()
                .map_or(Ok(()), |main| say(main.text.trim_end())),
            Some(folder) => write(folder, &files),
        }
    }
}

/// The files of an edge, the main one first. `folder`: where they are going to be.
fn files(edge: Edge, facts: &Facts, folder: Option<&Path>) -> Vec<File> {
    let folder = |usual: &str| match folder {
        Some(folder) => format!("{}/", folder.display()),
        None => usual.to_owned(),
    };
    match edge {
        Edge::Nginx => nginx::files(facts),
        Edge::Caddy => caddy::files(facts),
        Edge::Traefik => traefik::files(facts, &folder("/etc/traefik/")),
        Edge::Haproxy => haproxy::files(facts, &folder("/etc/haproxy/")),
        Edge::EnvoyHttp => envoy::files(facts, false),
        Edge::EnvoyGrpc => envoy::files(facts, true),
    }
}

fn write(folder: &Path, files: &[File]) -> Result<(), WiringError> {
    let failed = |path: &Path, error: std::io::Error| {
        WiringError::Process(format!("{}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for file in files {
        let path = folder.join(file.name);
        fs::write(&path, &file.text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
