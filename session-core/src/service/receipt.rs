//! Which nodes have applied a revocation.
//!
//! Every node that may hold a lease is on the store's list: it earns one only by an answer of the store in which it stands
//! there for as long as the lease lasts. A node that has reported the event's number has applied it; one that stays silent
//! loses its lease [`LEASE`] after the commit at the latest. So the wait is bounded, and its end means the same either way: no
//! node admits the session any more.

use std::time::Duration;

use crate::clock::{Boot, Clock};
use crate::freshness::LEASE;
use crate::freshness::listing::GRACE;
use crate::store::{Revoked, SessionStore};

/// The report of a node that may hold a lease is overdue by less than this. Programs of version 0.1.0 look with the same
/// limit, and report so that this one holds for them: they may run beside this one.
pub(super) const SEEN_WITHIN: Duration = LEASE
    .saturating_add(GRACE)
    .saturating_add(Duration::from_millis(500));
/// Time between two looks at the list.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Whether to wait for other nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Wait {
    /// No: they hear of it within the lease.
    None,
    /// Until every node has applied it or lost its lease.
    #[default]
    All,
}

/// What a revocation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Live sessions that were ended.
    pub revoked: u64,
    /// Nodes that may have held a lease. 0 without a wait.
    pub nodes: usize,
    /// Those of them that have applied it. The others have lost their lease.
    pub acked: usize,
    /// Time from the commit until the last of them did.
    pub worst: Duration,
}

impl Receipt {
    pub(super) fn unheard(revoked: &Revoked) -> Self {
        Self {
            revoked: revoked.sessions,
            nodes: 0,
            acked: 0,
            worst: Duration::ZERO,
        }
    }
}

/// Waits until no node can admit what was revoked. Ends at the latest [`LEASE`] after `committed`.
pub async fn heard_by_all(
    store: &dyn SessionStore,
    clock: &dyn Clock,
    revoked: &Revoked,
    committed: Boot,
) -> Receipt {
    let mut receipt = Receipt::unheard(revoked);
    loop {
        let nodes = store.nodes(SEEN_WITHIN).await;
        receipt.worst = clock.boot().since(committed);
        // A store that falls silent now leaves only the clock to go by.
        if let Ok(nodes) = nodes {
            receipt.nodes = nodes.len();
            receipt.acked = nodes
                .iter()
                .filter(|node| node.applied >= revoked.seq)
                .count();
            if receipt.acked == receipt.nodes {
                return receipt;
            }
        }
        if receipt.worst >= LEASE {
            return receipt;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
