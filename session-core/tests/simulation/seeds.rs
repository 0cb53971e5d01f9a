//! Many seeds, one seed, and the same seed twice.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::check::check;
use crate::history::{History, Seen};
use crate::world::run;

/// Seeds that are run unless `SIDGATE_SEEDS` says otherwise.
const SEEDS: u64 = 10_000;
const THREADS: usize = 2;
/// Lines of a history that are shown.
const LINES: usize = 80;

fn from_environment(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name} must be a number")),
    )
}

/// How it went, if it went wrong.
fn complaint(seed: u64, history: &History) -> Option<String> {
    let violations = check(history);
    let first = violations.first()?;
    let lines = history.lines();
    let until = first.record.as_ref().map(|record| record.at);
    let seen = until.map_or(lines.len(), |until| {
        let later = history
            .records
            .iter()
            .filter(|record| record.at > until)
            .count();
        let commits = history
            .commits
            .iter()
            .filter(|commit| commit.at > until)
            .count();
        lines.len() - later - commits
    });
    let last = lines[seen.saturating_sub(LINES)..seen].join("\n");
    Some(format!(
        "{last}\n\nseed {seed}: {} violations, first: {first:?}\nreplay it with\n  SIDGATE_SEED={seed} cargo test -p \
         session-core --all-features --test simulation every_seed -- --nocapture",
        violations.len()
    ))
}

#[test]
fn every_seed_keeps_the_promises() {
    if let Some(seed) = from_environment("SIDGATE_SEED") {
        let history = run(seed);
        println!("{}", history.lines().join("\n"));
        let complaint = complaint(seed, &history);
        assert!(complaint.is_none(), "{}", complaint.unwrap_or_default());
        return;
    }
    let first = from_environment("SIDGATE_FIRST_SEED").unwrap_or(0);
    let seeds = from_environment("SIDGATE_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(first);
    let work = || {
        let mut tally = Tally::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + seeds {
                return tally;
            }
            let history = run(seed);
            if let Some(complaint) = complaint(seed, &history) {
                next.store(u64::MAX / 2, Ordering::Relaxed);
                panic!("{complaint}");
            }
            tally.count(&history);
        }
    };
    let tallies = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.collect::<Result<Vec<_>, _>>()
    });
    let tally = tallies.expect("every seed keeps the promises; see above");
    let tally = tally.into_iter().fold(Tally::default(), Tally::plus);
    println!("{seeds} seeds: {tally:?}");
    assert!(
        seeds < 100 || tally.is_of_use(),
        "a world in which nothing happens proves nothing: {tally:?}"
    );
}

#[test]
fn a_seed_is_a_history() {
    let seeds = from_environment("SIDGATE_SEEDS").unwrap_or(SEEDS) / 100;
    for seed in 0..seeds.max(1) {
        let (first, second) = (run(seed), run(seed));
        let differs = first.lines().into_iter().zip(second.lines());
        let differs = differs.into_iter().find(|(first, second)| first != second);
        assert_eq!(differs, None, "seed {seed}");
        assert!(first == second, "seed {seed}");
    }
}

/// What happened in all the worlds.
#[derive(Debug, Default)]
struct Tally {
    admitted: usize,
    admitted_late: usize,
    absent: usize,
    unknown: usize,
    /// Requests on sites of other groups.
    elsewhere: usize,
    /// Sessions that somebody was told to be out everywhere.
    out: usize,
    commits: usize,
}

impl Tally {
    fn count(&mut self, history: &History) {
        for record in &history.records {
            match &record.seen {
                Seen::Admitted { second, .. } => {
                    self.admitted += 1;
                    self.admitted_late += usize::from(*second);
                }
                Seen::Absent { .. } => self.absent += 1,
                Seen::Elsewhere { .. } => self.elsewhere += 1,
                Seen::Unknown { .. } => self.unknown += 1,
                Seen::OutEverywhere { sessions } => self.out += sessions.len(),
                Seen::Stranger { .. } | Seen::Note(_) => {}
            }
        }
        self.commits += history.commits.len();
    }

    fn plus(self, other: Self) -> Self {
        Self {
            admitted: self.admitted + other.admitted,
            admitted_late: self.admitted_late + other.admitted_late,
            absent: self.absent + other.absent,
            unknown: self.unknown + other.unknown,
            elsewhere: self.elsewhere + other.elsewhere,
            out: self.out + other.out,
            commits: self.commits + other.commits,
        }
    }

    fn is_of_use(&self) -> bool {
        let seen = [
            self.admitted,
            self.admitted_late,
            self.absent,
            self.unknown,
            self.elsewhere,
            self.commits,
        ];
        seen.iter().all(|count| *count > 0) && self.admitted > self.unknown
    }
}
