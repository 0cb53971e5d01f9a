//! Hints by Redis. Nodes publish them, and so may anybody else with access.
//!
//! - A message is untrusted. It names the key of a session, or it only says that something changed (R4).
//! - fred answers a subscription before Redis has, so a refusal would look like silence. A channel therefore counts as
//!   open once its own test message has arrived. It repeats the test after each silence, because a dead connection is
//!   silent too.
//! - A reader that falls behind loses messages. It then reports [`Hint::Something`].
//! - When the connection breaks, the channel ends and its follower opens a new one. What fred restores after a
//!   reconnect is not used.

use std::time::Duration;

use async_trait::async_trait;
use fred::clients::SubscriberClient;
use fred::error::Error;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::config::PerformanceConfig;
use fred::types::{Builder, Message};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time;
use tokio_util::task::AbortOnDropHandle;

use super::{RedisCache, trouble};
use crate::entropy::{self, SystemEntropy};
use crate::hint::{Hint, HintError, HintResult, HintStream};

/// What is published when there is no session to name.
const SOMETHING: &str = "something";
/// A test that is nobody's: whoever hears it does nothing.
pub(super) const NOBODYS_TEST: &str = "test of nobody";
/// Most messages that wait to be read.
const BUFFER: usize = 256;
/// Longest time until the own test message arrives.
const SELF_TEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest silence before the channel has to prove that it works.
const TEST_EVERY: Duration = Duration::from_secs(15);

/// An open channel.
pub(super) struct Hints {
    publisher: RedisCache,
    messages: broadcast::Receiver<Message>,
    /// Ends when the connection breaks. Dropping it closes the connection.
    connection: AbortOnDropHandle<Result<(), Error>>,
    _client: SubscriberClient,
}

/// What a message says.
#[derive(Debug, PartialEq)]
enum Note {
    Hint(Hint),
    /// A node tests whether it hears its own messages.
    Test(Hint),
}

impl Note {
    fn read(message: &Message) -> Self {
        let text = message.value.as_str().unwrap_or_default();
        match text.strip_prefix("test ") {
            Some(mark) => Self::Test(Hint::read(mark)),
            None => Self::Hint(Hint::read(&text)),
        }
    }
}

/// How a hint is published.
pub(super) fn payload(hint: Hint) -> String {
    match hint {
        Hint::Session(key) => hex(*key.as_bytes()),
        Hint::Something => SOMETHING.to_owned(),
    }
}

fn hex(bytes: [u8; 32]) -> String {
    blake3::Hash::from_bytes(bytes).to_hex().to_string()
}

/// Connects, subscribes, and makes sure that something arrives.
pub(super) async fn open(cache: &RedisCache) -> HintResult<Hints> {
    let mut config = cache.config.clone();
    config.fail_fast = true;
    let client = Builder::from_config(config)
        .with_connection_config(|connection| cache.limits.apply(connection))
        .with_performance_config(|performance: &mut PerformanceConfig| {
            performance.default_command_timeout = cache.limits.connect;
            performance.broadcast_channel_capacity = BUFFER;
        })
        .build_subscriber_client()
        .map_err(|error| HintError::broken(cache.place.cause(&error)))?;
    let messages = client.message_rx();
    let connection = AbortOnDropHandle::new(client.connect());
    let subscribed = async {
        client.wait_for_connect().await?;
        client.subscribe(cache.prefix.channel()).await
    };
    let limit = cache.limits.connect;
    time::timeout(limit, subscribed)
        .await
        .map_err(|_elapsed| {
            HintError::broken(trouble::connect_timeout(limit, &cache.place).to_string())
        })?
        .map_err(|error| HintError::broken(cache.place.cause(&error)))?;
    let mut hints = Hints {
        publisher: cache.clone(),
        messages,
        connection,
        _client: client,
    };
    hints.hear_oneself().await?;
    Ok(hints)
}

impl Hints {
    /// The next message.
    async fn note(&mut self) -> HintResult<Note> {
        tokio::select! {
            biased;
            message = self.messages.recv() => match message {
                Ok(message) => Ok(Note::read(&message)),
                Err(RecvError::Lagged(_)) => Ok(Note::Hint(Hint::Something)),
                Err(RecvError::Closed) => Err(ended()),
            },
            _ended = &mut self.connection => Err(ended()),
        }
    }

    /// Publishes a test message by the other connection, and waits for any message on this one. Returns that message if
    /// it is a hint.
    async fn hear_oneself(&mut self) -> HintResult<Option<Hint>> {
        let mark = entropy::bytes(&SystemEntropy).map_err(HintError::broken)?;
        let said = self.publisher.say(format!("test {}", hex(mark))).await;
        said.map_err(|failed| HintError::broken(failed.cause()))?;
        match time::timeout(SELF_TEST_TIMEOUT, self.note()).await {
            Ok(Ok(Note::Test(_))) => Ok(None),
            Ok(Ok(Note::Hint(hint))) => Ok(Some(hint)),
            Ok(Err(ended)) => Err(ended),
            Err(_elapsed) => Err(HintError::Swallowed),
        }
    }
}

#[async_trait]
impl HintStream for Hints {
    async fn next(&mut self) -> HintResult<Hint> {
        loop {
            let heard = match time::timeout(TEST_EVERY, self.note()).await {
                Ok(Ok(Note::Hint(hint))) => Some(hint),
                Ok(Ok(Note::Test(_))) => None,
                Ok(Err(ended)) => return Err(ended),
                Err(_elapsed) => self.hear_oneself().await?,
            };
            if let Some(hint) = heard {
                return Ok(hint);
            }
        }
    }
}

fn ended() -> HintError {
    HintError::broken("the connection of the hints ended")
}

#[cfg(test)]
mod tests;
