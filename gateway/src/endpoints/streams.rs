//! How many event streams are open: a bound for the process, and one for each session, so that nobody takes all of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use session_core::sid::SessionKey;

/// Streams of one session. A browser with more windows than this shares one stream between them.
const PER_SESSION: usize = 16;

/// The open streams of this process.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    of: HashMap<SessionKey, usize>,
}

/// Why a stream cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The process has enough of them.
    Process,
    /// The session has.
    Session,
}

impl Streams {
    /// Takes a place among at most `max`.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn enter(self: &Arc<Self>, key: SessionKey, max: usize) -> Result<Place, Full> {
        let mut open = self.open.lock();
        if open.total >= max {
            return Err(Full::Process);
        }
        let own = open.of.entry(key).or_default();
        if *own >= PER_SESSION {
            return Err(Full::Session);
        }
        *own += 1;
        open.total += 1;
        Ok(Place {
            streams: Arc::clone(self),
            key,
        })
    }

    /// Streams open now.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.open.lock().total
    }
}

/// The place of one stream; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    streams: Arc<Streams>,
    key: SessionKey,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        open.total = open.total.saturating_sub(1);
        if let Some(own) = open.of.get_mut(&self.key) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                open.of.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let streams = Arc::<Streams>::default();
        let [alice, bob] = [1, 2].map(|n| SessionKey::from_bytes([n; 32]));
        let of_alice: Vec<_> = (0..PER_SESSION)
            .map(|_| streams.enter(alice, 100).unwrap())
            .collect();
        assert_eq!(streams.enter(alice, 100).unwrap_err(), Full::Session);
        let of_bob = streams.enter(bob, PER_SESSION + 1).unwrap();
        let refused = streams.enter(bob, PER_SESSION + 1).unwrap_err();
        assert_eq!(refused, Full::Process);
        drop((of_alice, of_bob));
        assert_eq!(streams.len(), 0);
        assert!(streams.open.lock().of.is_empty(), "nothing is left behind");
        assert_eq!(streams.enter(bob, 0).unwrap_err(), Full::Process);
    }
}
