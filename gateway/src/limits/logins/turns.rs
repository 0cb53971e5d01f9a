//! How many logins the app judges at once.
//!
//! After a logout of everybody, everybody logs in again. Checking a password is the most expensive thing that an app
//! does, so it checks only a few at a time. A few more wait, and the rest are told to come back at different times.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Logins that may wait, for each one that is being judged.
const WAITING: usize = 4;

/// Who may ask the app, and who waits for it.
pub(crate) struct Turns {
    /// For those who are being judged or wait for it.
    places: Arc<Semaphore>,
    /// For those who are being judged.
    turns: Arc<Semaphore>,
}

/// Permit to ask the backend. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new(at_once: NonZeroUsize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_once.get() * (1 + WAITING))),
            turns: Arc::new(Semaphore::new(at_once.get())),
        }
    }

    /// Waits until the backend may be asked, at most for `patience`; `None` when that is over, or too many wait already.
    pub(crate) async fn wait(&self, patience: Duration) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let turn = Arc::clone(&self.turns).acquire_owned();
        let turn = tokio::time::timeout(patience, turn).await.ok()?.ok()?;
        Some(Turn {
            _place: place,
            _turn: turn,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_is_judged_four_wait_and_the_next_is_sent_away() {
        let turns = Arc::new(Turns::new(NonZeroUsize::MIN));
        let patience = Duration::from_secs(3);
        let first = turns.wait(patience).await.unwrap();
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..WAITING {
            let turns = Arc::clone(&turns);
            waiting.spawn(async move { turns.wait(patience).await.is_some() });
        }
        tokio::task::yield_now().await;
        assert!(turns.wait(Duration::MAX).await.is_none(), "no place");
        drop(first);
        while let Some(waited) = waiting.join_next().await {
            assert!(waited.unwrap());
        }
        let _held = turns.wait(patience).await.unwrap();
        assert!(turns.wait(patience).await.is_none(), "no patience left");
    }
}
