//! Which drill has this node, and until when.
//!
//! A drill claims every node of its fleet, and says again and again that it is there. So there is one drill in a fleet, and one
//! that was killed gives its nodes back by being silent.

use std::time::Duration;

use parking_lot::Mutex;
use session_core::clock::Boot;
use uuid::Uuid;

/// Longest time that a drill has a node without asking again, and that one fault may last.
pub(crate) const LONGEST: Duration = Duration::from_secs(15);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Drills(Mutex<Option<Claim>>);

/// A drill that has the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    drill: Uuid,
    until: Boot,
}

/// What a claim has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The drill has the node now.
    Begun,
    /// It had it before.
    Renewed,
}

/// Another drill has the node, for so long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken(pub(crate) Duration);

impl Drills {
    /// Claims the node for `drill`, for `limit` from `now` on.
    ///
    /// # Errors
    /// When another one has it.
    pub(crate) fn claim(&self, drill: Uuid, limit: Duration, now: Boot) -> Result<Claimed, Taken> {
        let mut claim = self.0.lock();
        let claimed = match held(*claim, now) {
            Some((other, left)) if other != drill => return Err(Taken(left)),
            Some(_same) => Claimed::Renewed,
            None => Claimed::Begun,
        };
        let until = now.plus(limit.min(LONGEST));
        *claim = Some(Claim { drill, until });
        Ok(claimed)
    }

    /// Gives the node back. True when `drill` had it.
    ///
    /// # Errors
    /// When another one has it.
    pub(crate) fn give_back(&self, drill: Uuid, now: Boot) -> Result<bool, Taken> {
        let mut claim = self.0.lock();
        match held(*claim, now) {
            Some((other, left)) if other != drill => Err(Taken(left)),
            had => {
                *claim = None;
                Ok(had.is_some())
            }
        }
    }

    /// The drill that has the node, and for how long at most.
    #[must_use]
    pub(crate) fn holder(&self, now: Boot) -> Option<(Uuid, Duration)> {
        held(*self.0.lock(), now)
    }
}

fn held(claim: Option<Claim>, now: Boot) -> Option<(Uuid, Duration)> {
    let Claim { drill, until } = claim?;
    let left = until.since(now);
    (!left.is_zero()).then_some((drill, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn at(secs: u64) -> Boot {
        Boot::from_nanos(secs * 1_000_000_000)
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_node_has_one_drill_at_a_time() {
        let drills = Drills::default();
        assert_eq!(drills.claim(ONE, secs(10), at(1)), Ok(Claimed::Begun));
        assert_eq!(drills.claim(OTHER, secs(10), at(2)), Err(Taken(secs(9))));
        assert_eq!(drills.give_back(OTHER, at(2)), Err(Taken(secs(9))));
        assert_eq!(drills.claim(ONE, secs(10), at(5)), Ok(Claimed::Renewed));
        assert_eq!(drills.holder(at(14)), Some((ONE, secs(1))));
        assert_eq!(drills.give_back(ONE, at(14)), Ok(true));
        assert_eq!(drills.claim(OTHER, secs(10), at(14)), Ok(Claimed::Begun));
    }

    #[test]
    fn a_silent_drill_loses_its_node() {
        let drills = Drills::default();
        assert_eq!(drills.claim(ONE, secs(3_600), at(0)), Ok(Claimed::Begun));
        assert_eq!(
            drills.holder(at(14)),
            Some((ONE, secs(1))),
            "no claim is long"
        );
        assert_eq!(drills.holder(at(15)), None);
        assert_eq!(drills.give_back(ONE, at(15)), Ok(false));
        assert_eq!(drills.claim(OTHER, secs(1), at(15)), Ok(Claimed::Begun));
    }
}
