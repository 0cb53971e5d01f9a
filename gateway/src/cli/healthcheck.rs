//! `sidgate healthcheck`: is the running gateway ready? For images without a shell, for systemd and for compose.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use http::{Request, StatusCode};
use serde::Deserialize;

use super::config_arg::ConfigArg;
use super::running::{self, At, Reply};
use super::running_url::RunningUrl;
use super::say;
use crate::config::{AdminPlace, parse_duration};
use crate::run::wiring::WiringError;

/// Where a gateway says whether it is ready, on its admin listener.
const READY: &str = "/readyz";

/// Ask the running gateway whether it is ready.
///
/// Asks /readyz at server.admin_listen. Exit code 0: ready. 1: not ready, or no answer. 78: the configuration does not say
/// where to ask.
#[derive(Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    config: ConfigArg,
    /// Ask here, and read no configuration: http://HOST:PORT/PATH, or http://unix:/PATH/OF/SOCKET:/PATH. Without a path:
    /// /readyz. server.health_path answers on the public listeners.
    #[arg(long, value_name = "URL", value_parser = health_url)]
    url: Option<RunningUrl>,
    /// Longest wait for the answer, such as 500ms.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = limit)]
    timeout: Duration,
}

impl Healthcheck {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let url = match self.url {
            Some(url) => url,
            None => of_config(&self.config.path()?)?,
        };
        let failed = |why: String| WiringError::Process(format!("{}: {why}", url.at));
        let request = Request::get(url.target.as_str())
            .body(())
            .map_err(|error| failed(error.to_string()))?;
        let reply = running::ask(&url.at, request, self.timeout)?;
        let reply = reply.map_err(|why| failed(why.to_string()))?;
        judge(&reply).map_err(failed)?;
        say("ready")
    }
}

fn health_url(text: &str) -> Result<RunningUrl, String> {
    RunningUrl::parse(text, READY)
}

fn limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be longer than 0s".to_owned()),
        limit => Ok(limit),
    }
}

/// The admin listener of a configuration.
fn of_config(config: &Path) -> Result<RunningUrl, WiringError> {
    let address = AdminPlace::address(config, &|name| std::env::var(name).ok())?;
    Ok(RunningUrl {
        at: At::Tcp(address.to_string()),
        target: READY.to_owned(),
    })
}

/// What `/readyz` says.
#[derive(Deserialize)]
struct Readiness {
    status: String,
    #[serde(default)]
    checks: serde_json::Map<String, serde_json::Value>,
}

/// Whether the answer says yes.
///
/// # Errors
/// Why not.
fn judge(reply: &Reply) -> Result<(), String> {
    let stranger = || {
        format!(
            "status {}: not the answer of a gateway",
            reply.status.as_u16()
        )
    };
    let told: Option<Readiness> = serde_json::from_slice(&reply.body).ok();
    match (reply.status, told, &*reply.body) {
        (StatusCode::OK, Some(told), _) if told.status == "ready" => Ok(()),
        (StatusCode::OK, None, b"ready\n") => Ok(()),
        (StatusCode::SERVICE_UNAVAILABLE, Some(told), _) if told.status == "not_ready" => {
            let failing = told.checks.iter().filter(|(_, word)| *word == "failing");
            let names: Vec<&str> = failing.map(|(name, _)| name.as_str()).collect();
            Err(format!("not ready: failing: {}", names.join(", ")))
        }
        (StatusCode::SERVICE_UNAVAILABLE, None, b"not ready\n") => Err("not ready".to_owned()),
        _ => Err(stranger()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_longer_than_nothing() {
        assert!(limit("0s").is_err());
        assert_eq!(limit("500ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn only_a_gateway_that_says_so_is_ready() {
        let judged = |status: u16, body: &'static str| {
            judge(&Reply {
                status: StatusCode::from_u16(status).unwrap(),
                body: body.into(),
            })
        };
        let unready = r#"{"status":"not_ready","checks":{"schema":"ok","window":"failing","lease":"failing","rights":"ignored"}}"#;
        assert_eq!(judged(200, r#"{"status":"ready","checks":{}}"#), Ok(()));
        assert_eq!(judged(200, "ready\n"), Ok(()));
        assert_eq!(
            judged(503, unready),
            Err("not ready: failing: lease, window".to_owned())
        );
        assert_eq!(judged(503, "not ready\n"), Err("not ready".to_owned()));
        for (status, body) in [
            (200, "<html>"),
            (200, unready),
            (200, ""),
            (404, "not found\n"),
            (503, "<html>"),
            (503, r#"{"status":"ready"}"#),
            (500, r#"{"status":"ready"}"#),
        ] {
            let why = judged(status, body).unwrap_err();
            assert!(why.contains(&status.to_string()), "{body}: {why}");
        }
    }
}
