//! All nodes of a fleet, claimed for one drill.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use session_core::secret::SecretString;
use session_core::store::SessionStore;
use uuid::Uuid;

use super::address::NodeAddress;
use super::cannot::CannotDrill;
use super::node::{Node, Step};

/// Between two words that the drill is still there. A node gives itself back after 10 s of silence.
const SAY_EVERY: Duration = Duration::from_secs(4);
/// The report of a node that runs is overdue by less than this.
const SEEN_WITHIN: Duration = Duration::from_secs(2);
/// Looks at the store's list, so that a node that was killed is off it: a report lasts five seconds.
const LOOKS: usize = 5;
/// Between two of them.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug)]
pub(super) struct Fleet {
    /// In the order of the command line. Never empty.
    pub(super) nodes: Vec<Node>,
    /// The drill that claims them.
    drill: Uuid,
}

impl Fleet {
    /// Finds the nodes, and makes sure that they are all that report to the store, each once.
    ///
    /// # Errors
    /// When they are not, or one may not be drilled.
    pub(super) async fn find(
        addresses: &[NodeAddress],
        token: Option<&SecretString>,
        store: &dyn SessionStore,
        drill: Uuid,
    ) -> Result<Self, CannotDrill> {
        let found = addresses
            .iter()
            .map(|address| Node::find(address.clone(), token.cloned()));
        let nodes = try_join_all(found).await?;
        let named: BTreeSet<Uuid> = nodes.iter().map(|node| node.id).collect();
        if named.len() < nodes.len() {
            return Err(CannotDrill::SameNode);
        }
        let fleet = Self { nodes, drill };
        let mut looks = 1;
        loop {
            match fleet.is_whole(&named, store).await {
                Err(CannotDrill::NotAll { .. }) if looks < LOOKS => looks += 1,
                whole => return whole.map(|()| fleet),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the nodes `named` are those that report to the store.
    async fn is_whole(
        &self,
        named: &BTreeSet<Uuid>,
        store: &dyn SessionStore,
    ) -> Result<(), CannotDrill> {
        let reports = store.nodes(SEEN_WITHIN).await?;
        let seen: BTreeSet<Uuid> = reports.iter().map(|report| report.node).collect();
        if let Some(node) = self.nodes.iter().find(|node| !seen.contains(&node.id)) {
            return Err(CannotDrill::NotOnList(node.address.to_string()));
        }
        if seen.len() > named.len() {
            return Err(CannotDrill::NotAll {
                seen: seen.len(),
                named: named.len(),
            });
        }
        Ok(())
    }

    /// Claims every node, in the order of their ids, so that of two drills one gets all.
    ///
    /// # Errors
    /// When another drill has one. The others are given back.
    pub(super) async fn claim(&self) -> Result<(), CannotDrill> {
        let mut in_order: Vec<&Node> = self.nodes.iter().collect();
        in_order.sort_by_key(|node| node.id);
        for node in in_order {
            if let Err(failed) = node.take(self.drill, Step::Begin).await {
                self.end().await;
                return Err(failed);
            }
        }
        Ok(())
    }

    /// Says again and again that the drill is there. Never returns.
    pub(super) async fn keep<T>(&self) -> T {
        loop {
            tokio::time::sleep(SAY_EVERY).await;
            // A node that does not hear it gives itself back, which is what it should do.
            self.all(Step::Begin).await;
        }
    }

    /// Ends every fault, and gives the nodes back. A node that cannot be reached does both by itself.
    pub(super) async fn end(&self) {
        self.all(Step::End).await;
    }

    /// Has one node do something.
    ///
    /// # Errors
    /// When it did not say that it has.
    pub(super) async fn take(&self, node: &Node, step: Step) -> Result<(), CannotDrill> {
        node.take(self.drill, step).await
    }

    async fn all(&self, step: Step) {
        let told = self.nodes.iter().map(|node| node.take(self.drill, step));
        join_all(told).await;
    }
}
