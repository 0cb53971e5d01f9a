//! The certificate of the TLS listener, renewed while the gateway runs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use sidgate_testkit::builder::write_secret;
use sidgate_testkit::port::free_port;
use sidgate_testkit::tls_connection::{TlsConnection, certificate_in};
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, tls};

/// A gateway whose certificate lies in its own folder, behind `certs/`.
struct Stage {
    _app: App,
    gateway: Gateway,
    port: u16,
}

/// The files of the first certificate, and of the one that takes its place.
fn first() -> (PathBuf, PathBuf) {
    tls::files()
}

fn second() -> (PathBuf, PathBuf) {
    tls::renewed()
}

impl Stage {
    fn with(check_every: &str, config: &str) -> Self {
        let app = App::start();
        let port = free_port();
        let place = tempfile::tempdir().unwrap().keep();
        put(&place, &first());
        let gateway = Gateway::in_front_of(&app)
            .with(&format!(
                r#"
                [server]
                public_origin = "https://localhost:{port}"
                [server.tls]
                listen = ["127.0.0.1:{port}"]
                cert = "{place}/live/cert.pem"
                key = "{place}/live/key.pem"
                check_every = "{check_every}"
                "#,
                place = place.display()
            ))
            .with(config)
            .start();
        Self {
            _app: app,
            gateway,
            port,
        }
    }

    fn place(&self) -> PathBuf {
        let config = fs::read_to_string(self.gateway.config_file()).unwrap();
        let path = config.split("cert = \"").nth(1).unwrap();
        let path = path.split("/live/").next().unwrap();
        PathBuf::from(path)
    }

    fn connect(&self) -> TlsConnection {
        TlsConnection::open(self.port).expect("a handshake")
    }

    fn shows(&self, files: &(PathBuf, PathBuf)) -> bool {
        self.connect().shown == certificate_in(&files.0)
    }

    fn get(&self) -> Vec<u8> {
        Request::get("/").bytes(&format!("localhost:{}", self.port))
    }

    fn hang_up(&self) {
        self.gateway.signal(Signal::HUP);
    }

    fn log_holds(&self, words: &str) {
        until_true(words, LONG, || self.gateway.stdout().contains(words));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _left = fs::remove_dir_all(self.place());
    }
}

/// Puts a pair in a folder of its own and lets `live` point there, as certbot and Kubernetes do.
fn put(place: &Path, (cert, key): &(PathBuf, PathBuf)) {
    let version = tempfile::tempdir_in(place).unwrap().keep();
    fs::copy(cert, version.join("cert.pem")).unwrap();
    write_secret(&version.join("key.pem"), &fs::read_to_string(key).unwrap());
    let next = place.join("next");
    symlink(&version, &next).unwrap();
    fs::rename(next, place.join("live")).unwrap();
}

#[test]
fn renewed_certificate_is_taken_at_hangup_and_open_connections_live_on() {
    let stage = Stage::with("1d", "");
    let mut before = stage.connect();
    assert_eq!(before.shown, certificate_in(&first().0));
    assert_eq!(before.ask(&stage.get()).unwrap(), 200);
    stage.log_holds("certificate in use");

    put(&stage.place(), &second());
    assert!(stage.shows(&first()), "nobody has looked");
    stage.hang_up();

    until_true("the other certificate", LONG, || stage.shows(&second()));
    assert_eq!(before.ask(&stage.get()).unwrap(), 200);
    let mut after = stage.connect();
    assert_eq!(after.ask(&stage.get()).unwrap(), 200);
    let log = stage.gateway.stdout();
    let line = log
        .lines()
        .find(|line| line.contains("certificate renewed"));
    let line = line.expect("a line");
    assert!(line.contains("renewed.test"), "{line}");
    assert!(line.contains("2126-11-05T"), "{line}");
    let ends = |stage: &Stage| {
        stage
            .gateway
            .sum("sidgate_tls_certificate_not_after_seconds", &[])
    };
    assert!(ends(&stage) > 4_949_093_741.0, "not the end of the first");
    let taken = [("result", "taken")];
    let name = "sidgate_tls_certificate_renewals_total";
    assert_eq!(stage.gateway.sum(name, &taken), 1.0);
}

#[test]
fn renewed_certificate_is_found_without_a_signal() {
    let stage = Stage::with("1d", "");
    // The pause that has begun is cut short, too.
    let shorter = |text: String| text.replace("\"1d\"", "\"1s\"");
    stage.gateway.reconfigure(|_, text| shorter(text));
    stage.hang_up();
    stage.log_holds("configuration reloaded");
    put(&stage.place(), &second());
    until_true("the other certificate", LONG, || stage.shows(&second()));

    // Written in place, the certificate first and the key a while later.
    let live = stage.place().join("live");
    fs::copy(first().0, live.join("cert.pem")).unwrap();
    stage.log_holds("certificate not renewed");
    assert!(stage.shows(&second()), "half a pair is none");
    fs::copy(first().1, live.join("key.pem")).unwrap();
    until_true("the first certificate", LONG, || stage.shows(&first()));

    // Renamed over, the key first.
    fs::copy(second().1, live.join("new.key")).unwrap();
    fs::copy(second().0, live.join("new.pem")).unwrap();
    write_secret(
        &live.join("new.key"),
        &fs::read_to_string(second().1).unwrap(),
    );
    fs::rename(live.join("new.key"), live.join("key.pem")).unwrap();
    fs::rename(live.join("new.pem"), live.join("cert.pem")).unwrap();
    until_true("the other certificate", LONG, || stage.shows(&second()));
}

#[test]
fn files_that_are_no_pair_change_nothing_and_the_rest_of_the_reload_goes_on() {
    let stage = Stage::with("1d", "");
    let live = stage.place().join("live");
    let (cert, key) = (live.join("cert.pem"), live.join("key.pem"));
    let good = fs::read_to_string(&cert).unwrap();
    let route = |nth: usize| format!("/new{nth}");
    for (nth, (break_it, words)) in [
        (
            Box::new(|| fs::write(&cert, "").unwrap()) as Box<dyn Fn()>,
            "is empty",
        ),
        (
            Box::new(|| fs::write(&cert, &good[..200]).unwrap()),
            "holds no certificate",
        ),
        (
            Box::new(|| {
                fs::copy(second().0, &cert).unwrap();
            }),
            "KeyMismatch",
        ),
        (
            Box::new(|| fs::remove_file(&cert).unwrap()),
            "cannot be opened",
        ),
        (
            Box::new(|| {
                fs::write(&cert, &good).unwrap();
                let locked = second().1.with_file_name("locked.key");
                fs::write(&key, fs::read_to_string(locked).unwrap()).unwrap();
            }),
            "is encrypted; decrypt it",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        break_it();
        stage.gateway.reconfigure(|_, text| {
            let path = route(nth);
            format!(
                "{text}\n[[routes]]\npath = {path:?}\nupstream = \"app\"\nsession = \"required\"\n"
            )
        });
        let done = |stage: &Stage| {
            stage
                .gateway
                .stdout()
                .matches("configuration reloaded")
                .count()
        };
        stage.hang_up();
        until_true("the reload", LONG, || done(&stage) == nth + 1);
        until_true(words, LONG, || {
            let log = stage.gateway.stdout();
            let mut lines = log.lines();
            lines.any(|line| line.contains("certificate not renewed") && line.contains(words))
        });
        let page = Request::get(&route(nth)).bytes(&format!("localhost:{}", stage.port));
        let mut connection = stage.connect();
        assert_eq!(connection.ask(&page).unwrap(), 401, "the new route");
        assert_eq!(connection.shown, certificate_in(&first().0), "{words}");
    }
    let refused = [("result", "refused")];
    let name = "sidgate_tls_certificate_renewals_total";
    assert_eq!(stage.gateway.sum(name, &refused), 5.0);
}

#[test]
fn the_paths_of_the_files_reload_and_a_bad_pair_at_other_paths_is_a_fault() {
    let stage = Stage::with("1d", "");
    let other = stage.place().join("other");
    fs::create_dir(&other).unwrap();
    fs::copy(second().0, other.join("cert.pem")).unwrap();
    write_secret(&other.join("key.pem"), "no key");
    stage
        .gateway
        .reconfigure(|_, text| text.replace("/live/", "/other/"));
    stage.hang_up();
    stage.log_holds("configuration not reloaded");
    assert!(stage.shows(&first()));

    write_secret(
        &other.join("key.pem"),
        &fs::read_to_string(second().1).unwrap(),
    );
    stage.hang_up();
    until_true("the other certificate", LONG, || stage.shows(&second()));
    stage
        .gateway
        .reconfigure(|_, text| text.replace("/other/", "/live/"));
}

/// Whoever connects during a renewal is shown the one certificate or the other, by somebody who has its key.
#[test]
fn a_thousand_handshakes_during_renewals_never_fail() {
    let stage = Stage::with("1s", "");
    let known = [first(), second()].map(|files| certificate_in(&files.0));
    let done = Arc::new(AtomicBool::new(false));
    let port = stage.port;
    let visitors: Vec<_> = (0..2)
        .map(|_| {
            let (done, known) = (Arc::clone(&done), known.clone());
            std::thread::spawn(move || {
                let (mut handshakes, mut seen) = (0, [false; 2]);
                while !done.load(Ordering::Relaxed) || handshakes < 500 {
                    let shown = TlsConnection::open(port).expect("a handshake").shown;
                    let at = known.iter().position(|known| *known == shown);
                    seen[at.expect("one of the two")] = true;
                    handshakes += 1;
                }
                seen
            })
        })
        .collect();
    let renewals = |stage: &Stage| {
        let name = "sidgate_tls_certificate_renewals_total";
        stage.gateway.sum(name, &[("result", "taken")])
    };
    for round in 1_u32..=10 {
        let files = if round % 2 == 1 { second() } else { first() };
        put(&stage.place(), &files);
        stage.hang_up();
        until_true("the renewal", LONG, || renewals(&stage) >= f64::from(round));
    }
    done.store(true, Ordering::Relaxed);
    for visitor in visitors {
        assert_eq!(visitor.join().unwrap(), [true; 2], "both were seen");
    }
}
