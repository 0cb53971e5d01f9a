//! All places taken on purpose, so that people see what a full bulkhead does.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::{Board, FlightLimits, Flights, Seat};
use crate::sid::SessionKey;

/// Between two looks for places that have become free.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// The places that are taken. Dropping it frees them.
struct Occupied<T> {
    board: Arc<Board<T>>,
    running: Arc<Semaphore>,
    limits: FlightLimits,
    seats: Vec<Seat<T>>,
    turns: Vec<OwnedSemaphorePermit>,
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// Takes every place, as flights that do not land would: at once those that are free, and the others as they become
    /// free. Gives them all back when `over` is. Flights under way are not disturbed.
    pub fn occupy<F>(&self, over: F) -> impl Future<Output = ()> + Send + use<T, F>
    where
        F: Future<Output = ()> + Send,
    {
        let mut occupied = Occupied {
            board: Arc::clone(&self.board),
            running: Arc::clone(&self.running),
            limits: self.limits,
            seats: Vec::new(),
            turns: Vec::new(),
        };
        async move {
            tokio::pin!(over);
            loop {
                occupied.take_what_is_free();
                tokio::select! {
                    biased;
                    () = &mut over => return,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        }
    }
}

impl<T> Occupied<T> {
    fn take_what_is_free(&mut self) {
        while let Ok(turn) = Arc::clone(&self.running).try_acquire_owned() {
            self.turns.push(turn);
        }
        let mut board = self.board.lock();
        while board.len() < self.limits.places() {
            let key = nobody(self.seats.len());
            let (_no_sender, result) = watch::channel(None);
            board.insert(key, result);
            self.seats.push(Seat {
                board: Arc::clone(&self.board),
                key,
            });
        }
    }
}

/// A key that no session has: it is no digest.
fn nobody(number: usize) -> SessionKey {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
        *to = from;
    }
    SessionKey::from_bytes(bytes)
}
