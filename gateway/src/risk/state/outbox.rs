//! Messages that wait to be delivered, and to whom.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use session_core::clock::Timestamp;
use session_core::session::Text;
use session_core::store::Sighting;
use session_core::trust::Trust;
use thiserror::Error;
use uuid::Uuid;

use super::fair::{Fair, Limits, Put};
use crate::apps::http_client;
use crate::config::Webhook;
use crate::risk::signal::Signal;
use crate::views::session::rfc3339;

/// Messages that wait, about all users or about one: at most 2 KiB each. More are dropped and counted.
const QUEUE: Limits = Limits {
    all: 1_024,
    of_one: 1_024,
};
/// Messages that wait. Users take turns, and a repeated message about a session or a client waits once.
pub(in crate::risk) struct Outbox(Fair<About, Notice>);

/// Whom a message is about. Messages about clients without a session share one turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::risk) enum About {
    User(Text),
    Clients,
}

impl Outbox {
    /// Creates it empty.
    pub(in crate::risk) fn new() -> Self {
        Self(Fair::new(QUEUE))
    }

    /// Queues `notice`. It replaces a waiting message that says the same.
    pub(in crate::risk) fn put(&self, about: About, notice: Notice) -> Put<Notice> {
        self.0.put(about, notice, Notice::says_the_same)
    }

    /// The next message; waits until there is one.
    pub(in crate::risk) async fn next(&self) -> Notice {
        self.0.next().await
    }

    /// The next message, if one waits.
    pub(in crate::risk) fn try_next(&self) -> Option<Notice> {
        self.0.try_next()
    }
}

/// A message.
#[derive(Debug, Serialize)]
pub(crate) struct Notice {
    /// The same in every attempt.
    id: Option<Uuid>,
    pub(in crate::risk) rule: &'static str,
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

    /// What `signal` says, under an id that every attempt repeats.
    pub(in crate::risk) fn new(id: Option<Uuid>, signal: &Signal<'_>, now: Timestamp) -> Self {
        Self {
            id,
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

    /// The same about a session that was used like `before` and is now used like `new`.
    pub(in crate::risk) fn about_use(self, before: &Sighting, new: &Sighting) -> Self {
        Self {
            user_id: Some(new.user_id.to_string()),
            tenant_id: new.tenant_id.as_deref().map(str::to_owned),
            now: Context::of(new),
            before: Some(Context::of(before)),
            ..self
        }
    }
}

/// The receiver of signals, and the HTTP client that calls it.
#[derive(Debug)]
pub(in crate::risk) struct Receiver {
    pub(in crate::risk) config: Webhook,
    pub(in crate::risk) client: reqwest::Client,
}

/// The webhook cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ReceiverError {
    /// The file of `risk.webhook_ca` cannot be used.
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
    pub(in crate::risk) fn new(config: &Webhook) -> Result<Self, ReceiverError> {
        let trust = match &config.ca {
            Some(file) => {
                http_client::authorities(file).map_err(|why| ReceiverError::Authorities {
                    path: file.display().to_string(),
                    why,
                })?
            }
            None => Trust::default(),
        };
        let client = http_client::builder(&trust)
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
