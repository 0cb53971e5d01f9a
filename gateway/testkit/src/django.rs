//! The demo app under gunicorn, behind a gateway that is configured by the demo's own file.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;
use toml::Table;

use super::builder::Builder;
use super::client::Connection;
use super::config::{self, Ports};
use super::gateway::Gateway;
use super::http::{Request, Response};
use super::places::repository;
use super::port::free_port;
use super::process::{Process, guarded};
use super::wait::{LONG, until};

/// The demo behind the gateway.
pub struct Demo {
    // Dropped in this order: nobody asks an app that is gone.
    pub gateway: Gateway,
    _gunicorn: Process,
    _folder: TempDir,
    port: u16,
    config: String,
}

impl Demo {
    /// The demo as it is: SQLite, no Redis.
    pub fn start() -> Self {
        Self::start_on("")
    }

    /// The same with `config` laid over the demo's own. Prepares the app's database, starts gateway and app, and waits until
    /// the app answers.
    pub fn start_on(config: &str) -> Self {
        Self::start_telling(config, "")
    }

    /// The same for an app that sends its events to this URL; empty: they are in its answers.
    pub fn start_telling(config: &str, events_url: &str) -> Self {
        let port = free_port();
        let gateway = node(port, config).start();
        let key = STANDARD.encode(gateway.upstream_key("django"));
        let folder = TempDir::new().unwrap();
        prepare_database(folder.path(), &key);
        let gunicorn = start_gunicorn(folder.path(), (&key, events_url), port);
        let mut demo = Self {
            gateway,
            _gunicorn: gunicorn,
            _folder: folder,
            port,
            config: config.to_owned(),
        };
        demo.wait_for_app();
        demo
    }

    /// A second gateway in front of the same app, with the same configuration and keys.
    pub fn another_node(&self) -> Gateway {
        node(self.port, &self.config)
            .master_of(&self.gateway)
            .start()
    }

    /// Asks the app itself, past the gateway.
    pub fn ask_directly(&self, request: &Request) -> Response {
        let mut connection = Connection::open(([127, 0, 0, 1], self.port).into());
        connection.write(&request.bytes("localhost"));
        connection.read(false)
    }

    fn wait_for_app(&mut self) {
        until("the demo app", LONG, || {
            let ended = self._gunicorn.ended();
            assert!(ended.is_none(), "gunicorn ended: {ended:?}");
            let healthz = self.gateway.send(&Request::get("/healthz"));
            (healthz.status == 200).then_some(())
        });
    }
}

fn node(app: u16, config: &str) -> Builder<'static> {
    Gateway::configured_by(Box::new(move |ports| demo_config(ports, app))).with(config)
}

fn demo_config(ports: Ports, app: u16) -> Table {
    let Ports { public, admin } = ports;
    let file = repository().join("deploy/demo/sidgate.toml");
    let mut config: Table = fs::read_to_string(file).unwrap().parse().unwrap();
    let changes = format!(
        r#"
        [server]
        listen = ["127.0.0.1:{public}"]
        admin_listen = "127.0.0.1:{admin}"
        public_origin = "http://localhost:{public}"
        drain_timeout = "0s"
        [upstreams.django]
        servers = ["127.0.0.1:{app}"]
        "#
    );
    config::merge(&mut config, changes.parse().unwrap());
    without_node(&mut config);
    config
}

/// Gives Django the routes of the Next.js app, as the demo does on a machine without Node.js.
fn without_node(config: &mut Table) {
    for route in config["routes"].as_array_mut().unwrap() {
        if route["upstream"].as_str() == Some("next") {
            route["upstream"] = "django".into();
        }
    }
}

/// A Python that has Django, gunicorn and the client package.
pub fn python() -> PathBuf {
    let named = std::env::var_os("SIDGATE_PYTHON").map(PathBuf::from);
    let python = named.unwrap_or_else(|| repository().join(".venv/bin/python"));
    assert!(
        python.exists(),
        "there is no {}: `make test` makes it, or name a Python with Django in SIDGATE_PYTHON",
        python.display()
    );
    python
}

fn in_demo<'a>(command: &'a mut Command, folder: &Path, key: &str) -> &'a mut Command {
    command
        .current_dir(repository().join("deploy/demo/django"))
        .env("SIDGATE_UPSTREAM_KEY", key)
        .env("DEMO_DB", folder.join("demo.db"))
        .env("PYTHONPATH", repository().join("clients/django/src"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

/// The demo app alone, under gunicorn.
pub struct DjangoApp {
    _gunicorn: Process,
    _folder: TempDir,
    port: u16,
}

/// How the demo app is started.
#[derive(Clone, Debug)]
pub struct DjangoSettings<'a> {
    /// Its key, in base64.
    pub key: &'a str,
    /// Its name below `[upstreams]`.
    pub name: &'a str,
    /// The address that it listens on.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// By how many seconds its clock is ahead.
    pub ahead: u32,
    /// Where it sends events; empty: they are in its answers.
    pub events_url: &'a str,
}

impl DjangoApp {
    /// Prepares its database, starts it, and waits until it listens.
    pub fn start(settings: &DjangoSettings<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        prepare_database(folder.path(), settings.key);
        let mut gunicorn = gunicorn(folder.path(), settings);
        until("the app", LONG, || {
            let ended = gunicorn.ended();
            assert!(ended.is_none(), "gunicorn: {ended:?} {}", gunicorn.output());
            TcpStream::connect((Ipv4Addr::LOCALHOST, settings.port)).ok()
        });
        Self {
            _gunicorn: gunicorn,
            _folder: folder,
            port: settings.port,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

fn prepare_database(folder: &Path, key: &str) {
    let mut command = Command::new(python());
    let setup = in_demo(&mut command, folder, key).args(["manage.py", "demo_setup"]);
    let output = setup.output().unwrap();
    assert!(output.status.success(), "demo_setup: {output:?}");
}

fn start_gunicorn(folder: &Path, (key, events_url): (&str, &str), port: u16) -> Process {
    let settings = DjangoSettings {
        key,
        name: "django",
        host: "127.0.0.1",
        port,
        ahead: 0,
        events_url,
    };
    gunicorn(folder, &settings)
}

fn gunicorn(folder: &Path, settings: &DjangoSettings<'_>) -> Process {
    let mut command = guarded(&python());
    let ahead = settings.ahead;
    in_demo(&mut command, folder, settings.key)
        .env("SIDGATE_UPSTREAM_NAME", settings.name)
        .env("SIDGATE_EVENTS_URL", settings.events_url)
        // As `python -m gunicorn`, with a clock of its own.
        .arg("-c")
        .arg(format!(
            "import sys, time\n\
             now, now_ns = time.time, time.time_ns\n\
             time.time = lambda: now() + {ahead}\n\
             time.time_ns = lambda: now_ns() + {ahead} * 10**9\n\
             from gunicorn.app.wsgiapp import run\n\
             sys.argv[0] = 'gunicorn'\n\
             run()"
        ))
        .arg("demo.wsgi:application")
        .args(["--bind", &format!("{}:{}", settings.host, settings.port)])
        .args(["--threads", "4", "--graceful-timeout", "1"])
        .args(["--worker-tmp-dir"])
        .arg(folder);
    Process::start("gunicorn", &mut command, folder)
}
