//! How many connections there are: of all clients, and of each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use sidgate_policy::edge::client_ip::limit_key;

use crate::config::EdgeConfig;
use crate::limits::file_descriptors;
use crate::telemetry::labels::Refusal;

/// How many connections there may be.
pub(super) struct Caps {
    all: usize,
    /// `None`: no cap.
    of_one: Option<usize>,
}

impl Caps {
    pub(super) fn of(edge: &EdgeConfig) -> Self {
        let of_one = |cap: NonZeroU32| usize::try_from(cap.get()).unwrap_or(usize::MAX);
        Self {
            all: edge
                .max_connections
                .map_or_else(file_descriptors::room_for_connections, NonZeroUsize::get),
            of_one: edge.connections_per_ip.map(of_one),
        }
    }
}

/// Connections held, by all and by each client. An IPv6 client is its /64.
#[derive(Debug, Default)]
pub(super) struct Seats {
    all: AtomicUsize,
    by_client: Mutex<HashMap<IpAddr, usize>>,
}

impl Seats {
    /// A place among all.
    ///
    /// # Errors
    /// When there are as many as there may be.
    pub(super) fn take(self: &Arc<Self>, caps: &Caps) -> Result<Seat, Refusal> {
        // Given back when it is dropped, also below.
        let seat = Seat {
            seats: Arc::clone(self),
            client: None,
        };
        if self.all.fetch_add(1, Ordering::Relaxed) >= caps.all {
            return Err(Refusal::MaxConnections);
        }
        Ok(seat)
    }
}

/// One connection, given back when it ends.
pub(super) struct Seat {
    seats: Arc<Seats>,
    /// The client, if its connections are counted.
    client: Option<IpAddr>,
}

impl Seat {
    /// Counts it among those of its client, if that one is known.
    ///
    /// # Errors
    /// When the client has as many as one may have.
    pub(super) fn of(mut self, client: Option<IpAddr>, caps: &Caps) -> Result<Self, Refusal> {
        let (Some(client), Some(cap)) = (client.map(limit_key), caps.of_one) else {
            return Ok(self);
        };
        let mut held = self.seats.by_client.lock();
        let count = held.entry(client).or_default();
        if *count >= cap {
            drop(held);
            return Err(Refusal::ConnectionsPerIp);
        }
        *count += 1;
        drop(held);
        self.client = Some(client);
        Ok(self)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.all.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else {
            return;
        };
        let mut held = self.seats.by_client.lock();
        if let Some(count) = held.get_mut(&client) {
            *count -= 1;
            if *count == 0 {
                held.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(all: usize, of_one: Option<usize>) -> Caps {
        Caps { all, of_one }
    }

    fn take(seats: &Arc<Seats>, client: &str, caps: &Caps) -> Result<Seat, Refusal> {
        seats.take(caps)?.of(client.parse().ok(), caps)
    }

    #[test]
    fn a_client_gets_its_seats_back_and_a_64_counts_as_one_client() {
        let seats = Arc::<Seats>::default();
        let two = caps(10, Some(2));
        let first = take(&seats, "2001:db8::1", &two).ok();
        let _second = take(&seats, "2001:db8::2", &two).ok();
        assert_eq!(
            take(&seats, "2001:db8::1", &two).err(),
            Some(Refusal::ConnectionsPerIp)
        );
        assert!(
            take(&seats, "2001:db8:1::1", &two).is_ok(),
            "another network"
        );
        drop(first);
        assert!(take(&seats, "2001:db8::2", &two).is_ok());
        assert!(take(&seats, "2001:db8::2", &caps(10, None)).is_ok());
    }

    #[test]
    fn all_together_are_capped_and_a_refusal_takes_no_seat() {
        let seats = Arc::<Seats>::default();
        let held = take(&seats, "192.0.2.1", &caps(2, Some(1)));
        for _ in 0..3 {
            let refused = take(&seats, "192.0.2.1", &caps(2, Some(1)));
            assert_eq!(refused.err(), Some(Refusal::ConnectionsPerIp));
        }
        let other = take(&seats, "192.0.2.2", &caps(2, Some(1)));
        assert!(other.is_ok());
        assert_eq!(
            take(&seats, "192.0.2.3", &caps(2, None)).err(),
            Some(Refusal::MaxConnections)
        );
        drop((held, other));
        assert_eq!(seats.all.load(Ordering::Relaxed), 0);
        assert!(
            seats.by_client.lock().is_empty(),
            "nothing is remembered of clients that left"
        );
    }

    #[test]
    fn who_has_no_address_is_counted_among_all_alone() {
        let seats = Arc::<Seats>::default();
        let one = caps(10, Some(1));
        let _held = [take(&seats, "unix", &one), take(&seats, "unix", &one)];
        assert!(take(&seats, "unix", &one).is_ok());
    }
}
