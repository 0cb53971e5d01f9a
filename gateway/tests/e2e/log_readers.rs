//! What becomes of the log when whoever reads it is slow, stops, or goes away.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::process::{Child, ExitStatus, Stdio};
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sidgate_testkit::gateway::is_open;
use sidgate_testkit::places::program;
use sidgate_testkit::process::guarded;
use sidgate_testkit::wait::{LONG, until, until_true};
use sidgate_testkit::{Gateway, Request, Stage};

/// A gateway whose stdout is a pipe.
struct Piped {
    /// An app, and the configuration that the gateway runs with.
    stage: Stage,
    process: Child,
}

impl Piped {
    fn start(level: &str) -> Self {
        let mut stage = Stage::start();
        stage.stop();
        let mut command = guarded(&program());
        command
            .args(["run", "--config"])
            .arg(stage.config_file())
            .env("RUST_LOG", level)
            .stdout(Stdio::piped());
        let process = command.spawn().unwrap();
        until_true("a listener", LONG, || is_open(stage.public_port()));
        stage.wait_until_ready();
        Self { stage, process }
    }

    /// Lines of the log that nobody will read, as they are counted.
    fn lost(&self) -> f64 {
        let log = [("stream", "log")];
        self.stage.sum("sidgate_log_lines_lost_total", &log)
    }

    fn end(&mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        until("its end", LONG, || self.process.try_wait().unwrap())
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        // Fails only if it has ended.
        let _ended = self.process.kill();
        self.process.wait().unwrap();
    }
}

/// Asks for a page with a long name, one request after the other on a connection of their own. The ids of the requests.
fn ask(gateway: &Gateway, times: usize) -> Vec<String> {
    let page = Request::get(&format!("/{}", "page".repeat(125))).bytes(&gateway.host());
    let mut connection = gateway.connect();
    let asked = (0..times).map(|_| {
        connection.write(&page);
        let answer = connection.read(false).must_be(200);
        answer.header("x-request-id").expect("an id").to_owned()
    });
    asked.collect()
}

/// Requests do not wait for the reader, and the process ends when it is told to.
#[test]
fn a_log_that_nobody_reads_holds_no_request_up() {
    let mut gateway = Piped::start("trace");

    until_true("lines that nobody takes", 3 * LONG, || {
        ask(&gateway.stage, 500);
        gateway.lost() > 0.0
    });

    gateway.end();
}

/// Every request is either in the log or counted as missing from it, and those that are there have kept their order.
#[test]
fn lines_that_a_reader_has_missed_are_counted_one_by_one() {
    let mut gateway = Piped::start("info");
    let mut asked = vec![];
    until_true("lines that nobody takes", 3 * LONG, || {
        asked.extend(ask(&gateway.stage, 500));
        gateway.lost() > 0.0
    });
    // It reads again.
    let mut stdout = gateway.process.stdout.take().unwrap();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).unwrap();
        text
    });
    let lost = gateway.lost();
    gateway.end();

    let text = reader.join().unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    let written: Vec<_> = lines
        .iter()
        .filter(|line| line["target"] == "sidgate::access")
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    let there: BTreeSet<_> = written.iter().copied().collect();
    let missing = asked.iter().filter(|id| !there.contains(id.as_str()));
    assert_eq!(missing.count() as f64, lost, "lost, as it was counted");
    let expected = asked.iter().filter(|id| there.contains(id.as_str()));
    assert!(expected.eq(&written), "in the order of the requests");
    assert_eq!(lines.last().unwrap()["message"], "stopped");
}

#[test]
fn a_reader_that_goes_away_stops_nothing_and_every_line_is_counted() {
    let mut gateway = Piped::start("info");
    ask(&gateway.stage, 1);
    drop(gateway.process.stdout.take());

    ask(&gateway.stage, 10);

    // Of the first one it is unknown whether it was still written.
    until_true("the lines", LONG, || gateway.lost() >= 10.0);
    assert!(gateway.lost() <= 11.0);
    gateway.end();
}

/// The lines of requests follow `RUST_LOG` as all others do.
#[test]
fn the_lines_of_requests_can_be_left_out() {
    for (level, lines) in [
        ("info,sidgate::access=off", 0),
        ("warn", 0),
        ("off", 0),
        ("off,sidgate::access=info", 3),
        ("info", 3),
    ] {
        let mut stage = Stage::built(|it| it.env("RUST_LOG", level));
        for _ in 0..3 {
            stage.get("/page");
        }
        stage.stop();

        let log = stage.stdout();
        let written = log.lines().filter(|line| line.contains("sidgate::access"));
        assert_eq!(written.count(), lines, "{level}: {log}");
    }
}
