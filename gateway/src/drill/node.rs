//! One node of the fleet: what it is told by a drill, and what it says.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Value, json};
use session_core::cause::Peer;
use session_core::secret::SecretString;
use session_core::trust::Trust;
use uuid::Uuid;

use super::address::{NodeAddress, PublicAddress};
use super::cannot::CannotDrill;
use crate::apps::http_client;

/// Longest wait for an answer of an admin listener.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Where a node is asked.
const DRILL: &str = "/api/admin/drill";

/// What a node says of itself.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub(super) node: Uuid,
    listen: Vec<SocketAddr>,
    tls_listen: Vec<SocketAddr>,
    pub(super) bulkhead_in_use: usize,
    /// State of the breaker of Redis; `None` without Redis.
    pub(super) redis: Option<String>,
}

/// What a node is to do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Belong to this drill, or belong to it on.
    Begin,
    HoldHeartbeat(Duration),
    FillBulkhead(Duration),
    Undo,
    End,
}

/// The time for which a drill has a node without asking again.
const CLAIM: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: NodeAddress,
    pub(super) id: Uuid,
    pub(super) public: PublicAddress,
    client: Client,
    token: Option<SecretString>,
}

impl Node {
    /// Asks who is there.
    ///
    /// # Errors
    /// When nobody answers who may be drilled.
    pub(super) async fn find(
        address: NodeAddress,
        token: Option<SecretString>,
    ) -> Result<Self, CannotDrill> {
        let client = http_client::builder(&Trust::default())
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| CannotDrill::Client(error.to_string()))?;
        let asked = ask(&client, &address, token.as_ref(), Method::GET, None);
        let body = asked.await.map_err(|why| why.at(&address))?;
        let status: Status =
            serde_json::from_value(body).map_err(|_error| NoAnswer::Stranger.at(&address))?;
        let plain = status.listen.first().map(|at| address.seen(*at, false));
        let tls = || status.tls_listen.first().map(|at| address.seen(*at, true));
        let public = address.public.clone().or(plain).or_else(tls);
        let public = public.ok_or_else(|| CannotDrill::NoListener(address.to_string()))?;
        Ok(Self {
            id: status.node,
            public,
            client,
            token,
            address,
        })
    }

    /// What it says of itself now.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn status(&self) -> Result<Status, CannotDrill> {
        let body = self.ask(Method::GET, None).await?;
        serde_json::from_value(body).map_err(|_error| NoAnswer::Stranger.at(&self.address))
    }

    /// Has it do something for the drill `drill`.
    ///
    /// # Errors
    /// When it did not say that it has.
    pub(super) async fn take(&self, drill: Uuid, step: Step) -> Result<(), CannotDrill> {
        let (step, limit) = match step {
            Step::Begin => ("begin", Some(CLAIM)),
            Step::HoldHeartbeat(limit) => ("hold_heartbeat", Some(limit)),
            Step::FillBulkhead(limit) => ("fill_bulkhead", Some(limit)),
            Step::Undo => ("undo", None),
            Step::End => ("end", None),
        };
        let mut body = json!({"drill": drill, "step": step});
        if let (Some(body), Some(limit)) = (body.as_object_mut(), limit) {
            body.insert("seconds".to_owned(), json!(limit.as_secs()));
        }
        self.ask(Method::POST, Some(&body)).await.map(drop)
    }

    /// Whether `/readyz` says yes; `None`: no answer.
    pub(super) async fn is_ready(&self) -> Option<bool> {
        let url = format!("http://{}/readyz", self.address);
        let answer = self.client.get(url).send().await.ok()?;
        Some(answer.status() == StatusCode::OK)
    }

    async fn ask(&self, method: Method, body: Option<&Value>) -> Result<Value, CannotDrill> {
        let asked = ask(
            &self.client,
            &self.address,
            self.token.as_ref(),
            method,
            body,
        );
        asked.await.map_err(|why| why.at(&self.address))
    }
}

/// Why a node did not do what it was asked.
enum NoAnswer {
    Silent(String),
    Stranger,
    Token,
    Off,
    Taken(u64),
    Status(u16),
}

impl NoAnswer {
    fn at(self, address: &NodeAddress) -> CannotDrill {
        let node = address.to_string();
        match self {
            Self::Silent(cause) => CannotDrill::Silent { node, cause },
            Self::Stranger => CannotDrill::Stranger(node),
            Self::Token => CannotDrill::Token(node),
            Self::Off => CannotDrill::Off(node),
            Self::Taken(ms) => CannotDrill::Taken {
                node,
                left: Duration::from_millis(ms),
            },
            Self::Status(status) => CannotDrill::Status { node, status },
        }
    }
}

async fn ask(
    client: &Client,
    address: &NodeAddress,
    token: Option<&SecretString>,
    method: Method,
    body: Option<&Value>,
) -> Result<Value, NoAnswer> {
    let mut request = client.request(method, format!("http://{address}{DRILL}"));
    if let Some(token) = token {
        request = request.bearer_auth(token.expose());
    }
    if let Some(body) = body {
        let json = HeaderValue::from_static("application/json");
        request = request.header(CONTENT_TYPE, json).body(body.to_string());
    }
    let silent = |error: reqwest::Error| {
        NoAnswer::Silent(Peer::at(address.admin_host()).cause(&error.without_url()))
    };
    let answer = request.send().await.map_err(silent)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(silent)?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    match status {
        StatusCode::OK => Ok(body),
        StatusCode::UNAUTHORIZED => Err(NoAnswer::Token),
        StatusCode::FORBIDDEN => Err(NoAnswer::Off),
        StatusCode::NOT_FOUND => Err(NoAnswer::Stranger),
        StatusCode::CONFLICT => Err(NoAnswer::Taken(
            body.get("ends_in_ms").and_then(Value::as_u64).unwrap_or(0),
        )),
        other => Err(NoAnswer::Status(other.as_u16())),
    }
}
