//! `store.url`: is a file still the right store? A second node is the usual reason to leave it; speed hardly ever is.

use crate::advise::advice::{Advice, Looked, Rule};
use crate::advise::facts::{Facts, StoreKind};
use crate::advise::words::{bytes, rate};

/// Logins in a second, a fifth of what one file took in docs/performance.md.
const LOGINS: f64 = 1_000.0;
/// Reads in a second, half of what it took there.
const READS: f64 = 8_000.0;
/// Bytes above which a copy of the file takes minutes.
const BYTES: f64 = 10.0 * 1_073_741_824.0;

pub(super) fn judge(facts: &Facts) -> Vec<Advice> {
    let StoreKind::Sqlite(size) = facts.set.store else {
        return Vec::new();
    };
    #[expect(clippy::cast_precision_loss, reason = "for people to read")]
    let size = size as f64;
    let logins = facts.a_second(|counted| counted.sessions_made);
    let reads = facts.a_second(|counted| counted.store_loads);
    let nodes = facts.nodes.len();
    let looked = Looked {
        key: "store.url",
        rule: Rule::Sqlite,
        set: "a SQLite file".to_owned(),
        measured: format!(
            "{nodes} node{}; {} sessions made and {} reads a second; {}",
            if nodes == 1 { "" } else { "s" },
            rate(logins),
            rate(reads),
            bytes(size)
        ),
    };
    let why = if nodes > 1 {
        "several nodes were asked, and a file is for the processes of one machine: each of the others has sessions of its own, \
         and hears of no logout"
    } else if logins > LOGINS || reads > READS {
        "that is near what one file takes: above it logins wait for the disk, and for each other"
    } else if size > BYTES {
        "a file of this size takes minutes to copy, and cannot be brought back to a point in time"
    } else {
        return vec![looked.keep("one node, and far from what one file takes")];
    };
    vec![looked.change("PostgreSQL", why)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advise::advice::Verdict;
    use crate::advise::rules::testing::{facts, node};

    fn verdict(size: u64, nodes: usize, logins: f64) -> Option<Verdict> {
        let mut of_file = facts((0..nodes).map(|_| node("a")).collect());
        of_file.set.store = StoreKind::Sqlite(size);
        for node in &mut of_file.nodes {
            node.counted.sessions_made = logins * node.watched.as_secs_f64();
        }
        judge(&of_file).pop().map(|advice| advice.verdict)
    }

    #[test]
    fn a_second_node_speed_and_size_are_reasons_to_leave_a_file() {
        let leave = Some(Verdict::Change("PostgreSQL".to_owned()));
        assert_eq!(verdict(1 << 20, 1, 1_000.0), Some(Verdict::Keep));
        assert_eq!(verdict(10 << 30, 1, 0.0), Some(Verdict::Keep));
        assert_eq!(verdict(1 << 20, 1, 1_001.0), leave);
        assert_eq!(verdict((10 << 30) + 1, 1, 0.0), leave);
        assert_eq!(verdict(1 << 20, 2, 0.0), leave);
        assert_eq!(judge(&facts(vec![node("a")])), [], "PostgreSQL");
    }
}
