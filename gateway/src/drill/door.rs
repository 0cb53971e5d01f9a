//! A public listener of one node, asked whose a session is, as a browser asks.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::{COOKIE, HOST, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use reqwest::Client;
use serde_json::Value;
use session_core::clock::{Clock as _, SystemClock};
use session_core::trust::Trust;
use tokio_util::sync::CancellationToken;

use super::address::PublicAddress;
use super::canaries::{Canary, USER};
use super::cannot::CannotDrill;
use super::record::{Asked, Record, Said};
use crate::apps::http_client;
use crate::config::{Config, Site};

/// Longest wait for an answer. Longer than anything that the gateway waits for before it answers.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Between two requests for a session that is asked for all the time.
const PACE: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Door {
    client: Client,
    url: String,
    host: HeaderValue,
    cookie: String,
}

impl Door {
    /// The listener at `address`, asked by the name of `site`.
    ///
    /// # Errors
    /// When its name has no address, or no client can be made.
    pub(super) async fn at(
        address: &PublicAddress,
        config: &Config,
        site: &Site,
    ) -> Result<Self, CannotDrill> {
        let failed = |error: String| CannotDrill::Client(error);
        let mut builder = http_client::builder(&Trust::default()).timeout(TIMEOUT);
        let authority = site.origin.authority();
        let host = HeaderValue::try_from(&authority).map_err(|error| failed(error.to_string()))?;
        let path = format!("{}/session-v2", config.endpoints.base_path.as_str());
        let url = if address.tls {
            // By its public name, for the certificate, and at this node.
            let found = look_up(&address.at).await?;
            let name = authority.split(':').next().unwrap_or_default().to_owned();
            builder = builder.resolve(&name, found);
            format!("https://{name}:{}{path}", found.port())
        } else {
            format!("http://{}{path}", address.at)
        };
        Ok(Self {
            client: builder.build().map_err(|error| failed(error.to_string()))?,
            url,
            host,
            cookie: site.cookie.name.as_str().to_owned(),
        })
    }

    /// Asks once.
    pub(super) async fn ask(&self, canary: &Canary) -> Asked {
        let start = SystemClock.boot();
        let said = self.said(canary).await;
        let end = SystemClock.boot();
        Asked { start, end, said }
    }

    /// Asks again and again until `stop`.
    pub(super) async fn ask_until(&self, canary: &Canary, stop: &CancellationToken) -> Record {
        let mut record = Record::default();
        while !stop.is_cancelled() {
            record.0.push(self.ask(canary).await);
            tokio::time::sleep(PACE).await;
        }
        record
    }

    async fn said(&self, canary: &Canary) -> Said {
        let Ok(mut cookie) =
            HeaderValue::try_from(format!("{}={}", self.cookie, canary.sid.expose().as_str()))
        else {
            return Said::Nothing;
        };
        cookie.set_sensitive(true);
        let request = self.client.get(&self.url).header(HOST, self.host.clone());
        let Ok(answer) = request.header(COOKIE, cookie).send().await else {
            return Said::Nothing;
        };
        let (status, says_when) = (answer.status(), answer.headers().contains_key(RETRY_AFTER));
        let Ok(body) = answer.bytes().await else {
            return Said::Nothing;
        };
        let view: Value = serde_json::from_slice(&body).unwrap_or_default();
        judge(status, says_when, &view)
    }
}

/// What an answer of `GET session-v2` says. Only the identity that the session was made with is an admission.
fn judge(status: StatusCode, says_when: bool, view: &Value) -> Said {
    let is_session = view.get("authenticated").and_then(Value::as_bool);
    let user = view.pointer("/user/id").and_then(Value::as_str);
    match (status, is_session) {
        (StatusCode::OK, Some(true)) if user == Some(USER) => Said::Admitted,
        (StatusCode::OK, Some(false)) => Said::Refused,
        (StatusCode::SERVICE_UNAVAILABLE, _) => Said::Undecided { says_when },
        (other, _) => Said::Strange(other.as_u16()),
    }
}

async fn look_up(at: &str) -> Result<SocketAddr, CannotDrill> {
    let mut found = tokio::net::lookup_host(at)
        .await
        .map_err(|error| CannotDrill::Client(format!("{at}: {error}")))?;
    let none = || CannotDrill::Client(format!("{at}: the name has no address"));
    found.next().ok_or_else(none)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_the_right_identity_is_an_admission() {
        let ours = json!({"authenticated": true, "user": {"id": USER}});
        let other = json!({"authenticated": true, "user": {"id": "somebody"}});
        let none = json!({"authenticated": false, "user": null});
        let ok = StatusCode::OK;
        assert_eq!(judge(ok, false, &ours), Said::Admitted);
        assert_eq!(judge(ok, false, &other), Said::Strange(200));
        assert_eq!(judge(ok, false, &none), Said::Refused);
        assert_eq!(judge(ok, false, &Value::Null), Said::Strange(200));
        let undecided = Said::Undecided { says_when: true };
        let unavailable = StatusCode::SERVICE_UNAVAILABLE;
        assert_eq!(judge(unavailable, true, &Value::Null), undecided);
        let limited = StatusCode::TOO_MANY_REQUESTS;
        assert_eq!(judge(limited, true, &none), Said::Strange(429));
    }
}
