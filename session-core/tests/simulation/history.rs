//! What was seen.

use session_core::clock::Boot;
use session_core::sid::SessionKey;
use session_testing::sim::{Change, Commit};

use crate::world::Known;

/// Something that a node said or did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub(crate) at: Boot,
    /// Place in the plan of the step that this belongs to.
    pub(crate) step: usize,
    pub(crate) node: usize,
    /// How often the node had been started.
    pub(crate) life: u64,
    pub(crate) seen: Seen,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// A session was admitted. `second`: when it was checked again, right before the upstream is written to.
    Admitted {
        session: usize,
        version: i64,
        tier: &'static str,
        second: bool,
    },
    /// A site of another group was asked for a session. Whether it was admitted there.
    Elsewhere { session: usize, admitted: bool },
    /// Another session was admitted in its place.
    Stranger { session: usize },
    /// There is no such session, said the node.
    Absent { session: usize, why: &'static str },
    /// The node could not say.
    Unknown { session: usize, why: &'static str },
    /// Somebody was told that no node admits these sessions any more.
    OutEverywhere { sessions: Vec<usize> },
    /// Anything else, for whoever reads the history.
    Note(String),
}

/// Everything that the invariants are checked on.
#[derive(Debug, PartialEq)]
pub(crate) struct History {
    pub(crate) sessions: Vec<Known>,
    pub(crate) records: Vec<Record>,
    pub(crate) commits: Vec<Commit>,
    /// What the store's clock showed when the boot clock showed zero, in microseconds since the epoch.
    pub(crate) store_epoch: i64,
    /// When all was well again.
    pub(crate) healed: Boot,
}

impl History {
    /// In the order of time, one line each, times in seconds since the start.
    pub(crate) fn lines(&self) -> Vec<String> {
        let seconds = |at: Boot| at.since(Boot::from_nanos(1_000_000_000_000)).as_secs_f64();
        let commits = self.commits.iter().map(|commit| {
            let (at, change) = (seconds(commit.at), self.describe(&commit.change));
            (
                commit.at,
                0,
                format!("{at:9.3} store  #{} {change}", commit.seq),
            )
        });
        let records = self.records.iter().map(|record| {
            let Record {
                at,
                step,
                node,
                life,
                seen,
            } = record;
            (
                *at,
                1,
                format!(
                    "{:9.3} node {node}.{life} (step {step}) {seen:?}",
                    seconds(*at)
                ),
            )
        });
        let mut lines: Vec<_> = commits.chain(records).collect();
        lines.sort_by_key(|(at, kind, _)| (*at, *kind));
        lines.into_iter().map(|(_, _, line)| line).collect()
    }

    fn describe(&self, change: &Change) -> String {
        let name = |key: &SessionKey| {
            let at = self.sessions.iter().position(|known| known.key == *key);
            at.map_or("a session that nobody holds".to_owned(), |at| {
                format!("session {at}")
            })
        };
        match change {
            Change::Born {
                key, user, tenant, ..
            } => {
                format!("born: {} of {user} in {tenant:?}", name(key))
            }
            Change::Updated { key, version } => format!("updated: {} to {version}", name(key)),
            Change::Renewed { of, to, until } => {
                format!("renewed: {} is {} now, until {until:?}", name(of), name(to))
            }
            Change::Ended { key, replaced } => {
                format!("ended: {}, replaced: {replaced}", name(key))
            }
            Change::Mass {
                user,
                group,
                tenant,
            } => format!("ended: all of {user:?} {group:?} {tenant:?}"),
            Change::Reborn => "another incarnation".to_owned(),
        }
    }
}
