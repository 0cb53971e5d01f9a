//! Tells somebody else about a signal: one signed JSON message each, tried again when it does not get through.
//!
//! `X-Sidgate-Signature: t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>` under `risk.webhook_secret`. The
//! time is that of the attempt, so that a receiver can refuse what somebody plays back.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use rustls::RootCertStore;
use serde::Serialize;
use session_core::entropy;
use session_core::secret::SecretString;
use session_core::session::Text;
use session_core::store::Sighting;
use sha2::Sha256;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use super::Signal;
use super::fair::{Fair, Limits, Put};
use crate::config::Webhook;
use crate::endpoints::view::rfc3339;
use crate::gate::Gate;
use crate::http_client;

/// Messages that wait, about all users or about one: at most 2 KiB each. More are dropped and counted.
const QUEUE: Limits = Limits {
    all: 1_024,
    of_one: 1_024,
};
/// Attempts for one message, and the pause after the first; each is twice as long as the one before.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// Messages that wait. Users take turns, and what is said again about a session, or a client, waits once.
pub(super) struct Outbox(Fair<About, Notice>);

/// Whom a message is about: those about clients that nobody knows wait in one row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    User(Text),
    Clients,
}

impl Outbox {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self(Fair::new(QUEUE))
    }
}

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct Notice {
    /// The same in every attempt.
    id: Option<Uuid>,
    rule: &'static str,
    action: &'static str,
    at: Option<String>,
    session: Option<Uuid>,
    user_id: Option<String>,
    tenant_id: Option<String>,
    now: Context,
    before: Option<Context>,
}

#[derive(Debug, Serialize)]
struct Context {
    network: IpAddr,
    device: Option<String>,
    country: Option<String>,
    asn: Option<u32>,
}

impl Context {
    fn of(seen: &Sighting) -> Self {
        Self {
            network: seen.network,
            device: Some(seen.family.to_string()),
            country: seen.country.as_deref().map(str::to_owned),
            asn: seen.asn,
        }
    }
}

impl Notice {
    /// Whether both say that the same session, or client, breaks the same rule.
    fn says_the_same(&self, other: &Self) -> bool {
        let of = |notice: &Self| (notice.rule, notice.session);
        of(self) == of(other) && (self.session.is_some() || self.now.network == other.now.network)
    }

    /// A session is used in a way that breaks a rule.
    fn about_session(gate: &Gate, signal: &Signal<'_>, before: &Sighting, new: &Sighting) -> Self {
        Self {
            user_id: Some(new.user_id.to_string()),
            tenant_id: new.tenant_id.as_deref().map(str::to_owned),
            now: Context::of(new),
            before: Some(Context::of(before)),
            ..Self::about_client(gate, signal)
        }
    }

    /// A client is refused too often.
    fn about_client(gate: &Gate, signal: &Signal<'_>) -> Self {
        let now = gate.sessions.clock().wall();
        Self {
            id: entropy::handle(now, gate.entropy.as_ref()).ok(),
            rule: signal.rule,
            action: signal.action.as_str(),
            at: rfc3339(now),
            session: signal.session,
            user_id: None,
            tenant_id: None,
            now: Context {
                network: signal.client,
                device: None,
                country: None,
                asn: None,
            },
            before: None,
        }
    }
}

/// Who is told, and by which client.
#[derive(Debug)]
pub(super) struct Receiver {
    config: Webhook,
    client: reqwest::Client,
}

/// Nobody can be told in this way.
#[derive(Debug, Error)]
pub(crate) enum ReceiverError {
    /// `risk.webhook_ca` is of no use.
    #[error("risk.webhook_ca: {path} cannot be used: {why}")]
    Authorities {
        /// Which file.
        path: String,
        /// Why.
        why: String,
    },
    /// The client could not be made.
    #[error("risk.webhook_url: {0}")]
    Client(#[from] reqwest::Error),
}

impl Receiver {
    /// # Errors
    /// When the authorities cannot be read, or the client cannot be built.
    pub(super) fn new(config: &Webhook) -> Result<Self, ReceiverError> {
        let also = match &config.ca {
            Some(file) => {
                http_client::authorities(file).map_err(|why| ReceiverError::Authorities {
                    path: file.display().to_string(),
                    why,
                })?
            }
            None => RootCertStore::empty(),
        };
        let client = http_client::builder(also)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(10))
            .timeout(config.timeout)
            .build()?;
        Ok(Self {
            config: config.clone(),
            client,
        })
    }
}

/// Has somebody told about a session, if there is somebody to tell. Waits for nothing.
pub(super) fn notify_about_session(
    gate: &Gate,
    signal: &Signal<'_>,
    before: &Sighting,
    new: &Sighting,
) {
    let about = About::User(new.user_id.clone());
    hand_over(gate, about, || {
        Notice::about_session(gate, signal, before, new)
    });
}

/// The same about a client.
pub(super) fn notify_about_client(gate: &Gate, signal: &Signal<'_>) {
    hand_over(gate, About::Clients, || Notice::about_client(gate, signal));
}

fn hand_over(gate: &Gate, about: About, notice: impl FnOnce() -> Notice) {
    let site = gate.site.get();
    let told = site
        .risk
        .as_ref()
        .is_some_and(|policy| policy.webhook.is_some());
    if !told {
        return;
    }
    match gate
        .risk
        .outbox
        .0
        .put(about, notice(), Notice::says_the_same)
    {
        Put::Waits => {}
        Put::Merged => gate.metrics.risk_webhook("merged"),
        Put::Displaced(_) | Put::Refused => gate.metrics.risk_webhook("dropped"),
    }
}

/// Delivers messages, one after another, until it is told to stop. What waits then is tried once, for as long as the process
/// gives it.
pub(crate) async fn run(gate: Arc<Gate>, stop: CancellationToken) {
    let outbox = &gate.risk.outbox.0;
    while let Some(notice) = stop.run_until_cancelled(outbox.next()).await {
        let delivered = match stop.run_until_cancelled(deliver(&gate, &notice)).await {
            Some(delivered) => delivered,
            None => attempt(&gate, &notice, ATTEMPTS).await,
        };
        count(&gate, delivered);
    }
    while let Some(notice) = outbox.try_next() {
        let delivered = attempt(&gate, &notice, ATTEMPTS).await;
        count(&gate, delivered);
    }
}

fn count(gate: &Gate, delivered: bool) {
    let result = if delivered { "delivered" } else { "failed" };
    gate.metrics.risk_webhook(result);
}

async fn deliver(gate: &Gate, notice: &Notice) -> bool {
    let mut pause = PAUSE;
    for number in 1..=ATTEMPTS {
        if attempt(gate, notice, number).await {
            return true;
        }
        if number < ATTEMPTS {
            gate.metrics.risk_webhook("retried");
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    false
}

async fn attempt(gate: &Gate, notice: &Notice, number: u32) -> bool {
    match send(gate, notice).await {
        Ok(()) => true,
        Err(why) => {
            warn!(
                rule = notice.rule,
                attempt = number,
                why,
                "webhook not delivered"
            );
            false
        }
    }
}

/// The address and the key are those of the configuration now. An error never says more than what kind it is: the address
/// may hold a token.
async fn send(gate: &Gate, notice: &Notice) -> Result<(), &'static str> {
    let site = gate.site.get();
    let policy = site.risk.as_ref();
    let receiver = policy.and_then(|policy| policy.webhook.as_ref());
    let Receiver { config, client } = receiver.ok_or("no webhook is configured any more")?;
    let body = serde_json::to_vec(notice).map_err(|_error| "not written")?;
    let signature = signature(&config.secret, gate.now(), &body).ok_or("not signed")?;
    let call = client
        .post(config.url.expose())
        .header(CONTENT_TYPE, "application/json")
        .header("X-Sidgate-Signature", signature)
        .body(body);
    match call.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(_) => Err("status"),
        Err(failed) if failed.is_timeout() => Err("timeout"),
        Err(_) => Err("connection"),
    }
}

fn signature(secret: &SecretString, now: i64, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(format!("{now}.").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("t={now},v1={hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `printf '1767225600.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of the webhook'`.
    #[test]
    fn a_signature_is_what_others_compute() {
        let secret = SecretString::new("a secret of the webhook".to_owned());
        let signature = signature(&secret, 1_767_225_600, br#"{"a":1}"#).unwrap();
        assert_eq!(
            signature,
            "t=1767225600,v1=e0d7f0bf775e9805e8ee6e88830d9ae2dbfbe9d0202ddc8fb1bd7eb2d501d793"
        );
    }
}
