//! Requests to the one task that does something for the whole process, one after another, and how each of them ends.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

/// Requests that wait for their turn.
const WAITING_MAX: usize = 4;

/// Why there is no answer to whoever asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too many wait already.
    Busy,
    /// It takes longer than anybody waits.
    Late,
}

/// Somebody who waits for the end.
pub(crate) type Asker<T> = oneshot::Sender<T>;

/// Where something is asked for that ends with a `T`.
#[derive(Debug)]
pub(crate) struct Requests<T> {
    ask: mpsc::Sender<Asker<T>>,
    asked: Mutex<Option<mpsc::Receiver<Asker<T>>>>,
    patience: Duration,
}

impl<T> Requests<T> {
    /// Whoever asks waits for `patience`. What was asked for goes on.
    pub(crate) fn new(patience: Duration) -> Self {
        let (ask, asked) = mpsc::channel(WAITING_MAX);
        Self {
            ask,
            asked: Mutex::new(Some(asked)),
            patience,
        }
    }

    /// Asks, and waits until it has ended.
    ///
    /// # Errors
    /// When nobody can say how it ends.
    pub(crate) async fn ask(&self) -> Result<T, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        self.ask.try_send(answer).map_err(|_full| NoAnswer::Busy)?;
        match tokio::time::timeout(self.patience, answered).await {
            Ok(Ok(ended)) => Ok(ended),
            Ok(Err(_)) | Err(_) => Err(NoAnswer::Late),
        }
    }

    /// Those who ask, for the one task that does it.
    pub(crate) fn asked(&self) -> Option<mpsc::Receiver<Asker<T>>> {
        self.asked.lock().take()
    }
}
