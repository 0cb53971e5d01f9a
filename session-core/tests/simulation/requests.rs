//! Requests: of a session on a site of its own group, and of one on a site of another.

use std::time::Duration;

use session_core::cache::Tier;
use session_core::service::{Query, Resolution};
use session_core::session::{Group, Groups};
use tokio::time::sleep;

use crate::history::Seen;
use crate::node::Node;
use crate::plan::GROUPS;
use crate::world::World;

impl World {
    /// A request of a session, and, `later`, the second check of what it was told.
    pub(crate) async fn request(
        &self,
        number: usize,
        at: usize,
        node: &Node,
        session: usize,
        later: Duration,
    ) {
        let asked = self.known(session);
        let query = Query::default();
        let groups = groups(&asked.group);
        let resolved = node.sessions.resolve(asked.sid.as_bytes(), &groups, query);
        let active = match resolved.await {
            Resolution::Active(active) => active,
            Resolution::Absent(why) => {
                let why = why.as_str();
                return self.write_down(number, at, node, Seen::Absent { session, why });
            }
            Resolution::Unknown(why) => {
                let why = why.as_str();
                return self.write_down(number, at, node, Seen::Unknown { session, why });
            }
        };
        if active.entry.session().id != asked.id {
            return self.write_down(number, at, node, Seen::Stranger { session });
        }
        let admitted = |second: bool, tier: Tier| Seen::Admitted {
            session,
            version: active.entry.session().version,
            tier: tier.as_str(),
            second,
        };
        self.write_down(number, at, node, admitted(false, active.tier));
        if later.is_zero() {
            return;
        }
        sleep(later).await;
        if node.sessions.still_holds(&active, query) {
            self.write_down(number, at, node, admitted(true, active.tier));
        }
    }

    /// A request of a session on a site of the other group: by its sid, and by its key, as if somebody had recognised it.
    pub(crate) async fn intrude(&self, number: usize, at: usize, node: &Node, session: usize) {
        let asked = self.known(session);
        let elsewhere = groups(&groups(&asked.group).others()[0]);
        let (sid, query) = (asked.sid.as_bytes(), Query::default());
        let by_sid = node.sessions.resolve(sid, &elsewhere, query);
        let by_key = node.sessions.resolve_key(asked.key, elsewhere.own(), query);
        let answers = [by_sid.await, by_key.await];
        let admitted = answers
            .iter()
            .any(|answer| matches!(answer, Resolution::Active(_)));
        let seen = Seen::Elsewhere { session, admitted };
        self.write_down(number, at, node, seen);
    }
}

/// All groups, seen from a site of `own`.
fn groups(own: &Group) -> Groups {
    let all = GROUPS.map(|name| Group::named(name).unwrap());
    Groups::new(own.clone(), all)
}
