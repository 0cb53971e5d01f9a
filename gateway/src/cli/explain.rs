//! `sidgate explain`: what happens with one request, and which key of the configuration says so. Reads only.

use std::io::Read as _;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use session_core::clock::{Clock as _, SystemClock};
use session_core::entropy::{self, SystemEntropy};
use session_core::keys::{Keyring, MasterKey};
use session_core::secret::SecretString;
use session_core::service::{recognise, seen};
use session_core::session::Group;
use session_core::sid::SessionKey;
use session_core::store::Snapshot;
use sidgate_policy::auth::decide::Finding;

use super::config_arg::ConfigArg;
use super::{block_on, say};
use crate::config::Config;
use crate::explain::{Came, Described, Examined, Known, Question, Report, Verdict, Wanted};
use crate::run::wiring::{self, WiringError};
use crate::state::ActiveConfig;

/// Longest wait for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest run of the whole command.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest input: more than any head that the parser takes.
const INPUT_MAX: u64 = 2 * 1024 * 1024;

/// Exit code of a request that is not served.
const REFUSED: u8 = 3;
/// Exit code when the decision depends on something that could not be asked.
const CANNOT_SAY: u8 = 1;

const EXIT_CODES: &str = "Exit codes: 0 the request is served, 3 it is refused or sent elsewhere, \
    1 that cannot be said (the store does not answer, or the request cannot be read), 78 the configuration is wrong";

/// Explain what happens with a request, step by step. Asks the store only about the session, and changes nothing.
#[derive(Args)]
#[command(override_usage = "sidgate explain [OPTIONS] [METHOD] <URL>", after_help = EXIT_CODES)]
pub(super) struct Explain {
    /// The method (GET if it is left out), and a URL or a path at the public origin.
    #[arg(value_names = ["METHOD", "URL"], num_args = 1..=2, required_unless_present = "head_stdin")]
    request: Vec<String>,
    /// A header field that the client sends. May be repeated.
    #[arg(long = "header", value_name = "NAME:VALUE")]
    headers: Vec<String>,
    /// Read the value of the session cookie from standard input.
    #[arg(long)]
    sid_stdin: bool,
    /// Read the head from standard input instead, exactly as a client sends it over HTTP/1.
    #[arg(long, conflicts_with_all = ["request", "headers", "sid_stdin", "http2"])]
    head_stdin: bool,
    /// The client speaks HTTP/2.
    #[arg(long)]
    http2: bool,
    /// Who connects: the client, or the proxy before the gateway.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    peer: IpAddr,
    /// The request comes to a TLS listener, whatever its URL says.
    #[arg(long)]
    tls: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigArg,
}

impl Explain {
    pub(super) fn run(self) -> Result<ExitCode, WiringError> {
        let config = self.config.load()?;
        let keys = match wiring::keyring(&config) {
            Some(keys) => keys,
            None => unused_keys()?,
        };
        let settings = ActiveConfig::new(config, &keys, None)?;
        let is_json = self.json;
        let question = self.question()?;
        let report = block_on(TIMEOUT, explained(&settings, &keys, &question))?;
        if is_json {
            let text = serde_json::to_string_pretty(&report);
            say(&text.map_err(|error| WiringError::Process(error.to_string()))?)?;
        } else {
            say(&report.to_string())?;
        }
        Ok(match report.verdict {
            Verdict::Allowed => ExitCode::SUCCESS,
            Verdict::Refused => ExitCode::from(REFUSED),
            Verdict::Unknown => ExitCode::from(CANNOT_SAY),
        })
    }

    fn question(self) -> Result<Question, WiringError> {
        let described = if self.head_stdin {
            Described::Head(input()?)
        } else {
            let mut request = self.request.into_iter().rev();
            let url = request.next().unwrap_or_default();
            let headers = self.headers.iter().enumerate();
            Described::Parts {
                method: request.next().unwrap_or_else(|| "GET".to_owned()),
                url,
                headers: headers.map(field).collect::<Result<_, _>>()?,
                http2: self.http2,
                sid: self.sid_stdin.then(sid).transpose()?,
            }
        };
        Ok(Question {
            described,
            peer: self.peer,
            tls: self.tls.then_some(true),
        })
    }
}

/// A field; what is wrong with one is told by its number, because it may hold a secret.
fn field((index, text): (usize, &String)) -> Result<(String, String), WiringError> {
    let (name, value) = text.split_once(':').ok_or_else(|| {
        WiringError::Process(format!("--header number {} is not NAME:VALUE", index + 1))
    })?;
    Ok((name.to_owned(), value.trim_start_matches(' ').to_owned()))
}

fn sid() -> Result<SecretString, WiringError> {
    let text = String::from_utf8(input()?)
        .map_err(|_error| WiringError::Process("the sid is not text".to_owned()))?;
    Ok(SecretString::new(
        text.trim_end_matches(['\r', '\n']).to_owned(),
    ))
}

fn input() -> Result<Vec<u8>, WiringError> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .take(INPUT_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| WiringError::Process(format!("standard input: {error}")))?;
    Ok(bytes)
}

/// Keys for a configuration whose own do not exist yet: no sid can be of them.
fn unused_keys() -> Result<Keyring, WiringError> {
    let master = MasterKey::from_bytes(entropy::bytes::<32>(&SystemEntropy)?);
    Ok(Keyring::new(master, vec![]))
}

async fn explained(
    settings: &ActiveConfig,
    keys: &Keyring,
    question: &Question,
) -> Result<Report, WiringError> {
    let came = match Came::read(question, &settings.config).await {
        Ok(came) => came,
        Err(why) => {
            return Report::not_read(why, &settings.config)
                .map_err(|invalid| WiringError::Process(invalid.to_string()));
        }
    };
    let examined = Examined::of(settings, &came);
    let known = match examined.wanted(|sid, groups| recognise(keys, sid, groups)) {
        Wanted::Nothing(finding) => Known::Found(finding),
        Wanted::Session(key, group, _query) => look_up(&settings.config, (key, &group)).await,
    };
    Ok(examined.report(known, SystemClock.wall()))
}

async fn look_up(config: &Config, (key, group): (SessionKey, &Group)) -> Known {
    match tokio::time::timeout(STORE_TIMEOUT, load(config, key)).await {
        Ok(Ok(snapshot)) => {
            Known::Found(Finding::Resolved(seen(snapshot, group, SystemClock.boot())))
        }
        Ok(Err(failed)) => Known::Unreadable(failed.to_string()),
        Err(_elapsed) => Known::Unreadable("the store does not answer".to_owned()),
    }
}

async fn load(config: &Config, key: SessionKey) -> Result<Snapshot, WiringError> {
    if wiring::is_yet_to_create(config) {
        return Err(WiringError::NoStore);
    }
    let store = wiring::store(config).await?;
    store.check_schema().await?;
    Ok(store.load(&key).await?)
}
