//! Asks the running gateway, at its admin listener, to do something.

use std::path::Path;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Request, StatusCode};
use serde::de::DeserializeOwned;

use super::running::{self, At, NoReply, Reply};
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
    let Call { not_done, is, .. } = call;
    let address = place.address;
    let failed = |why: &str| WiringError::Process(format!("{not_done}: {address}: {why}"));
    let mut request = Request::post(call.path);
    if let Some(token) = &place.token {
        request = request.header(AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let request = request
        .body(())
        .map_err(|_token| failed("the token cannot be sent in a header"))?;
    let reply = running::ask(&At::Tcp(address.to_string()), request, call.timeout)?;
    let reply = reply.map_err(|why| match why {
        NoReply::NotThere(_) => {
            failed("nobody listens there; is the gateway running with this file?")
        }
        NoReply::BrokenOff | NoReply::Timeout(_) => failed(&format!(
            "no answer; the log of the gateway says how the {is} ends"
        )),
    })?;
    outcome(&reply, call).map_err(|why| failed(&why))
}

/// What came of it, if the reply says so.
fn outcome<A: DeserializeOwned>(reply: &Reply, call: &Call) -> Result<A, String> {
    let said = match reply.status {
        StatusCode::OK | StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => {
            return serde_json::from_slice(&reply.body)
                .map_err(|_other| "the answer is not that of a gateway".to_owned());
        }
        StatusCode::UNAUTHORIZED => format!(
            "it wants another admin.token, perhaps the one from before the change; {}",
            call.otherwise
        ),
        StatusCode::FORBIDDEN => "it refuses to be asked".to_owned(),
        StatusCode::NOT_FOUND => "it is no gateway, or one of an older version".to_owned(),
        StatusCode::SERVICE_UNAVAILABLE => format!(
            "it is busy with another {}; its log says how that ends",
            call.is
        ),
        other => format!("status {other}"),
    };
    Err(said)
}
