//! Sends each signal to a receiver outside, as one signed JSON message. A message that fails is tried again.
//!
//! `X-Sidgate-Signature: t=<unix seconds>,v1=<hex>` is the HMAC-SHA256 of `<t>.<body>` under `risk.webhook_secret`. The
//! time is that of the attempt, so that a receiver can refuse a replay.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use session_core::cause::Peer;
use session_core::entropy;
use session_core::secret::SecretString;
use session_core::store::Sighting;
use sha2::Sha256;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::signal::Signal;
use super::state::fair::Put;
use super::state::outbox::{About, Notice, Receiver};
use crate::state::Gateway;
use crate::telemetry::labels::Delivery;

/// Attempts for one message, and the pause after the first; each is twice as long as the one before.
const ATTEMPTS: u32 = 6;
const PAUSE: Duration = Duration::from_millis(500);

/// Queues a message about a session, if a webhook is configured. Does not wait.
pub(super) fn notify_about_session(
    gateway: &Gateway,
    signal: &Signal<'_>,
    before: &Sighting,
    new: &Sighting,
) {
    let about = About::User(new.user_id.clone());
    hand_over(gateway, about, || {
        written(gateway, signal).about_use(before, new)
    });
}

/// The same about a client.
pub(super) fn notify_about_client(gateway: &Gateway, signal: &Signal<'_>) {
    hand_over(gateway, About::Clients, || written(gateway, signal));
}

fn written(gateway: &Gateway, signal: &Signal<'_>) -> Notice {
    let now = gateway.sessions.clock().wall();
    let id = entropy::handle(now, gateway.entropy.as_ref()).ok();
    Notice::new(id, signal, now)
}

fn hand_over(gateway: &Gateway, about: About, notice: impl FnOnce() -> Notice) {
    let settings = gateway.settings.get();
    let told = settings
        .risk
        .as_ref()
        .is_some_and(|policy| policy.webhook.is_some());
    if !told {
        return;
    }
    match gateway.risk.outbox.put(about, notice()) {
        Put::Waits => {}
        Put::Merged => gateway.metrics.risk_webhook(Delivery::Merged),
        Put::Displaced(_) | Put::Refused => gateway.metrics.risk_webhook(Delivery::Dropped),
    }
}

/// Delivers messages, one after another, until it is told to stop. Messages that still wait then are tried once, as
/// long as the process runs.
pub(crate) async fn run(gateway: Arc<Gateway>, stop: CancellationToken) {
    let outbox = &gateway.risk.outbox;
    while let Some(notice) = stop.run_until_cancelled(outbox.next()).await {
        let delivered = match stop.run_until_cancelled(deliver(&gateway, &notice)).await {
            Some(delivered) => delivered,
            None => attempt(&gateway, &notice, ATTEMPTS).await,
        };
        count(&gateway, delivered);
    }
    while let Some(notice) = outbox.try_next() {
        let delivered = attempt(&gateway, &notice, ATTEMPTS).await;
        count(&gateway, delivered);
    }
}

fn count(gateway: &Gateway, delivered: bool) {
    gateway.metrics.risk_webhook(if delivered {
        Delivery::Delivered
    } else {
        Delivery::Failed
    });
}

async fn deliver(gateway: &Gateway, notice: &Notice) -> bool {
    let mut pause = PAUSE;
    for number in 1..=ATTEMPTS {
        if attempt(gateway, notice, number).await {
            return true;
        }
        if number < ATTEMPTS {
            gateway.metrics.risk_webhook(Delivery::Retried);
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
    false
}

async fn attempt(gateway: &Gateway, notice: &Notice, number: u32) -> bool {
    match send(gateway, notice).await {
        Ok(()) => true,
        Err(failed) => {
            warn!(
                rule = notice.rule,
                attempt = number,
                cause = %failed,
                "webhook not delivered"
            );
            false
        }
    }
}

/// What became of a message that was not delivered. Never the address, because it may hold a token.
#[derive(Debug, Error)]
enum Undelivered {
    #[error("no webhook is configured any more")]
    NoReceiver,
    #[error("the message could not be written")]
    NotWritten,
    #[error("the message could not be signed")]
    NotSigned,
    #[error("the receiver answers {0}")]
    Status(u16),
    #[error("no answer within risk.webhook_timeout ({0:?})")]
    Timeout(Duration),
    #[error("no connection: {0}")]
    NoConnection(String),
    #[error("no complete answer: {0}")]
    BrokenOff(String),
}

/// The address and the key are those of the configuration now.
async fn send(gateway: &Gateway, notice: &Notice) -> Result<(), Undelivered> {
    let settings = gateway.settings.get();
    let policy = settings.risk.as_ref();
    let receiver = policy.and_then(|policy| policy.webhook.as_ref());
    let Receiver { config, client } = receiver.ok_or(Undelivered::NoReceiver)?;
    let body = serde_json::to_vec(notice).map_err(|_quotes_it| Undelivered::NotWritten)?;
    let signature = signature(&config.secret, gateway.now(), &body);
    let signature = signature.ok_or(Undelivered::NotSigned)?;
    let call = client
        .post(config.url.expose())
        .header(CONTENT_TYPE, "application/json")
        .header("X-Sidgate-Signature", signature)
        .body(body);
    match call.send().await {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => Err(Undelivered::Status(answer.status().as_u16())),
        Err(failed) => Err(undelivered(failed, config.timeout)),
    }
}

fn undelivered(failed: reqwest::Error, limit: Duration) -> Undelivered {
    let receiver = Peer {
        authorities: Some("risk.webhook_ca"),
        ..Peer::default()
    };
    let (is_timeout, is_connect) = (failed.is_timeout(), failed.is_connect());
    let why = receiver.cause(&failed.without_url());
    match () {
        () if is_timeout => Undelivered::Timeout(limit),
        () if is_connect => Undelivered::NoConnection(why),
        () => Undelivered::BrokenOff(why),
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
