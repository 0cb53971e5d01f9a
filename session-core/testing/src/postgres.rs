//! A PostgreSQL server for a test run, and a database for each test.
//!
//! Starting a server takes seconds and making a database tens of milliseconds, and nextest runs each test in a process of
//! its own. So all processes of one run share a server ([`TestPostgres::shared`]): the first one starts it under a file
//! lock, and a shell that watches the runner stops it and removes its files when the runner is gone, however that ended.
//! Under plain `cargo test` a run is one test binary.

#![expect(clippy::expect_used, clippy::panic, reason = "test support")]

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time;
use tokio_postgres::{Client, NoTls};

use super::process::{blocking, clean_up_after, detached, free_port, program, quoted};
use session_core::secret::SecretString;
use session_core::store::SessionStore;
use session_core::store::postgres::{PostgresOptions, PostgresStore};

mod doors;
mod explained;
mod patroni;
mod programs;
mod roles;
mod standby;
mod tap;

pub use self::explained::{Explained, Plans};
use self::programs::{as_server_user, server_programs, server_user};

pub use self::patroni::{Commits, PatroniSettings, TestPatroni, Wire, may_mount};
pub use self::tap::Tap;

/// How long a statement of a test may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The database that others are copied from: empty, with the schema.
const TEMPLATE: &str = "sidgate_template";

/// A PostgreSQL server on a free loopback port.
#[derive(Debug)]
pub struct TestPostgres {
    /// Everything that belongs to it.
    home: PathBuf,
    port: u16,
    /// Whether it ends with this value.
    own: bool,
}

impl TestPostgres {
    /// The server of this test run. It is never stopped; to do that to a server, [`TestPostgres::start`] one.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        let (run, runner) = match std::env::var("NEXTEST_RUN_ID") {
            Ok(run) => (run, parent_id()),
            Err(_) => (std::process::id().to_string(), std::process::id()),
        };
        let home = std::env::temp_dir().join(format!("sidgate-pg-{run}"));
        let lock = home.with_extension("lock");
        let held = File::create(&lock).expect("the lock file can be made");
        held.lock().expect("the lock can be taken");
        let ready = home.join("ready");
        let port = match fs::read_to_string(&ready) {
            Ok(port) => port.parse().expect("the ready file holds a port"),
            Err(_) => {
                let port = create(&home, runner, &format!("rm -f {}", quoted(&lock)));
                make_template(port);
                fs::write(&ready, port.to_string()).expect("the ready file can be written");
                port
            }
        };
        drop(held);
        let own = false;
        Arc::new(Self { home, port, own })
    }

    /// A server that nobody else uses, so that it can be stopped and frozen.
    #[must_use]
    pub fn start() -> Self {
        let home = own_home();
        let port = create(&home, std::process::id(), "true");
        make_template(port);
        let own = true;
        Self { home, port, own }
    }

    /// An empty database with the schema, removed when the value is dropped.
    #[must_use]
    pub fn database(&self) -> TestDatabase {
        self.copy_of(TEMPLATE)
    }

    /// A database without the schema.
    #[must_use]
    pub fn bare_database(&self) -> TestDatabase {
        self.copy_of("template1")
    }

    /// The port, which stays the same over [`TestPostgres::stop`] and [`TestPostgres::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Stops the server as a crash would: connections break, and the port refuses new ones.
    pub fn stop(&self) {
        self.assert_own();
        let stopped = pg_ctl(&self.home, &["stop", "-m", "immediate", "-w"]);
        assert!(stopped, "the server stops");
    }

    /// Starts it again, on the same port, with what was committed.
    pub fn restart(&self) {
        self.assert_own();
        assert!(start_server(&self.home), "the server starts again");
    }

    /// Freezes the server: connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Goes on after [`TestPostgres::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Signals the server and every process of it. Each has a process group of its own, so they are looked up.
    fn signal(&self, signal: Signal) {
        self.assert_own();
        let pid_file = fs::read_to_string(self.home.join("data/postmaster.pid"));
        let pid_file = pid_file.expect("the server runs");
        let server = pid_file.lines().next().expect("its first line is the pid");
        let children = fs::read_to_string(format!("/proc/{server}/task/{server}/children"));
        let children = children.expect("its processes are listed");
        for pid in std::iter::once(server).chain(children.split_whitespace()) {
            let pid = pid.parse().ok().and_then(Pid::from_raw);
            // One may have ended in between.
            let _ = kill_process(pid.expect("a pid is a positive number"), signal);
        }
    }

    fn assert_own(&self) {
        assert!(self.own, "other tests use this server");
    }

    fn copy_of(&self, template: &str) -> TestDatabase {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let sql = format!("CREATE DATABASE {name} TEMPLATE {template}");
        blocking(run(self.port, "postgres", &sql)).expect("a database can be made");
        TestDatabase {
            name,
            port: self.port,
        }
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        if self.own {
            // Frozen processes do not stop. The watching shell removes the files.
            self.signal_if_running(Signal::CONT);
            pg_ctl(&self.home, &["stop", "-m", "immediate", "-w"]);
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

impl TestPostgres {
    fn signal_if_running(&self, signal: Signal) {
        if self.home.join("data/postmaster.pid").exists() {
            self.signal(signal);
        }
    }
}

/// A database of one test.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    port: u16,
}

impl TestDatabase {
    /// `postgres://postgres@127.0.0.1:port/name`.
    #[must_use]
    pub fn url(&self) -> SecretString {
        self.url_as("postgres")
    }

    /// The URL for another role.
    #[must_use]
    pub fn url_as(&self, role: &str) -> SecretString {
        SecretString::new(url(role, self.port, &self.name))
    }

    /// A store on this database.
    #[must_use]
    pub fn store(&self) -> PostgresStore {
        self.store_with(PostgresOptions::default())
    }

    /// A store with other limits.
    #[must_use]
    pub fn store_with(&self, options: PostgresOptions) -> PostgresStore {
        PostgresStore::new(&self.url(), options).expect("the URL is valid")
    }

    /// A connection that is not Sidgate's.
    pub async fn client(&self) -> Client {
        self.client_as("postgres").await
    }

    /// The same as another role.
    pub async fn client_as(&self, role: &str) -> Client {
        let client = connected(role, self.port, &self.name).await;
        client.expect("the server answers")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // Best effort: the server may be stopped or frozen by now, and all its files go in the end.
        let _ = blocking(run(self.port, "postgres", &sql));
    }
}

fn url(role: &str, port: u16, database: &str) -> String {
    format!("postgres://{role}@127.0.0.1:{port}/{database}?sslmode=disable")
}

async fn run(port: u16, database: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let done = async {
        let client = connected("postgres", port, database).await?;
        client.batch_execute(sql).await
    };
    time::timeout(PATIENCE, done).await.unwrap_or(Ok(()))
}

async fn connected(role: &str, port: u16, database: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(&url(role, port, database), NoTls).await?;
    tokio::runtime::Handle::current().spawn(connection);
    Ok(client)
}

fn make_template(port: u16) {
    let create = format!("CREATE DATABASE {TEMPLATE}");
    blocking(run(port, "postgres", &create)).expect("the template can be made");
    apply_schema(port, TEMPLATE);
}

fn apply_schema(port: u16, database: &str) {
    blocking(async {
        let url = SecretString::new(url("postgres", port, database));
        let store = PostgresStore::new(&url, PostgresOptions::default()).expect("the URL is valid");
        store.apply_schema().await.expect("the schema applies");
    });
}

/// Where a server lives that nobody else uses.
fn own_home() -> PathBuf {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let number = STARTED.fetch_add(1, Ordering::Relaxed);
    let me = std::process::id();
    std::env::temp_dir().join(format!("sidgate-pg-{me}-{number}"))
}

/// Makes and starts a server in `home`.
fn create(home: &Path, owner: u32, also: &str) -> u16 {
    prepare_home(home, owner, also);
    let init = [
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--auth=trust",
        "--no-locale",
        "--no-sync",
    ];
    let made = server_command(home, "initdb", &init).status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "initdb works; is PostgreSQL installed?"
    );
    start_on_free_port(home)
}

/// Makes `home`. When `owner` is gone, or `home` is, a shell stops the server in it, removes `home` and runs `also`.
fn prepare_home(home: &Path, owner: u32, also: &str) {
    // Left by a process that died half-way.
    let _ = fs::remove_dir_all(home);
    fs::create_dir(home).expect("the directory can be made");
    let private = fs::Permissions::from_mode(0o700);
    fs::set_permissions(home, private).expect("the directory can be closed");
    if let Some((uid, gid)) = server_user() {
        std::os::unix::fs::chown(home, Some(uid), Some(gid)).expect("the directory can be given");
    }
    let stop = server_command(home, "pg_ctl", &["stop", "-m", "immediate", "-w"]);
    let stop = std::iter::once(stop.get_program()).chain(stop.get_args());
    let stop: Vec<String> = stop.map(|word| quoted(Path::new(word))).collect();
    clean_up_after(
        owner,
        &format!("[ -d {} ]", quoted(home)),
        &format!(
            "cd /; {} >/dev/null 2>&1; rm -rf {}; {also}",
            stop.join(" "),
            quoted(home)
        ),
    );
}

fn start_on_free_port(home: &Path) -> u16 {
    let config = home.join("data/postgresql.conf");
    let given = fs::read_to_string(&config).expect("initdb wrote the configuration");
    for _ in 0..5 {
        let port = free_port();
        let settings = format!(
            "{given}\nport = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{}'\n\
             max_connections = 200\nshared_buffers = 32MB\nfsync = off\nfull_page_writes = off\n",
            home.display()
        );
        fs::write(&config, settings).expect("the configuration can be written");
        if start_server(home) {
            return port;
        }
    }
    panic!("PostgreSQL does not start, see {}/log", home.display());
}

fn start_server(home: &Path) -> bool {
    let log = home.join("log");
    let log = log.to_str().expect("the path is UTF-8");
    pg_ctl(home, &["start", "-w", "-t", "30", "-l", log])
}

fn pg_ctl(home: &Path, arguments: &[&str]) -> bool {
    let status = server_command(home, "pg_ctl", arguments).status();
    status.is_ok_and(|status| status.success())
}

/// A program of PostgreSQL on the server's data, as the user that it runs as: it refuses to run as root.
fn server_command(home: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut command = as_server_user(&program(name, &server_programs()));
    command.arg("-D").arg(home.join("data")).args(arguments);
    command.current_dir(home);
    detached(&mut command).stderr(Stdio::null());
    command
}
