//! Asks the running gateway, at its admin listener, to do something.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use http::header::AUTHORIZATION;
use reqwest::Response;
use serde::de::DeserializeOwned;
use session_core::trust::Trust;

use super::block_on;
use crate::apps::http_client;
use crate::config::AdminPlace;
use crate::run::wiring::WiringError;

/// What is asked.
pub(super) struct Call {
    /// Where.
    pub(super) path: &'static str,
    /// What it is called.
    pub(super) is: &'static str,
    /// What has become of it when there is no answer.
    pub(super) not_done: &'static str,
    /// Longest wait for the answer; the gateway answers before.
    pub(super) timeout: Duration,
    /// The way without a token.
    pub(super) otherwise: &'static str,
}

/// Asks the process behind `server.admin_listen` of the file at `path`.
///
/// # Errors
/// When there is no answer, or one that says nothing of what came of it.
pub(super) fn ask<A: DeserializeOwned>(path: &Path, call: &Call) -> Result<A, WiringError> {
    let place = AdminPlace::load(path, &|name| std::env::var(name).ok())?;
    block_on(call.timeout, answer(&place, call))
}

async fn answer<A: DeserializeOwned>(place: &AdminPlace, call: &Call) -> Result<A, WiringError> {
    let Call { not_done, is, .. } = call;
    let address = place.address;
    let failed = |why: &str| WiringError::Process(format!("{not_done}: {address}: {why}"));
    let client = http_client::builder(&Trust::default())
        .http1_only()
        .timeout(call.timeout)
        .build()?;
    let mut request = client.post(format!("http://{address}{}", call.path));
    if let Some(token) = &place.token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let answer = request
        .send()
        .await
        .map_err(|error| match error.is_connect() {
            true => failed("nobody listens there; is the gateway running with this file?"),
            false => failed(&format!(
                "no answer; the log of the gateway says how the {is} ends"
            )),
        })?;
    match answer.status() {
        StatusCode::OK | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            let body = body_of(answer).await;
            let answer = body.and_then(|body| serde_json::from_slice(&body).ok());
            answer.ok_or_else(|| failed("the answer is not that of a gateway"))
        }
        StatusCode::UNAUTHORIZED => Err(failed(&format!(
            "it wants another admin.token, perhaps the one from before the change; {}",
            call.otherwise
        ))),
        StatusCode::FORBIDDEN => Err(failed("it refuses to be asked")),
        StatusCode::NOT_FOUND => Err(failed("it is no gateway, or one of an older version")),
        StatusCode::SERVICE_UNAVAILABLE => Err(failed(&format!(
            "it is busy with another {is}; its log says how that ends"
        ))),
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
