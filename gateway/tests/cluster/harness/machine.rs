//! Whether the machine was too busy for anybody to be on time.
//!
//! A node gives a read 250 ms and then says that it does not know. Where the whole test run gets a small share of the processor, a
//! read takes longer than that without any fault. Requests that a node answers from its own memory need neither Redis nor
//! PostgreSQL, so no fault of those makes them slow: how long they took says how busy the machine was.

use std::time::Duration;

use super::history::Asked;

/// Answers from memory take less than one millisecond, and some of them a few.
const BUSY: Duration = Duration::from_millis(40);
/// How far around a request others are looked at.
const AROUND: Duration = Duration::from_secs(1);
/// Fewer say nothing.
const FEWEST: usize = 3;

/// Whether requests that were admitted around `one` took so long that it says nothing about the fault.
pub(super) fn was_busy_around(one: &Asked, all: &[Asked]) -> bool {
    let near = |asked: &&Asked| {
        asked.status == Some(200)
            && asked.start < one.end + AROUND
            && asked.end + AROUND > one.start
    };
    let near = all.iter().filter(near);
    let mut took: Vec<Duration> = near.map(|asked| asked.end - asked.start).collect();
    took.sort();
    took.len() >= FEWEST && took[took.len() / 2] > BUSY
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn asked(start: u64, took: u64, status: u16) -> Asked {
        Asked {
            node: 0,
            session: 0,
            start: Duration::from_millis(start),
            end: Duration::from_millis(start + took),
            status: Some(status),
        }
    }

    #[test]
    fn slow_answers_from_memory_tell_a_busy_machine_and_fast_ones_a_fault() {
        let undecided = asked(5_000, 300, 503);
        let around = |took: u64| -> Vec<Asked> {
            let others = (0..20).map(|at| asked(4_000 + at * 100, took, 200));
            others.chain([undecided]).collect()
        };
        assert!(was_busy_around(&undecided, &around(90)));
        assert!(!was_busy_around(&undecided, &around(2)), "the fault did it");
        assert!(
            !was_busy_around(&undecided, &[undecided]),
            "nobody says that it was busy"
        );
        let long_ago = [asked(0, 900, 200), asked(1, 900, 200), asked(2, 900, 200)];
        assert!(!was_busy_around(&undecided, &long_ago));
    }
}
