//! A session is revoked just before its node is cut off: the lease alone keeps the promise.

use std::time::Duration;

use session_core::freshness::LEASE;
use session_core::session::RevokeReason;
use session_core::store::Scope;
use session_testing::sim::Weather;
use tokio::time::{Instant, sleep, sleep_until};

use crate::history::Seen;
use crate::node::Node;
use crate::world::World;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Ambush {
    pub(crate) number: usize,
    pub(crate) at: usize,
    /// From when the answers begin to lag.
    pub(crate) revoke_after: Duration,
    pub(crate) cut_after: Duration,
}

/// Requests right after the revocation, when some answers know of it already, and around the end of the lease.
const REQUESTS: [u64; 26] = [
    20, 60, 100, 140, 180, 250, 400, 600, 1_000, 1_600, 1_700, 1_750, 1_800, 1_850, 1_900, 1_950,
    1_990, 2_010, 2_040, 2_080, 2_120, 2_170, 2_220, 2_280, 2_340, 2_400,
];

impl World {
    pub(crate) async fn ambush(&self, node: &Node, pick: u64, ambush: Ambush) {
        let Ambush { number, at, .. } = ambush;
        let Some((session, known)) = self.pick(pick) else {
            return;
        };
        let note = Seen::Note(format!("ambush of session {session}: {ambush:?}"));
        self.write_down(number, at, node, note);
        self.request(number, at, node, session, Duration::ZERO)
            .await;
        node.link.set(Weather::Laggard);
        sleep(ambush.revoke_after).await;
        let scope = Scope::Key(known.key);
        self.store.revoke(&scope, RevokeReason::External);
        let start = Instant::now();
        let cut = async {
            sleep(ambush.cut_after).await;
            node.link.set(Weather::Cut);
        };
        let requests = async {
            for after in REQUESTS {
                sleep_until(start + Duration::from_millis(after)).await;
                self.request(number, at, node, session, Duration::ZERO)
                    .await;
            }
        };
        tokio::join!(cut, requests);
        sleep_until(start + LEASE + LEASE / 2).await;
        node.link.set(Weather::Fair);
    }
}
