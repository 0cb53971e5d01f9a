//! `sidgate reload`: asks the running gateway to read its configuration again, and prints what it says.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use http::header::AUTHORIZATION;
use reqwest::Response;
use serde::Deserialize;
use session_core::trust::Trust;

use super::{block_on, complain, say};
use crate::apps::http_client;
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
    let answer = block_on(TIMEOUT, ask(&place))?;
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

async fn ask(place: &AdminPlace) -> Result<Answer, WiringError> {
    let address = place.address;
    let failed = |why: &str| WiringError::Process(format!("not reloaded: {address}: {why}"));
    let client = http_client::builder(&Trust::default())
        .http1_only()
        .timeout(TIMEOUT)
        .build()?;
    let mut call = client.post(format!("http://{address}/api/admin/reload"));
    if let Some(token) = &place.token {
        call = call.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let answer = call
        .send()
        .await
        .map_err(|error| match error.is_connect() {
            true => failed("nobody listens there; is the gateway running with this file?"),
            false => failed("no answer; the log of the gateway says how the reload ends"),
        })?;
    match answer.status() {
        StatusCode::OK | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            let body = body_of(answer).await;
            let answer = body.and_then(|body| serde_json::from_slice(&body).ok());
            answer.ok_or_else(|| failed("the answer is not that of a gateway"))
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

/// The body, if it is no larger than every fault of a large file.
async fn body_of(mut answer: Response) -> Option<Vec<u8>> {
    const MAX: usize = 4 * 1024 * 1024;

    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.ok()? {
        if body.len() + chunk.len() > MAX {
            return None;
        }
        body.extend_from_slice(&chunk);
    }
    Some(body)
}
