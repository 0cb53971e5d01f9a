//! Hints: NOTIFY, heard on a connection of its own.
//!
//! - The driver drops notifications from a connection that is awaited, so this one is polled for its messages ([`drive`]).
//! - Some poolers accept LISTEN and swallow the notifications. So a channel counts as open once its own test
//!   notification has arrived ([`Hints::hear_oneself`]).
//! - Up to [`BUFFER`] hints wait to be read. Of further ones only the fact that there were some is kept.
//! - A silent server is asked regularly whether it still answers ([`Hints::ping`]).

use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time;
use tokio_postgres::{AsyncMessage, Client, Connection, Error as PgError};
use tokio_util::task::AbortOnDropHandle;

use super::connect::{Connector, Opened};
use super::fault::{self, Limit};
use super::pool::Pool;
use crate::entropy::{self, SystemEntropy};
use crate::hint::{Hint, HintError, HintResult, HintStream};

/// Most hints that wait to be read.
const BUFFER: usize = 256;
/// Longest time until the own test notification arrives.
const SELF_TEST_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest silence before the server is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(15);
/// How long it may take to answer.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// An open channel.
pub(super) struct Hints {
    client: Client,
    connector: Connector,
    server: usize,
    inbox: mpsc::Receiver<Note>,
    overflowed: Arc<AtomicBool>,
    _driver: AbortOnDropHandle<()>,
}

/// What a notification says.
#[derive(Debug, PartialEq)]
enum Note {
    Hint(Hint),
    /// A node tests whether it hears its own notifications.
    Test(Hint),
}

impl Note {
    /// Anybody who may connect can notify: an unknown text counts as [`Hint::Something`].
    fn read(payload: &str) -> Self {
        match payload.split_once(' ') {
            Some(("session", key)) => Self::Hint(Hint::read(key)),
            Some(("test", mark)) => Self::Test(Hint::read(mark)),
            _ => Self::Hint(Hint::Something),
        }
    }
}

/// Opens a channel and makes sure that it carries something.
pub(super) async fn open(
    connector: &Connector,
    pool: &Pool,
    connect_timeout: Duration,
) -> HintResult<Hints> {
    let limit = Limit::set_by("store.connect_timeout", connect_timeout);
    let opened = connector.connect().await?;
    let mut hints = time::timeout(limit.time, subscribe(opened, connector.clone()))
        .await
        .map_err(|_elapsed| fault::timeout(limit))?
        .map_err(|error| fault::store_error(&error, limit))?;
    hints.hear_oneself(pool).await?;
    Ok(hints)
}

async fn subscribe(opened: Opened, connector: Connector) -> Result<Hints, PgError> {
    let Opened {
        client,
        wire,
        server,
    } = opened;
    let (outbox, inbox) = mpsc::channel(BUFFER);
    let overflowed = Arc::<AtomicBool>::default();
    let driver = drive(wire, outbox, Arc::clone(&overflowed));
    let driver = AbortOnDropHandle::new(Handle::current().spawn(driver));
    client.batch_execute("LISTEN sidgate_hint").await?;
    Ok(Hints {
        client,
        connector,
        server,
        inbox,
        overflowed,
        _driver: driver,
    })
}

/// Runs the connection. Sets `overflowed` when the inbox is full.
async fn drive<S, T>(
    mut connection: Connection<S, T>,
    outbox: mpsc::Sender<Note>,
    overflowed: Arc<AtomicBool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match future::poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => {
                if outbox.try_send(Note::read(notification.payload())).is_err() {
                    overflowed.store(true, Ordering::Release);
                }
            }
            Some(Ok(_notice)) => {}
            Some(Err(error)) => {
                tracing::debug!(
                    cause = fault::words(&error),
                    "connection of the hints ended"
                );
                return;
            }
            None => return,
        }
    }
}

impl Hints {
    /// Sends a test notification by another connection, and waits for it on this one.
    async fn hear_oneself(&mut self, pool: &Pool) -> HintResult<()> {
        let mark = entropy::bytes(&SystemEntropy).map_err(HintError::broken)?;
        let mark = blake3::Hash::from_bytes(mark).to_hex();
        let payload = format!("test {mark}");
        let expected = Note::read(&payload);
        let notify = "SELECT pg_notify('sidgate_hint', $1)";
        pool.read(notify, &[&payload]).await?;
        let heard = async {
            // An inbox that overflows proves as well that the channel works.
            while self.inbox.recv().await.ok_or_else(ended)? != expected
                && !self.overflowed.load(Ordering::Acquire)
            {}
            Ok(())
        };
        time::timeout(SELF_TEST_TIMEOUT, heard)
            .await
            .map_err(|_elapsed| HintError::Swallowed)?
    }

    /// An empty query: does the server still answer?
    async fn ping(&self) -> HintResult<()> {
        time::timeout(PING_TIMEOUT, self.client.batch_execute(""))
            .await
            .map_err(|_elapsed| fault::timeout(Limit::fixed(PING_TIMEOUT)))?
            .map_err(|error| fault::store_error(&error, Limit::fixed(PING_TIMEOUT)))?;
        Ok(())
    }
}

#[async_trait]
impl HintStream for Hints {
    async fn next(&mut self) -> HintResult<Hint> {
        loop {
            let note = tokio::select! {
                biased;
                note = self.inbox.recv() => note.ok_or_else(ended)?,
                () = self.connector.succeeded(self.server) => return Err(moved()),
                () = time::sleep(PING_EVERY) => {
                    self.ping().await?;
                    continue;
                }
            };
            if self.overflowed.swap(false, Ordering::AcqRel) {
                while self.inbox.try_recv().is_ok() {}
                return Ok(Hint::Something);
            }
            if let Note::Hint(hint) = note {
                return Ok(hint);
            }
        }
    }
}

fn moved() -> HintError {
    HintError::broken("another server takes writes now")
}

fn ended() -> HintError {
    HintError::broken("the connection of the hints ended")
}
