//! Visitors who come, look at their devices, and leave, at one node after the other, whatever happens behind them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::{Gateway, Request, SESSION, login};

use super::fleet::{Fleet, Node};
use crate::harness::Session;
use crate::harness::history::History;
use crate::harness::traffic::Watch;

/// Between two steps of a visit.
const PAUSE: Duration = Duration::from_millis(100);
/// For how long an ended session is still asked for at every node.
const WATCHED_AFTER: Duration = Duration::from_secs(4);
const DEVICES: &str = "/api/auth/sessions";

/// Where the sessions of visitors are, when all of them have gone.
#[derive(Default)]
pub(super) struct Visited {
    /// Those that have ended, by an answer that said so.
    pub(super) ended: Vec<Session>,
    /// Begin of each login and whether it worked.
    pub(super) logins: Vec<(Duration, bool)>,
}

/// Visits until it is stopped.
pub(super) struct Visitors {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Visited>,
}

/// How a session is to end.
#[derive(Clone)]
enum Way {
    Logout,
    /// With every other one of the user.
    Everywhere,
    /// By another device of the same user.
    Device(Session),
}

impl Visitors {
    pub(super) fn start(fleet: &Fleet, history: &Arc<History>, watch: Watch) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let mut visits = Visits {
            nodes: Arc::clone(&fleet.nodes),
            history: Arc::clone(history),
            watch,
            // More than anybody makes.
            next: fleet.numbers(100_000),
            turn: 0,
            unended: VecDeque::new(),
            watched: VecDeque::new(),
            visited: Visited::default(),
        };
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                visits.visit();
            }
            visits.finish()
        });
        Self { stop, thread }
    }

    /// Waits until everybody has left.
    pub(super) fn stop(self) -> Visited {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("no visitor has failed")
    }
}

struct Visits {
    nodes: Arc<Vec<Node>>,
    history: Arc<History>,
    watch: Watch,
    next: usize,
    turn: usize,
    /// Those of whose end nobody knows.
    unended: VecDeque<(Session, Way)>,
    watched: VecDeque<(Duration, Session)>,
    visited: Visited,
}

impl Visits {
    fn node(&mut self) -> usize {
        self.turn += 1;
        self.turn % self.nodes.len()
    }

    fn gateway(&mut self) -> &Gateway {
        let node = self.node();
        &self.nodes[node].gateway
    }

    /// Somebody with two devices ends the one by the other, and that one in one of two ways.
    fn visit(&mut self) {
        let name = format!("visitor{}@example.com", self.next);
        let phone = self.log_in(&name);
        thread::sleep(PAUSE);
        let laptop = self.log_in(&name);
        thread::sleep(PAUSE);
        if let (Some(phone), Some(laptop)) = (&phone, &laptop) {
            self.look_at_devices(laptop);
            self.end(phone, Way::Device(laptop.clone()));
            thread::sleep(PAUSE);
        } else if let Some(phone) = &phone {
            self.end(phone, Way::Logout);
        }
        if let Some(laptop) = &laptop {
            let way = if self.next.is_multiple_of(4) {
                Way::Everywhere
            } else {
                Way::Logout
            };
            self.end(laptop, way);
        }
        self.once_more();
        self.leave_alone();
    }

    fn log_in(&mut self, name: &str) -> Option<Session> {
        let begin = self.history.now();
        let answer = self.gateway().send(&login(name, PASSWORD));
        self.visited.logins.push((begin, answer.status == 201));
        match answer.status {
            201 => {}
            503 => return None,
            other => {
                self.history.complain(&[], format!("a login got {other}"));
                return None;
            }
        }
        let handle = answer.json()["session"]["id"].as_str().map(str::to_owned);
        let index = self.next;
        self.next += 1;
        let session = Session {
            index,
            sid: answer.new_sid(),
            handle: handle.expect("a handle"),
        };
        self.watch.watch(&session);
        Some(session)
    }

    fn look_at_devices(&mut self, session: &Session) {
        let list = Request::get(DEVICES).sid(&session.sid);
        let answer = self.gateway().send(&list);
        if !matches!(answer.status, 200 | 503) {
            let said = format!("a list of devices got {}", answer.status);
            self.history.complain(&[session], said);
        }
    }

    /// Ends a session, now or later.
    fn end(&mut self, session: &Session, way: Way) {
        let gateway = self.node();
        let gateway = &self.nodes[gateway].gateway;
        let (request, by) = match &way {
            Way::Logout => (Request::delete(SESSION), session),
            Way::Everywhere => (Request::delete(&format!("{DEVICES}?scope=all")), session),
            Way::Device(by) => {
                let one = format!("{DEVICES}/{}", session.handle);
                (Request::delete(&one), by)
            }
        };
        let request = request.sid(&by.sid);
        let mut answered = 0;
        let ended = self.history.asked_to_end(session, || {
            answered = gateway.send(&request).status;
            matches!(answered, 200 | 204)
        });
        if ended {
            let now = self.history.now();
            self.visited.ended.push(session.clone());
            self.watched.push_back((now, session.clone()));
            return;
        }
        // By itself from now on: the other device may be gone by then.
        self.unended.push_back((session.clone(), Way::Logout));
        if answered != 503 {
            let said = format!("the end of session {} got {answered}", session.index);
            self.history.complain(&[session, by], said);
        }
    }

    /// Tries once more to end what may not have ended.
    fn once_more(&mut self) {
        if let Some((session, way)) = self.unended.pop_front() {
            self.end(&session, way);
        }
    }

    /// Asks no more for those that ended long ago.
    fn leave_alone(&mut self) {
        let now = self.history.now();
        while let Some((ended, _)) = self.watched.front()
            && now.saturating_sub(*ended) > WATCHED_AFTER
        {
            if let Some((_, session)) = self.watched.pop_front() {
                self.watch.forget(&session);
            }
        }
    }

    /// Ends everything.
    fn finish(mut self) -> Visited {
        for _ in 0..1_000 {
            if self.unended.is_empty() {
                break;
            }
            self.once_more();
            thread::sleep(PAUSE / 10);
        }
        assert!(self.unended.is_empty(), "sessions that never end");
        for (_, session) in &self.watched {
            self.watch.forget(session);
        }
        self.visited
    }
}
