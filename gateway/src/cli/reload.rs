//! `sidgate reload`: asks the running gateway to read its configuration again, and prints what it says.

use std::path::Path;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use serde::Deserialize;

use super::running::{self, At, NoReply};
use super::{complain, say};
use crate::config::AdminPlace;
use crate::run::wiring::WiringError;

/// Longest wait for the answer; the gateway answers before.
const TIMEOUT: Duration = Duration::from_secs(40);

/// What the running gateway says.
#[derive(Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
enum Answer {
    Reloaded {
        file: String,
        changed: Vec<String>,
        warnings: Vec<String>,
    },
    Refused {
        file: String,
        faults: Vec<String>,
        warnings: Vec<String>,
    },
    NeedsRestart {
        file: String,
        keys: Vec<String>,
        warnings: Vec<String>,
    },
}

/// Asks the process behind `server.admin_listen` of this file.
pub(super) fn run(path: &Path) -> Result<(), WiringError> {
    let place = AdminPlace::load(path, &|name| std::env::var(name).ok())?;
    let answer = ask(&place)?;
    let (file, warnings) = match &answer {
        Answer::Reloaded { file, warnings, .. }
        | Answer::Refused { file, warnings, .. }
        | Answer::NeedsRestart { file, warnings, .. } => (file, warnings),
    };
    let theirs = std::fs::canonicalize(file);
    if theirs.is_ok_and(|theirs| std::fs::canonicalize(path).is_ok_and(|ours| ours != theirs)) {
        warn(&format!("that gateway runs with another file: {file}"));
    }
    warnings.iter().for_each(|warning| warn(warning));
    match answer {
        Answer::Reloaded { changed, .. } if changed.is_empty() => {
            say("reloaded: nothing is different")
        }
        Answer::Reloaded { changed, .. } => say(&format!("reloaded: {}", changed.join(", "))),
        Answer::Refused { file, faults, .. } => {
            let faults = faults.iter().map(|fault| format!("\n  {fault}"));
            let faults: String = faults.collect();
            Err(WiringError::NotReloaded(format!(
                "not reloaded: {file}:{faults}"
            )))
        }
        Answer::NeedsRestart { keys, .. } => Err(WiringError::Process(format!(
            "not reloaded: needs a restart: {}",
            keys.join(", ")
        ))),
    }
}

fn warn(text: &str) {
    complain(&WiringError::Process(format!("warning: {text}")));
}

fn ask(place: &AdminPlace) -> Result<Answer, WiringError> {
    let address = place.address;
    let failed = |why: &str| WiringError::Process(format!("not reloaded: {address}: {why}"));
    let mut request = Request::post("/api/admin/reload");
    if let Some(token) = &place.token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request
        .body(())
        .map_err(|_token| failed("the token cannot be sent in a header"))?;
    let reply = running::ask(&At::Tcp(address.to_string()), request, TIMEOUT)?;
    let reply = reply.map_err(|why| match why {
        NoReply::NotThere(_) => {
            failed("nobody listens there; is the gateway running with this file?")
        }
        NoReply::BrokenOff | NoReply::Timeout(_) => {
            failed("no answer; the log of the gateway says how the reload ends")
        }
    })?;
    match reply.status {
        StatusCode::OK | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            serde_json::from_slice(&reply.body)
                .map_err(|_other| failed("the answer is not that of a gateway"))
        }
        StatusCode::UNAUTHORIZED => Err(failed(
            "it wants another admin.token, perhaps the one from before the change; SIGHUP needs none",
        )),
        StatusCode::FORBIDDEN => Err(failed("it refuses to be asked")),
        StatusCode::NOT_FOUND => Err(failed("it is no gateway, or one of an older version")),
        StatusCode::SERVICE_UNAVAILABLE => Err(failed(
            "it is busy with another reload; its log says how that ends",
        )),
        other => Err(failed(&format!("status {other}"))),
    }
}
