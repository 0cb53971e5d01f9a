//! Single flight behind a bulkhead: however many requests ask for one session, one of them reads it; however many
//! sessions are asked for, only so many are read at once.
//!
//! A flight is a task of its own on the core runtime. A client that hangs up cancels its request, not the read that
//! others wait for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::sid::SessionKey;
use crate::stats::Counter;

mod occupied;

/// Reads that run at once.
pub const RUNNING_MAX: usize = 16;
/// Reads that may wait for their turn.
pub const WAITING_MAX: usize = 64;
/// Longest life of a flight, waiting included.
pub const DEADLINE: Duration = Duration::from_millis(250);

/// How many flights there may be, and how long one may take.
#[derive(Clone, Copy, Debug)]
pub struct FlightLimits {
    /// Flights that run at once.
    pub running: usize,
    /// Flights that may wait for their turn.
    pub waiting: usize,
    /// Longest life of a flight, waiting included.
    pub deadline: Duration,
}

impl FlightLimits {
    /// Flights that there may be, waiting ones included.
    const fn places(self) -> usize {
        self.running + self.waiting
    }
}

impl Default for FlightLimits {
    fn default() -> Self {
        Self {
            running: RUNNING_MAX,
            waiting: WAITING_MAX,
            deadline: DEADLINE,
        }
    }
}

/// Why a flight gave no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grounded {
    /// Too many flights already.
    Full,
    /// It took longer than [`FlightLimits::deadline`].
    Deadline,
    /// The task died.
    Died,
}

type Board<T> = Mutex<HashMap<SessionKey, watch::Receiver<Option<T>>>>;

/// Flights under way.
#[derive(Debug)]
pub struct Flights<T> {
    runtime: Handle,
    board: Arc<Board<T>>,
    running: Arc<Semaphore>,
    queued: Arc<Counter>,
    limits: FlightLimits,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Flights that run on `runtime`, within the default limits.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self::within(runtime, FlightLimits::default())
    }

    /// [`Flights::new`] with other limits.
    #[must_use]
    pub fn within(runtime: Handle, limits: FlightLimits) -> Self {
        Self {
            runtime,
            board: Arc::default(),
            running: Arc::new(Semaphore::new(limits.running)),
            queued: Arc::default(),
            limits,
        }
    }

    /// Joins the flight for `key`, or starts the one that `make` describes.
    ///
    /// # Errors
    /// When there is no value. The state of the session is then unknown.
    pub async fn join<F>(&self, key: SessionKey, make: impl FnOnce() -> F) -> Result<T, Grounded>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let make = || {
            let work = make();
            async move { (work.await, std::future::ready(())) }
        };
        self.join_with_rest(key, make).await
    }

    /// [`Flights::join`] for work that has something left to do when its value is there. Nobody waits for the rest. It keeps
    /// its place among the flights that run, so there is never more of it than of those.
    ///
    /// # Errors
    /// As [`Flights::join`].
    pub async fn join_with_rest<F, R>(
        &self,
        key: SessionKey,
        make: impl FnOnce() -> F,
    ) -> Result<T, Grounded>
    where
        F: Future<Output = (T, R)> + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let mut result = self.board_or_start(key, make)?;
        let deadline = self.limits.deadline;
        let landed = match tokio::time::timeout(deadline, result.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone(),
            // The sender went away without a value: the flight hit its deadline, or its task died.
            Ok(Err(_closed)) => return Err(Grounded::Died),
            Err(_elapsed) => return Err(Grounded::Deadline),
        };
        landed.ok_or(Grounded::Died)
    }

    /// Flights under way, waiting ones included.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.board.lock().len()
    }

    /// Flights that had to wait for their turn.
    #[must_use]
    pub fn queued(&self) -> u64 {
        self.queued.get()
    }

    fn board_or_start<F, R>(
        &self,
        key: SessionKey,
        make: impl FnOnce() -> F,
    ) -> Result<watch::Receiver<Option<T>>, Grounded>
    where
        F: Future<Output = (T, R)> + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let mut board = self.board.lock();
        if let Some(result) = board.get(&key) {
            return Ok(result.clone());
        }
        if board.len() >= self.limits.places() {
            return Err(Grounded::Full);
        }
        let (landing, result) = watch::channel(None);
        board.insert(key, result.clone());
        drop(board);
        let seat = Seat {
            board: Arc::clone(&self.board),
            key,
        };
        let (running, deadline) = (Arc::clone(&self.running), self.limits.deadline);
        let queued = Arc::clone(&self.queued);
        let work = make();
        self.runtime.spawn(async move {
            let flight = async {
                let turn = match running.try_acquire() {
                    Ok(turn) => turn,
                    Err(_no_turn) => {
                        queued.add();
                        running.acquire().await.ok()?
                    }
                };
                Some((turn, work.await))
            };
            let landed = tokio::time::timeout(deadline, flight).await.ok().flatten();
            // Leaves the board before the value is published: a request that comes later must start a new flight.
            drop(seat);
            let Some((_turn, (value, rest))) = landed else {
                return;
            };
            landing.send_replace(Some(value));
            rest.await;
        });
        Ok(result)
    }
}

/// Takes a flight off the board, also when its task panics.
struct Seat<T> {
    board: Arc<Board<T>>,
    key: SessionKey,
}

impl<T> Drop for Seat<T> {
    fn drop(&mut self) {
        self.board.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests;
