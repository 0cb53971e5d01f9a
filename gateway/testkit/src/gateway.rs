//! The gateway: the real program, with a configuration of its own, on ports of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use toml::Table;

use super::app::{self, App};
use super::audit::events_in;
use super::builder::{Builder, has_started, spawn, spawn_program};
use super::cli;
use super::client::Connection;
use super::config::{self, Ports};
use super::http::{Request, Response};
use super::metrics::Metrics;
use super::places::program;
use super::process::Process;
use super::secrets;
use super::wait::{LONG, settled, until, until_true};

/// Where the login endpoint is.
pub const SESSION: &str = "/api/auth/session-v2";

/// A running gateway.
pub struct Gateway {
    pub(crate) process: Process,
    pub(crate) folder: TempDir,
    pub(crate) ports: Ports,
    pub(crate) environment: Vec<(String, String)>,
}

impl Gateway {
    /// A gateway in front of `app`.
    pub fn in_front_of(app: &App) -> Builder<'_> {
        let address = app.address();
        let base = Box::new(move |ports| config::defaults(ports, address));
        Builder::new(Some(app), base)
    }

    /// A gateway with a configuration of its own.
    pub fn configured_by(base: Box<dyn Fn(Ports) -> Table>) -> Builder<'static> {
        Builder::new(None, base)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder().join("sidgate.toml")
    }

    pub fn public_port(&self) -> u16 {
        self.ports.public
    }

    /// Where its public listener is.
    pub fn address(&self) -> SocketAddr {
        loopback(self.ports.public)
    }

    /// Where its admin listener is.
    pub fn admin_address(&self) -> SocketAddr {
        loopback(self.ports.admin)
    }

    /// Host and port as browsers write them.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.ports.public)
    }

    /// The origin of pages served here.
    pub fn origin(&self) -> String {
        format!("http://{}", self.host())
    }

    /// A connection to the public listener.
    pub fn connect(&self) -> Connection {
        Connection::open(loopback(self.ports.public))
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, request: &Request) -> Response {
        let mut connection = self.connect();
        connection.write(&request.bytes(&self.host()));
        connection.read(request.is_head())
    }

    /// Opens a page without a cookie.
    pub fn get(&self, path: &str) -> Response {
        self.send(&Request::get(path))
    }

    /// Opens a page with this session.
    pub fn get_as(&self, sid: &str, path: &str) -> Response {
        self.send(&Request::get(path).sid(sid))
    }

    /// Sends bytes as they are on a connection of their own, and waits until the gateway closes it.
    pub fn send_refused(&self, bytes: &[u8]) -> Response {
        let mut connection = self.connect();
        connection.write(bytes);
        let response = connection.read(false);
        let rest = connection.read_to_end();
        assert!(rest.is_empty(), "more than one answer: {rest:?}");
        response
    }

    /// Asks the admin listener.
    pub fn admin(&self, path: &str) -> Response {
        self.send_to_admin(&Request::get(path))
    }

    /// Sends a request to the admin listener.
    pub fn send_to_admin(&self, request: &Request) -> Response {
        ask(self.ports.admin, request)
    }

    /// What everybody on the machine sees of it.
    pub fn command_line(&self) -> String {
        self.process.command_line()
    }

    /// Memory that it holds, in KiB.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    /// Threads of the process.
    pub fn threads(&self) -> usize {
        self.process.threads()
    }

    pub fn metrics(&self) -> Metrics {
        let response = self.admin("/metrics").must_be(200);
        secrets::must_not_be_in(&response.text(), "the metrics");
        Metrics::parse(&response.text())
    }

    /// The sum over the series of `name` that have all of `labels`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.metrics().sum(name, labels)
    }

    /// One of the figures of the core.
    pub fn core(&self, what: &str) -> f64 {
        self.sum("sidgate_core_total", &[("what", what)])
    }

    /// The security events that it has written to its log.
    /// The security events so far. A line may come a moment after the answer, so this waits until no more come.
    pub fn security_events(&self) -> Vec<Value> {
        events_in(&settled(|| self.stdout()))
    }

    pub fn is_ready(&self) -> bool {
        self.admin("/readyz").status == 200
    }

    pub fn wait_until_ready(&self) {
        until_true("readiness", LONG, || self.is_ready());
    }

    /// The bytes of the key that it shares with `upstream`, by its own command.
    pub fn upstream_key(&self, upstream: &str) -> Vec<u8> {
        let config = self.config_file();
        let arguments = ["keys", "upstream", upstream, "--config"];
        let arguments = [&arguments[..], &[config.to_str().unwrap()]].concat();
        let outcome = cli::sidgate_with(&self.environment, self.folder(), &arguments);
        let printed = outcome.success();
        STANDARD.decode(printed.trim()).expect("base64")
    }

    /// The master key as its file has it.
    pub fn master(&self) -> String {
        fs::read_to_string(self.folder().join("master.key")).unwrap()
    }

    /// Sends a login with the right password.
    pub fn try_login(&self, email: &str) -> Response {
        self.send(&login(email, app::PASSWORD))
    }

    /// Logs in and returns the sid.
    pub fn log_in(&self, email: &str) -> String {
        self.try_login(email).must_be(201).new_sid()
    }

    /// Ends this session, as its browser does.
    pub fn log_out(&self, sid: &str) -> Response {
        self.send(&Request::delete(SESSION).sid(sid))
    }

    /// What `GET session-v2` says.
    pub fn session_of(&self, sid: &str) -> Value {
        self.get_as(sid, SESSION).must_be(200).json()
    }

    /// The id of the session of this sid, as its user may know it.
    pub fn id_of(&self, sid: &str) -> String {
        let view = self.session_of(sid);
        view["session"]["id"].as_str().expect("an id").to_owned()
    }

    /// Whether it knows that this sid is a session, or that it is none.
    pub fn knows(&self, sid: &str) -> bool {
        self.session_of(sid)["authenticated"] == true
    }

    pub fn stdout(&self) -> String {
        self.process.stdout()
    }

    pub fn output(&self) -> String {
        self.process.output()
    }

    pub fn signal(&self, signal: Signal) {
        self.process.signal(signal);
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.process.ended().is_some()
    }

    /// Asks it to stop and waits for that.
    pub fn stop(&mut self) -> ExitStatus {
        self.process.stop()
    }

    /// Has another process take its place, as `docs/operations.md` says, and returns how the old one ended.
    pub fn hand_over(&mut self) -> ExitStatus {
        self.signal(Signal::QUIT);
        self.follow()
    }

    /// Follows it to the process that takes its place, and returns how the old one ended.
    pub fn follow(&mut self) -> ExitStatus {
        let old = self.pid();
        let next = until("the next process", LONG, || {
            let output = self.process.stdout();
            successors(&output).last().filter(|next| *next != old)
        });
        let next = self.process.succeeded_by(next);
        let mut last = std::mem::replace(&mut self.process, next);
        until("the old process to end", LONG, || last.ended())
    }

    /// Changes files while it is stopped: `change` gets the folder and the configuration's text, and returns the new text.
    pub fn reconfigure(&self, change: impl FnOnce(&Path, String) -> String) {
        let file = self.config_file();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, change(self.folder(), text)).unwrap();
    }

    /// Starts it again on the same ports with the same files.
    pub fn start_again(&mut self) {
        self.start_again_from(&program());
    }

    /// The same with another file of the program.
    pub fn start_again_from(&mut self, program: &Path) {
        self.process = spawn_program(program, self.folder.path(), &self.environment);
        let started = has_started(&mut self.process, self.ports, true);
        assert!(started, "somebody took the ports meanwhile");
    }

    /// The same, and waits for no more than a port that is open.
    pub fn start_again_at_once(&mut self) {
        self.process = spawn(self.folder.path(), &self.environment);
        until("an open port", LONG, || {
            is_open(self.ports.public).then_some(())
        });
    }
}

/// A login by JSON.
pub fn login(email: &str, password: &str) -> Request {
    Request::post(SESSION).json(&json!({"email": email, "password": password}))
}

/// The numbers of the processes that have taken the place of another, by their log.
pub fn successors(log: &str) -> impl Iterator<Item = u32> {
    let lines = log.lines().filter(|line| line.contains("\"upgraded: "));
    let lines = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| u32::try_from(line["pid"].as_u64()?).ok())
}

/// Whether somebody listens.
pub fn is_open(port: u16) -> bool {
    std::net::TcpStream::connect(loopback(port)).is_ok()
}

/// Asks what listens on a loopback port.
pub(crate) fn ask(port: u16, request: &Request) -> Response {
    let mut connection = Connection::open(loopback(port));
    connection.write(&request.bytes(&format!("localhost:{port}")));
    connection.read(request.is_head())
}

/// The status of what listens on a loopback port. `None`: nobody, or a gateway that only looks whether the port is free.
pub(crate) fn status_of(port: u16, path: &str) -> Option<u16> {
    let mut connection = Connection::try_open(loopback(port)).ok()?;
    connection.write(&Request::get(path).bytes(&format!("localhost:{port}")));
    connection.try_read(false).map(|response| response.status)
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
