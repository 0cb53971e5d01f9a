//! What every exercise works with.

use std::time::Duration;

use futures_util::future::join_all;
use session_core::clock::{Clock as _, SystemClock};

use super::canaries::{Canaries, Canary};
use super::cannot::CannotDrill;
use super::door::Door;
use super::fleet::Fleet;
use super::judge::heartbeat::bystander;
use super::node::Node;
use super::record::Record;
use super::report::Table;

/// How long a node may take to admit a new session. Longer than its look-up ever takes.
const ADMITTED_WITHIN: Duration = Duration::from_secs(3);
/// Between two tries.
const TRY_EVERY: Duration = Duration::from_millis(100);

/// See the module.
pub(super) struct Stage<'a> {
    pub(super) fleet: &'a Fleet,
    /// One for each node, in the same order.
    pub(super) doors: Vec<Door>,
    pub(super) canaries: Canaries<'a>,
    /// Says what is being done.
    pub(super) tell: &'a (dyn Fn(&str) + Sync),
}

impl Stage<'_> {
    /// A session that every node admits, and so knows.
    ///
    /// # Errors
    /// When one does not: a fleet that is not well has to be put right first.
    pub(super) async fn known_canary(&self) -> Result<Canary, CannotDrill> {
        let canary = self.canaries.make().await?;
        let admitted = join_all(self.doors.iter().map(|door| admits(door, &canary))).await;
        let mut nodes = self.fleet.nodes.iter().zip(admitted);
        match nodes.find(|(_, admitted)| !admitted) {
            Some((node, _)) => Err(CannotDrill::NotAdmitted {
                node: node.address.to_string(),
                public: node.public.at.clone(),
            }),
            None => Ok(canary),
        }
    }

    /// The node that faults are made at: the last one.
    pub(super) fn chosen(&self) -> Option<(&Node, &Door)> {
        self.fleet.nodes.last().zip(self.doors.last())
    }

    /// The other nodes, with their doors.
    pub(super) fn others(&self) -> impl Iterator<Item = (&Node, &Door)> {
        let number = self.doors.len().saturating_sub(1);
        self.fleet.nodes.iter().zip(&self.doors).take(number)
    }

    /// What the other nodes have answered, one record for each.
    pub(super) fn others_judged(&self, records: &[Record]) -> Table {
        let others = self.others().zip(records);
        Table {
            about: "the other nodes",
            rows: others
                .map(|((node, _), record)| (node.address.to_string(), bystander(record)))
                .collect(),
        }
    }
}

async fn admits(door: &Door, canary: &Canary) -> bool {
    let until = SystemClock.boot().plus(ADMITTED_WITHIN);
    loop {
        if door.ask(canary).await.is_admitted() {
            return true;
        }
        if SystemClock.boot() >= until {
            return false;
        }
        tokio::time::sleep(TRY_EVERY).await;
    }
}
