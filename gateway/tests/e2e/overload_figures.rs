//! What good clients notice while somebody overloads the gateway, and what is left afterwards: the long forms of
//! `overload.rs`, with figures. Under `make soak`. Catalogue: L01, L03, L06, H01, L15.
//!
//! Nothing is asserted about speed. Good clients are answered, memory comes to rest, and afterwards all is as before.

use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use sidgate_testkit::sids::sealed_sid;
use sidgate_testkit::wait::{instant, until_true};
use sidgate_testkit::{App, Gateway, Request};

/// How long each scenario lasts.
const LASTS: Duration = Duration::from_secs(15);
/// Clients that send at the same time.
const CLIENTS: u64 = 32;

fn is_soak() -> bool {
    std::env::var_os("SIDGATE_SOAK").is_some()
}

/// A gateway, somebody who is logged in, and the lines of the table.
struct Stand {
    gateway: Gateway,
    alice: String,
    before: Seen,
}

/// What a good client saw.
#[derive(Clone, Copy, Default)]
struct Seen {
    p50: Duration,
    p99: Duration,
    asked: usize,
    refused: usize,
    resident: u64,
}

impl Stand {
    fn set(app: &App, config: &str) -> Self {
        let gateway = Gateway::in_front_of(app)
            .with(config)
            .env("RUST_LOG", "warn")
            .start();
        let alice = gateway.log_in("alice@example.com");
        let mut stand = Self {
            gateway,
            alice,
            before: Seen::default(),
        };
        // The first look warms everything up.
        stand.look(Duration::from_secs(1));
        stand.before = stand.look(Duration::from_secs(3));
        stand
    }

    /// Asks one request after the other for so long.
    fn look(&self, lasting: Duration) -> Seen {
        let (mut took, mut refused) = (Vec::new(), 0);
        let request = Request::get("/required").sid(&self.alice);
        let start = instant();
        while start.elapsed() < lasting {
            let asked = instant();
            let status = self.gateway.send(&request).status;
            took.push(asked.elapsed());
            refused += usize::from(status != 200);
            assert!([200, 503].contains(&status), "{status}");
        }
        took.sort();
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
        Seen {
            p50: at(50),
            p99: at(99),
            asked: took.len(),
            refused,
            resident: self.gateway.resident_kib(),
        }
    }

    /// Looks while `overload` goes on, and after it; prints a line of the table.
    fn tell(&self, name: &str, during: Seen) -> Seen {
        until_true("recovery", Duration::from_secs(30), || {
            self.look(Duration::from_secs(1)).refused == 0
        });
        let after = self.look(Duration::from_secs(3));
        let cell = |seen: &Seen| format!("{:.1?} / {:.1?}", seen.p50, seen.p99);
        println!(
            "FIGURES | {name} | {} | {} | {} | {} of {} | {} / {} / {} MiB |",
            cell(&self.before),
            cell(&during),
            cell(&after),
            during.refused,
            during.asked,
            self.before.resident / 1024,
            during.resident / 1024,
            after.resident / 1024
        );
        assert_eq!(after.refused, 0);
        assert!(self.gateway.is_ready());
        after
    }
}

fn open(gateway: &Gateway) -> Option<TcpStream> {
    let stream = TcpStream::connect(gateway.address()).ok()?;
    stream.set_nonblocking(true).ok()?;
    Some(stream)
}

/// 2,000 clients that send their header byte by byte, each anew when it is cut off.
#[test]
fn slow_headers() {
    if !is_soak() {
        return;
    }
    let app = App::start();
    let stand = Stand::set(&app, "[edge]\nheader_timeout = \"5s\"");
    let head = Request::get("/").bytes(&stand.gateway.host());
    let stop = AtomicBool::new(false);
    let during = thread::scope(|scope| {
        scope.spawn(|| {
            let mut slow: Vec<(TcpStream, usize)> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                slow.extend((slow.len()..2_000).filter_map(|_| Some((open(&stand.gateway)?, 0))));
                slow.retain_mut(|(stream, sent)| {
                    let byte = &head[*sent..=*sent];
                    *sent += 1;
                    *sent < 20 && std::io::Write::write(stream, byte).is_ok()
                });
                thread::sleep(Duration::from_millis(500));
            }
        });
        let during = stand.look(LASTS);
        stop.store(true, Ordering::Relaxed);
        during
    });
    assert_eq!(during.refused, 0);
    stand.tell("2,000 slow headers", during);
}

#[test]
fn idle_connections() {
    if !is_soak() {
        return;
    }
    let app = App::start();
    let stand = Stand::set(
        &app,
        "[edge]\nmax_connections = 12000\nheader_timeout = \"60s\"",
    );
    let idle: Vec<TcpStream> = (0..10_000).filter_map(|_| open(&stand.gateway)).collect();
    assert!(idle.len() > 9_000, "only {} could be opened", idle.len());
    let during = stand.look(LASTS);
    assert_eq!(during.refused, 0);
    drop(idle);
    stand.tell("10,000 idle connections", during);
}

/// Forged sids, and genuine ones that stand for nothing, as fast as they go.
#[test]
fn random_sids() {
    if !is_soak() {
        return;
    }
    let app = App::start();
    let stand = Stand::set(&app, "[edge]\nmisses_per_client = \"100000/s\"");
    let (stop, numbers) = (AtomicBool::new(false), AtomicU64::new(0));
    let during = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = numbers.fetch_add(1, Ordering::Relaxed);
                    let sid = if number % 2 == 0 {
                        format!("6d0f1c52-4b1e-4c3a-9d7e-{number:012x}")
                    } else {
                        sealed_sid(&stand.gateway, u32::try_from(number).unwrap_or(0))
                    };
                    let request = Request::get("/required").sid(&sid);
                    assert_eq!(stand.gateway.send(&request).status, 401);
                }
            });
        }
        let during = stand.look(LASTS);
        stop.store(true, Ordering::Relaxed);
        during
    });
    assert_eq!(during.refused, 0);
    println!("FIGURES {} random sids", numbers.load(Ordering::Relaxed));
    let after = stand.tell("random sids", during);
    assert!(after.resident < stand.before.resident * 3, "memory grows");
}

/// Visitors without a session come three times as often as they can be served, whatever becomes of those before them.
#[test]
fn three_times_what_it_can() {
    if !is_soak() {
        return;
    }
    let app = App::start();
    let stand = Stand::set(&app, "[edge]\nmax_requests = 16");
    let capacity = visits(&stand, Duration::from_secs(5), None).served;
    let rate = 3 * capacity / 5;
    let seen = Mutex::new(Seen::default());
    let visits = thread::scope(|scope| {
        scope.spawn(|| *seen.lock().unwrap() = stand.look(LASTS));
        visits(&stand, LASTS, Some(rate))
    });
    println!(
        "FIGURES capacity {} a second; offered {rate} a second: {} served, {} turned away with 503, the rest not sent in time",
        capacity / 5,
        visits.served / LASTS.as_secs(),
        visits.shed / LASTS.as_secs()
    );
    assert!(visits.served > 0, "it does not collapse");
    let during = *seen.lock().unwrap();
    let after = stand.tell("three times its capacity", during);
    assert!(after.resident < stand.before.resident * 3, "memory grows");
}

struct Visits {
    served: u64,
    shed: u64,
}

/// Visits by many clients at once: as fast as they are served, or so many a second in all.
fn visits(stand: &Stand, lasting: Duration, rate: Option<u64>) -> Visits {
    let (served, shed) = (AtomicU64::new(0), AtomicU64::new(0));
    let bytes = Request::get("/app").bytes(&stand.gateway.host());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (served, shed, bytes) = (&served, &shed, &bytes);
            scope.spawn(move || {
                let (start, mut sent) = (instant(), 0);
                let mut connection = stand.gateway.connect();
                while start.elapsed() < lasting {
                    if let Some(rate) = rate {
                        let due =
                            Duration::from_secs_f64((sent * CLIENTS + client) as f64 / rate as f64);
                        thread::sleep(due.saturating_sub(start.elapsed()));
                    }
                    sent += 1;
                    connection.write(bytes);
                    match connection.try_read(false).map(|response| response.status) {
                        Some(200) => served.fetch_add(1, Ordering::Relaxed),
                        Some(503) => shed.fetch_add(1, Ordering::Relaxed),
                        other => {
                            assert_eq!(other, None, "an answer of another kind");
                            connection = stand.gateway.connect();
                            0
                        }
                    };
                }
            });
        }
    });
    Visits {
        served: served.into_inner(),
        shed: shed.into_inner(),
    }
}
