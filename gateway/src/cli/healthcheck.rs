//! `sidgate healthcheck`: is the running gateway ready? For images without a shell, for systemd and for compose.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use http::{Request, StatusCode, Uri};
use serde::Deserialize;

use super::config_arg::ConfigArg;
use super::running::{self, At, Reply};
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
    #[arg(long, value_name = "URL", value_parser = HealthUrl::parse)]
    url: Option<HealthUrl>,
    /// Longest wait for the answer, such as 500ms.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = limit)]
    timeout: Duration,
}

impl Healthcheck {
    pub(super) fn run(self) -> Result<(), WiringError> {
        let url = match self.url {
            Some(url) => url,
            None => HealthUrl::of(&self.config.path()?)?,
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

fn limit(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("must be longer than 0s".to_owned()),
        limit => Ok(limit),
    }
}

/// Where to ask, and for what.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HealthUrl {
    at: At,
    target: String,
}

impl HealthUrl {
    /// The admin listener of a configuration.
    fn of(config: &Path) -> Result<Self, WiringError> {
        let address = AdminPlace::address(config, &|name| std::env::var(name).ok())?;
        Ok(Self {
            at: At::Tcp(address.to_string()),
            target: READY.to_owned(),
        })
    }

    /// Reads `http://127.0.0.1:3000/healthz` or `http://unix:/run/sidgate/http.sock:/healthz`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            "not a URL such as http://127.0.0.1:9901/readyz or http://unix:/run/sidgate/http.sock:/healthz".to_owned()
        };
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (at, target) = match rest.strip_prefix("unix:") {
            Some(rest) => {
                let (socket, target) = rest.split_once(':').unwrap_or((rest, ""));
                let socket = Some(socket).filter(|socket| socket.starts_with('/'));
                (At::Unix(socket.ok_or_else(wrong)?.into()), target)
            }
            None => {
                let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (At::Tcp(with_port(host).ok_or_else(wrong)?), target)
            }
        };
        let target = match target {
            "" | "/" => READY,
            target => target,
        };
        let parsed = target.parse::<Uri>().ok();
        match parsed.filter(|_| target.starts_with('/')) {
            Some(_) => Ok(Self {
                at,
                target: target.to_owned(),
            }),
            None => Err(wrong()),
        }
    }
}

/// A host with its port, 80 if none is written.
fn with_port(authority: &str) -> Option<String> {
    let uri: Uri = format!("http://{authority}").parse().ok()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    match uri.port_u16() {
        Some(port) if !authority.contains('@') => Some(format!("{host}:{port}")),
        None if authority == host => Some(format!("{host}:80")),
        _ => None,
    }
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
    fn a_url_names_a_port_or_a_socket() {
        let tcp = |host: &str| At::Tcp(host.to_owned());
        let unix = || At::Unix("/run/sidgate/http.sock".into());
        for (text, at, target) in [
            ("http://127.0.0.1:9901", tcp("127.0.0.1:9901"), "/readyz"),
            ("http://127.0.0.1:9901/", tcp("127.0.0.1:9901"), "/readyz"),
            ("http://[::1]:1/healthz", tcp("[::1]:1"), "/healthz"),
            ("http://sidgate/livez", tcp("sidgate:80"), "/livez"),
            (
                "http://h:1/readyz?ignore=lease",
                tcp("h:1"),
                "/readyz?ignore=lease",
            ),
            (
                "http://unix:/run/sidgate/http.sock:/healthz",
                unix(),
                "/healthz",
            ),
            ("http://unix:/run/sidgate/http.sock", unix(), "/readyz"),
        ] {
            let target = target.to_owned();
            assert_eq!(
                HealthUrl::parse(text),
                Ok(HealthUrl { at, target }),
                "{text}"
            );
        }
        for wrong in [
            "",
            "127.0.0.1:9901",
            "https://127.0.0.1:9901/readyz",
            "http://",
            "http:///readyz",
            "http://user@host:1/",
            "http://host:99999/",
            "http://host:1/a b",
            "http://unix:run.sock:/healthz",
            "http://unix:/run.sock:healthz",
            "unix:/run.sock",
        ] {
            assert!(HealthUrl::parse(wrong).is_err(), "{wrong}");
        }
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
