//! What was asked, answered and revoked, on one clock; and whether that is what DESIGN 5 promises.
//!
//! The property is per session and monotone, once revoked never admitted, so one pass over the history decides it:
//!
//! - no request is admitted that starts later than the lease after the commit, nor after the answer of a revocation that
//!   waited for all nodes;
//! - nobody is refused who was not revoked: unknown is never "no";
//! - a node that has refused a revoked session never admits it again.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use sidgate_testkit::places;
use sidgate_testkit::wait::{LEASE, instant};

use super::{Session, machine};

/// See the module.
pub(crate) struct History {
    origin: Instant,
    asked: Mutex<Vec<Asked>>,
    ends: Mutex<Vec<End>>,
    complaints: Mutex<Vec<Complaint>>,
}

/// An answer that should not have come, and the sessions that it is about.
type Complaint = (Vec<usize>, String);

/// One request for a session at one node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) node: usize,
    pub(crate) session: usize,
    pub(crate) start: Duration,
    pub(crate) end: Duration,
    /// `None`: no answer came.
    pub(crate) status: Option<u16>,
}

/// One revocation.
#[derive(Clone, Copy, Debug)]
struct End {
    session: usize,
    begin: Duration,
    /// When it was certainly committed; `None` as long as nobody knows.
    committed: Option<Duration>,
    /// When somebody was told that no node admits the session any more.
    promised: Option<Duration>,
}

/// What an answer says of a revocation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// It is committed.
    Committed,
    /// And no node admits the session any more.
    Everywhere,
}

/// What the history of a test says.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) admissions: usize,
    pub(crate) revocations: usize,
    /// Requests for sessions.
    pub(crate) asked: usize,
    /// Those that nobody could decide.
    pub(crate) undecided: Vec<Asked>,
    /// How many more there were while the machine was too busy.
    pub(crate) excused: usize,
    /// Start of the last admission after its session's revocation was committed.
    pub(crate) worst: Duration,
    /// From a commit until every node refuses.
    propagation: Vec<Duration>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            origin: instant(),
            asked: Mutex::default(),
            ends: Mutex::default(),
            complaints: Mutex::default(),
        }
    }

    /// Time since the beginning.
    pub(crate) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    pub(crate) fn note(&self, asked: Asked) {
        self.asked.lock().unwrap().push(asked);
    }

    /// `end` ends the session, and has committed that when it returns.
    pub(crate) fn revocation(&self, session: &Session, end: impl FnOnce()) {
        self.ending(session, || {
            end();
            Some(Ended::Committed)
        });
    }

    /// The same for an end whose answer says that no node admits the session any more.
    pub(crate) fn acknowledged_revocation(&self, session: &Session, end: impl FnOnce()) {
        self.ending(session, || {
            end();
            Some(Ended::Everywhere)
        });
    }

    /// `end` may or may not end the session: it may be refused from now on, and need not be.
    pub(crate) fn attempt(&self, session: &Session, end: impl FnOnce()) {
        self.ending(session, || {
            end();
            None
        });
    }

    /// `end` asks for the end of the session, and says whether the answer was that no node admits it any more. Otherwise
    /// nobody knows.
    pub(crate) fn asked_to_end(&self, session: &Session, end: impl FnOnce() -> bool) -> bool {
        let mut told = false;
        self.ending(session, || {
            told = end();
            told.then_some(Ended::Everywhere)
        });
        told
    }

    /// An answer that breaks a promise which requests for sessions do not show.
    pub(crate) fn complain(&self, about: &[&Session], what: String) {
        let about = about.iter().map(|session| session.index).collect();
        self.complaints.lock().unwrap().push((about, what));
    }

    /// Forgets sessions that the store has lost.
    pub(crate) fn forget(&self, lost: &[usize]) {
        let kept = |session: &usize| !lost.contains(session);
        self.asked.lock().unwrap().retain(|one| kept(&one.session));
        self.ends.lock().unwrap().retain(|one| kept(&one.session));
        let mut complaints = self.complaints.lock().unwrap();
        complaints.retain(|(about, _)| about.iter().all(kept));
    }

    fn ending(&self, session: &Session, end: impl FnOnce() -> Option<Ended>) {
        let session = session.index;
        let begin = self.now();
        let place = {
            let mut ends = self.ends.lock().unwrap();
            let (committed, promised) = (None, None);
            ends.push(End {
                session,
                begin,
                committed,
                promised,
            });
            ends.len() - 1
        };
        let ended = end();
        let returned = self.now();
        let noted = &mut self.ends.lock().unwrap()[place];
        noted.committed = ended.map(|_| returned);
        noted.promised = (ended == Some(Ended::Everywhere)).then_some(returned);
    }

    /// Whether `node` has given `status` for the session to a request that started after `since`.
    pub(crate) fn has(&self, node: usize, session: usize, status: u16, since: Duration) -> bool {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .rev()
            .take_while(|asked| asked.end >= since)
            .any(|asked| {
                asked.node == node
                    && asked.session == session
                    && asked.status == Some(status)
                    && asked.start >= since
            })
    }

    /// Judges the history and prints what it says.
    ///
    /// # Panics
    /// When it breaks the promise; the history is then left in a file.
    pub(crate) fn verdict(&self, name: &str) -> Verdict {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort_by_key(|asked| asked.start);
        let ends = self.ends.lock().unwrap().clone();
        let mut violations = violations(&asked, &ends);
        let complaints = self.complaints.lock().unwrap();
        violations.extend(complaints.iter().map(|(_, what)| what.clone()));
        if !violations.is_empty() {
            let file = save(name, &asked, &ends);
            let shown = violations.iter().take(10).map(String::as_str);
            let shown: Vec<_> = shown.collect();
            panic!(
                "{name}: {} violations, see {}\n{}",
                violations.len(),
                file.display(),
                shown.join("\n")
            );
        }
        let verdict = Verdict::of(&asked, &ends);
        verdict.print(name);
        verdict
    }
}

fn violations(asked: &[Asked], ends: &[End]) -> Vec<String> {
    let mut found = Vec::new();
    for one in asked {
        let of_session = || ends.iter().filter(|end| end.session == one.session);
        match one.status {
            Some(200) => {
                for end in of_session() {
                    if end
                        .committed
                        .is_some_and(|commit| one.start > commit + LEASE)
                    {
                        found.push(format!("admitted after the lease: {one:?} {end:?}"));
                    }
                    if end.promised.is_some_and(|promise| one.start > promise) {
                        found.push(format!("admitted after the receipt: {one:?} {end:?}"));
                    }
                }
            }
            Some(401) if !of_session().any(|end| one.end >= end.begin) => {
                found.push(format!("refused without a revocation: {one:?}"));
            }
            Some(401 | 503) | None => {}
            Some(_) => found.push(format!("no such answer is expected: {one:?}")),
        }
    }
    found.extend(revivals(asked));
    found
}

/// Admissions by a node that has refused before.
fn revivals(asked: &[Asked]) -> Vec<String> {
    let mut refused = std::collections::HashMap::new();
    let mut found = Vec::new();
    for one in asked {
        let place = (one.node, one.session);
        match one.status {
            Some(401) => {
                refused.entry(place).or_insert(one.end);
            }
            Some(200) if refused.get(&place).is_some_and(|end| one.start > *end) => {
                found.push(format!("admitted again: {one:?}"));
            }
            _ => {}
        }
    }
    found
}

fn save(name: &str, asked: &[Asked], ends: &[End]) -> PathBuf {
    let mut text = String::new();
    for one in asked {
        writeln!(
            text,
            r#"{{"node":{},"session":{},"start":{:?},"end":{:?},"status":{}}}"#,
            one.node,
            one.session,
            one.start.as_secs_f64(),
            one.end.as_secs_f64(),
            one.status.unwrap_or(0)
        )
        .unwrap();
    }
    for end in ends {
        let at = |time: Option<Duration>| time.map_or(-1.0, |time| time.as_secs_f64());
        writeln!(
            text,
            r#"{{"revoked":{},"begin":{:?},"committed":{:?},"promised":{:?}}}"#,
            end.session,
            end.begin.as_secs_f64(),
            at(end.committed),
            at(end.promised)
        )
        .unwrap();
    }
    let file = places::left_behind().join(format!("{name}.jsonl"));
    std::fs::write(&file, text).unwrap();
    file
}

impl Verdict {
    fn of(asked: &[Asked], ends: &[End]) -> Self {
        let with = |status| {
            asked
                .iter()
                .filter(move |asked| asked.status == Some(status))
        };
        let mut worst = Duration::ZERO;
        let mut propagation = Vec::new();
        for end in ends {
            let Some(committed) = end.committed else {
                continue;
            };
            let of_session = |status| with(status).filter(|asked| asked.session == end.session);
            let after = |start: Duration| start.saturating_sub(committed);
            let last = of_session(200).map(|asked| after(asked.start)).max();
            worst = worst.max(last.unwrap_or_default());
            let mut first_refusals = BTreeMap::new();
            for refusal in of_session(401) {
                first_refusals
                    .entry(refusal.node)
                    .or_insert(after(refusal.start));
            }
            propagation.extend(first_refusals.into_values().max());
        }
        propagation.sort();
        let undecided = asked
            .iter()
            .filter(|asked| !matches!(asked.status, Some(200 | 401)));
        let is_excused =
            |one: &&Asked| one.status == Some(503) && machine::was_busy_around(one, asked);
        let (excused, undecided): (Vec<_>, Vec<_>) = undecided.partition(is_excused);
        Self {
            admissions: with(200).count(),
            asked: asked.len(),
            revocations: ends.iter().filter(|end| end.committed.is_some()).count(),
            undecided: undecided.into_iter().copied().collect(),
            excused: excused.len(),
            worst,
            propagation,
        }
    }

    /// Asserts that every request was decided: the fault concerned a part that may fail.
    pub(crate) fn leaves_nobody_in_doubt(&self) {
        let shown: Vec<_> = self.undecided.iter().take(10).collect();
        assert!(
            shown.is_empty(),
            "{} undecided: {shown:#?}",
            self.undecided.len()
        );
    }

    /// How long one session at one node was undecided at most, from the first to the last such answer.
    pub(crate) fn in_doubt(&self) -> Duration {
        let mut spans = BTreeMap::new();
        for one in &self.undecided {
            let span = spans.entry((one.node, one.session));
            let (_, end) = span.or_insert((one.start, one.end));
            *end = one.end;
        }
        let lengths = spans.into_values().map(|(start, end)| end - start);
        lengths.max().unwrap_or_default()
    }

    /// Time until every node refused, for so many of a hundred revocations.
    fn percentile(&self, percent: usize) -> Duration {
        let last = self.propagation.len().saturating_sub(1);
        let place = (self.propagation.len() * percent)
            .div_ceil(100)
            .saturating_sub(1);
        self.propagation
            .get(place.min(last))
            .copied()
            .unwrap_or_default()
    }

    fn print(&self, name: &str) {
        let ms = |time: Duration| time.as_secs_f64() * 1_000.0;
        println!(
            "FIGURES {name}: {} revocations, {} admissions, {} undecided, {} more while the machine was busy; worst admission {:.1} ms after commit; \
             refused everywhere p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            self.revocations,
            self.admissions,
            self.undecided.len(),
            self.excused,
            ms(self.worst),
            ms(self.percentile(50)),
            ms(self.percentile(99)),
            ms(self.percentile(100)),
        );
    }
}
