//! One fault under load: what visitors notice of it, and what is lost.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use session_testing::Commits;
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::login;

use super::fleet::Fleet;
use super::visitors::{Visited, Visitors};
use crate::harness::history::{History, Verdict};
use crate::harness::traffic::{Asker, Traffic};
use crate::harness::{Session, resets};

/// Between two requests for a session at one node.
const PACE: Duration = Duration::from_millis(50);
/// Of load before a fault, and after it.
const CALM: Duration = Duration::from_secs(2);
/// Sessions that nobody ends.
const BYSTANDERS: usize = 3;

/// What the store has lost.
#[derive(Default)]
struct Lost {
    logins: Vec<usize>,
    revocations: Vec<usize>,
}

impl Fleet {
    /// Does something to the fleet while visitors come and go, waits until everybody is served by a whole cluster, and
    /// judges.
    pub(super) fn under_load(&mut self, fault: &str, what: impl FnOnce(&mut Self)) {
        self.wait_until_whole();
        let history = Arc::new(History::new());
        let addresses: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.gateway.address())
            .collect();
        let traffic = Traffic::start(&addresses, &history, PACE);
        let bystanders: Vec<_> = (0..BYSTANDERS).map(|_| self.known_session()).collect();
        for session in &bystanders {
            traffic.watch(session);
        }
        let alarms = self.alarms();
        let visitors = Visitors::start(self, &history, traffic.to_watch());
        thread::sleep(CALM);
        what(self);
        self.wait_until_served(&history, &bystanders);
        thread::sleep(CALM);
        let visited = visitors.stop();
        traffic.stop();
        let lost = self.ask_once_more(&history, &bystanders, &visited);
        self.judge_losses(&lost, &alarms);
        let name = format!("Patroni {} {fault}", self.mode());
        history.forget(&[lost.logins.as_slice(), lost.revocations.as_slice()].concat());
        let verdict = history.verdict(&name);
        self.print(fault, &verdict, &visited, &lost);
    }

    /// Waits until every node admits everybody and lets somebody new in.
    fn wait_until_served(&self, history: &History, bystanders: &[Session]) {
        let since = history.now();
        self.wait_until("everybody is served", || {
            let mut all = bystanders
                .iter()
                .flat_map(|session| (0..self.nodes.len()).map(move |node| (node, session.index)));
            all.all(|(node, session)| history.has(node, session, 200, since))
        });
        for node in self.nodes.iter() {
            self.wait_until("a login", || {
                let again = login("again@example.com", PASSWORD);
                node.gateway.send(&again).status == 201
            });
        }
    }

    /// Asks every node for everybody, and finds what was lost.
    fn ask_once_more(&self, history: &History, bystanders: &[Session], visited: &Visited) -> Lost {
        let known = self.sessions_in_the_store();
        let mut lost = Lost::default();
        for (node, gateway) in self.nodes.iter().enumerate() {
            let mut asker = Asker::new(gateway.gateway.address());
            for session in bystanders.iter().chain(&visited.ended) {
                let asked = asker.ask(history, node, session.index, &session.sid);
                history.note(asked);
                let is_known = known.contains(&session.handle);
                let has_ended = !bystanders.iter().any(|one| one.index == session.index);
                if !is_known {
                    assert_eq!(asked.status, Some(401), "served without a row: {asked:?}");
                    lost.logins.push(session.index);
                } else if has_ended && asked.status == Some(200) {
                    lost.revocations.push(session.index);
                }
            }
        }
        for lost in [&mut lost.logins, &mut lost.revocations] {
            lost.sort_unstable();
            lost.dedup();
        }
        lost
    }

    /// How often each node has noticed that the store has lost events.
    fn alarms(&self) -> Vec<f64> {
        let reasons = ["head_backwards", "event_differs"];
        let of = |gateway| -> f64 { reasons.iter().map(|reason| resets(gateway, reason)).sum() };
        self.nodes.iter().map(|node| of(&node.gateway)).collect()
    }

    fn judge_losses(&self, lost: &Lost, before: &[f64]) {
        let after = self.alarms();
        if self.settings.is_synchronous() {
            assert!(
                lost.revocations.is_empty() && lost.logins.is_empty(),
                "lost although a standby had it: {:?} {:?}",
                lost.revocations,
                lost.logins
            );
        } else if !lost.revocations.is_empty() {
            for (before, after) in before.iter().zip(&after) {
                assert!(after > before, "the loss goes unnoticed");
            }
        }
    }

    pub(super) fn mode(&self) -> &'static str {
        match (self.settings.commits, self.settings.failsafe) {
            (Commits::Asynchronous, _) => "asynchronous",
            (Commits::Synchronous, false) => "synchronous",
            (Commits::Synchronous, true) => "synchronous, failsafe",
            (Commits::Strict, _) => "strict",
        }
    }

    fn print(&self, fault: &str, verdict: &Verdict, visited: &Visited, lost: &Lost) {
        let figures = serde_json::json!({
            "mode": self.mode(),
            "ttl": self.settings.ttl,
            "fault": fault,
            "in_doubt_s": verdict.in_doubt().as_secs_f64(),
            "undecided": verdict.undecided.len(),
            "asked": verdict.asked,
            "no_login_s": without_logins(&visited.logins).as_secs_f64(),
            "revocations": verdict.revocations,
            "worst_ms": verdict.worst.as_secs_f64() * 1_000.0,
            "lost_revocations": lost.revocations.len(),
            "lost_logins": lost.logins.len(),
        });
        println!("FLEET {figures}");
    }
}

/// From the first login that failed to the next one after the last that did.
fn without_logins(logins: &[(Duration, bool)]) -> Duration {
    let first = logins.iter().position(|(_, worked)| !worked);
    let last = logins.iter().rposition(|(_, worked)| !worked);
    let (Some(first), Some(last)) = (first, last) else {
        return Duration::ZERO;
    };
    let end = logins.get(last + 1).unwrap_or(&logins[last]);
    end.0 - logins[first].0
}
