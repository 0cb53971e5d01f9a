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
    /// Whoever asks waits for `patience`. What has begun goes on then.
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
    pub(crate) fn asked(&self) -> Option<Askers<T>> {
        self.asked.lock().take().map(Askers)
    }
}

/// Those who ask, one after another.
#[derive(Debug)]
pub(crate) struct Askers<T>(mpsc::Receiver<Asker<T>>);

impl<T> Askers<T> {
    /// The next one who still waits. Whoever has gone meanwhile was told that nobody knows, and may have asked again.
    pub(crate) async fn next(&mut self) -> Option<Asker<T>> {
        loop {
            let asker = self.0.recv().await?;
            if !asker.is_closed() {
                return Some(asker);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_has_gone_is_passed_over() {
        let requests = Requests::new(Duration::from_millis(1));
        let mut askers = requests.asked().unwrap();
        assert_eq!(requests.ask().await, Err(NoAnswer::Late));
        let (asker, answered) = oneshot::channel();
        requests.ask.try_send(asker).unwrap();

        askers.next().await.unwrap().send(7).unwrap();

        assert_eq!(answered.await, Ok(7));
    }
}
