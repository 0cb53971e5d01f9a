//! How a gateway is started: its configuration, its keys, its ports.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use toml::Table;

use super::app::{self, App};
use super::cli::{self, Outcome, sidgate, sidgate_with};
use super::config::{Ports, merge};
use super::gateway::{Gateway, is_open, status_of};
use super::places::program;
use super::process::{Process, guarded};
use super::secrets;
use super::wait::{LONG, until};

/// Attempts to find ports that nobody takes between the look and the start.
const START_ATTEMPTS: usize = 5;

/// A gateway to be started.
pub struct Builder<'a> {
    app: Option<&'a App>,
    base: Box<dyn Fn(Ports) -> Table>,
    changes: Vec<Table>,
    master: Option<String>,
    environment: Vec<(String, String)>,
    routes_to: Option<String>,
    listens_also: Vec<String>,
    wait: WaitFor,
    first_start: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WaitFor {
    Live,
    Ready,
}

impl<'a> Builder<'a> {
    /// `base` makes the configuration for given ports; `app`, if there is one, is told its key.
    pub(crate) fn new(app: Option<&'a App>, base: Box<dyn Fn(Ports) -> Table>) -> Self {
        Self {
            app,
            base,
            changes: Vec::new(),
            master: None,
            environment: Vec::new(),
            routes_to: None,
            listens_also: Vec::new(),
            wait: WaitFor::Ready,
            first_start: false,
        }
    }

    /// Lays TOML over the configuration.
    pub fn with(mut self, toml: &str) -> Self {
        let table = toml.parse();
        self.changes.push(table.expect("well-formed TOML"));
        self
    }

    /// Uses the master key of another gateway, as nodes of one installation do.
    pub fn master_of(mut self, other: &Gateway) -> Self {
        self.master = Some(other.master());
        self
    }

    /// Sets an environment variable of the process.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends what browsers ask for to another server; the app is only asked who somebody is.
    pub fn routes_to(mut self, server: impl ToString) -> Self {
        self.routes_to = Some(server.to_string());
        self
    }

    /// Listens at this address beside its port.
    pub fn listens_also(mut self, address: &str) -> Self {
        self.listens_also.push(address.to_owned());
        self
    }

    /// Starts in an empty folder, without a key.
    pub fn first_start(mut self) -> Self {
        self.first_start = true;
        self
    }

    /// Does not wait until it is ready, because it is not going to be.
    pub fn not_ready(mut self) -> Self {
        self.wait = WaitFor::Live;
        self
    }

    /// Starts it and tells the app its key.
    pub fn start(self) -> Gateway {
        let folder = self.folder_with_key();
        if let Ok(master) = fs::read_to_string(folder.path().join("master.key")) {
            secrets::keep(&master);
        }
        let (ports, process) = self.start_on_free_ports(&folder);
        let gateway = Gateway {
            process,
            folder,
            ports,
            environment: self.environment,
        };
        if let Some(app) = self.app {
            let key = gateway.upstream_key(app::NAME);
            secrets::keep(&STANDARD.encode(&key));
            app.set_key(key);
        }
        gateway
    }

    /// Starts it where it is expected to refuse, and returns what it says.
    pub fn run_to_the_end(self) -> Outcome {
        let folder = self.folder_with_key();
        self.write_config(folder.path(), Ports::free());
        let config = folder.path().join("sidgate.toml");
        sidgate_with(
            &self.environment,
            folder.path(),
            &["run", "--config", config.to_str().unwrap()],
        )
    }

    fn folder_with_key(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        let master = folder.path().join("master.key");
        match &self.master {
            Some(key) => write_secret(&master, key),
            None if self.first_start => {}
            None => {
                let out = master.to_str().unwrap();
                sidgate(folder.path(), &["keys", "generate", "--out", out]).success();
            }
        }
        folder
    }

    fn start_on_free_ports(&self, folder: &TempDir) -> (Ports, Process) {
        let ready = self.wait == WaitFor::Ready;
        (0..START_ATTEMPTS)
            .find_map(|_| {
                let ports = Ports::free();
                self.write_config(folder.path(), ports);
                let mut process = spawn(folder.path(), &self.environment);
                has_started(&mut process, ports, ready).then_some((ports, process))
            })
            .expect("ports to listen on")
    }

    fn write_config(&self, folder: &Path, ports: Ports) {
        let mut config = (self.base)(ports);
        for change in &self.changes {
            merge(&mut config, change.clone());
        }
        if config.contains_key("sites") {
            // Each site says its own.
            config["server"]
                .as_table_mut()
                .unwrap()
                .remove("public_origin");
        }
        let listen = config["server"]["listen"].as_array_mut().unwrap();
        listen.extend(self.listens_also.iter().map(|at| at.as_str().into()));
        if let Some(server) = &self.routes_to {
            let upstream = format!("[upstreams.other]\nservers = [\"{server}\"]");
            merge(&mut config, upstream.parse().unwrap());
            for route in config["routes"].as_array_mut().unwrap() {
                route["upstream"] = "other".into();
            }
        }
        fs::write(folder.join("sidgate.toml"), config.to_string()).unwrap();
    }
}

/// Writes a file that only its owner can read.
pub fn write_secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;

    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Starts the program with the configuration in `folder`.
pub(crate) fn spawn(folder: &Path, environment: &[(String, String)]) -> Process {
    spawn_program(&program(), folder, environment)
}

/// The same with another file of the program.
pub(crate) fn spawn_program(
    program: &Path,
    folder: &Path,
    environment: &[(String, String)],
) -> Process {
    let mut command = guarded(program);
    command
        .args(["run", "--config"])
        .arg(folder.join("sidgate.toml"));
    cli::clean_environment(&mut command);
    // What is written at this level is looked through for secrets when the test is over.
    command.env("RUST_LOG", "trace");
    command.envs(environment.iter().cloned());
    Process::start("sidgate", &mut command, folder)
}

/// Waits for the gateway; `false` when its ports were taken.
pub(crate) fn has_started(process: &mut Process, ports: Ports, ready: bool) -> bool {
    let path = if ready { "/readyz" } else { "/livez" };
    until(path, LONG, || {
        if let Some(status) = process.ended() {
            let output = process.output();
            let taken = output.contains("in use") || output.contains("AddrInUse");
            assert!(taken, "the gateway ended with {status}:\n{output}");
            return Some(false);
        }
        let status = status_of(ports.admin, path)?;
        (status == 200 && is_open(ports.public)).then_some(true)
    })
}
