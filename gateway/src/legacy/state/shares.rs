//! Places for judging old logins, shared fairly between clients.
//!
//! A login that the store does not know costs a question to the app. A client has a share of the places: one that
//! brings many logins waits for its own places and leaves the others free.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use sidgate_policy::edge::client_ip::limit_key;

/// A client may have one of this many parts of the places.
const PART: usize = 8;

/// The places of all clients. Bounded: a client is remembered as long as it has a place.
#[derive(Debug)]
pub(in crate::legacy) struct Shares {
    clients: Arc<Mutex<HashMap<IpAddr, Share>>>,
    /// Places where work is done.
    working: Arc<Semaphore>,
    /// Places of all kinds that one client may have.
    seats_each: usize,
    /// Working places that one client may have.
    working_each: usize,
}

#[derive(Debug)]
struct Share {
    seats: usize,
    working: Arc<Semaphore>,
}

/// A place to wait in. Given back when it is dropped.
#[derive(Debug)]
pub(in crate::legacy) struct Seat {
    clients: Arc<Mutex<HashMap<IpAddr, Share>>>,
    client: IpAddr,
    own: Arc<Semaphore>,
    everybody: Arc<Semaphore>,
}

/// A place to work in.
#[derive(Debug)]
pub(in crate::legacy) struct Turn {
    _own: OwnedSemaphorePermit,
    _everybody: OwnedSemaphorePermit,
}

impl Shares {
    /// `working` places, and `waiting` more.
    pub(in crate::legacy) fn new(working: usize, waiting: usize) -> Self {
        Self {
            clients: Arc::default(),
            working: Arc::new(Semaphore::new(working)),
            seats_each: ((working + waiting) / PART).max(1),
            working_each: (working / PART).max(1),
        }
    }

    /// A place for this client, an IPv6 client being its /64; `None` when its share is in use.
    pub(in crate::legacy) fn seat(&self, client: IpAddr) -> Option<Seat> {
        let client = limit_key(client);
        let mut clients = self.clients.lock();
        let share = clients.entry(client).or_insert_with(|| Share {
            seats: 0,
            working: Arc::new(Semaphore::new(self.working_each)),
        });
        if share.seats >= self.seats_each {
            return None;
        }
        share.seats += 1;
        Some(Seat {
            clients: Arc::clone(&self.clients),
            client,
            own: Arc::clone(&share.working),
            everybody: Arc::clone(&self.working),
        })
    }
}

impl Seat {
    /// Waits for a place to work in: first for one of the client's own, so that a client queues for the common places
    /// with no more than its share.
    pub(in crate::legacy) async fn turn(&self) -> Option<Turn> {
        Some(Turn {
            _own: Arc::clone(&self.own).acquire_owned().await.ok()?,
            _everybody: Arc::clone(&self.everybody).acquire_owned().await.ok()?,
        })
    }

    /// A place to work in, if one is free.
    pub(in crate::legacy) fn turn_at_once(&self) -> Option<Turn> {
        Some(Turn {
            _own: Arc::clone(&self.own).try_acquire_owned().ok()?,
            _everybody: Arc::clone(&self.everybody).try_acquire_owned().ok()?,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut clients = self.clients.lock();
        if let Some(share) = clients.get_mut(&self.client) {
            share.seats -= 1;
            if share.seats == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn a_client_with_its_share_gets_no_more_and_others_do() {
        let shares = Shares::new(16, 48);
        let seats: Vec<_> = (0..8).map(|_| shares.seat(ONE).unwrap()).collect();
        assert!(shares.seat(ONE).is_none());
        assert!(shares.seat(OTHER).is_some());
        let turns: Vec<_> = seats.iter().filter_map(Seat::turn_at_once).collect();
        assert_eq!(turns.len(), 2, "an eighth of the working places");
        let other = shares.seat(OTHER).unwrap();
        assert!(other.turn_at_once().is_some());
        drop(turns);
        assert!(seats[7].turn_at_once().is_some(), "given back");
    }

    #[test]
    fn a_network_is_one_client_and_nobody_is_remembered() {
        let shares = Shares::new(8, 0);
        let near = ["2001:db8::1", "2001:db8::2"].map(|text| text.parse::<IpAddr>().unwrap());
        let seat = shares.seat(near[0]).unwrap();
        assert!(shares.seat(near[1]).is_none());
        drop(seat);
        assert!(shares.clients.lock().is_empty());
        assert!(shares.seat(near[1]).is_some());
    }

    #[tokio::test]
    async fn whoever_waits_for_themselves_keeps_no_place_of_others() {
        let shares = Shares::new(2, 14);
        let (one, again) = (shares.seat(ONE).unwrap(), shares.seat(ONE).unwrap());
        let turn = one.turn().await;
        assert!(turn.is_some());
        let waiting = again.turn();
        let other = shares.seat(OTHER).unwrap();
        tokio::select! {
            biased;
            _ = waiting => panic!("it has its share"),
            turn = other.turn() => assert!(turn.is_some()),
        }
    }
}
