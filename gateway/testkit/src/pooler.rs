//! PgBouncer in front of a PostgreSQL.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::port::free_port;
use super::process::{Process, guarded};
use super::wait::{LONG, until_true};

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// For how long a client keeps a connection to the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As long as its own.
    Session,
    /// For one transaction.
    Transaction,
}

/// What a pooler is told.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub mode: Mode,
    /// Connections to a database.
    pub pool: u32,
    /// Connections of clients.
    pub clients: u32,
    /// Seconds after which a connection to a database is closed when nobody has it.
    pub lifetime: u32,
    /// Run when a client has left a connection to a database.
    pub reset: &'static str,
    /// Prepared statements that it looks after in transaction mode, where it can.
    pub prepared: u32,
}

impl Settings {
    pub const SESSION: Self = Self {
        mode: Mode::Session,
        pool: 30,
        clients: 200,
        lifetime: 3_600,
        reset: "DISCARD ALL",
        prepared: 0,
    };
    /// Everybody shares a single connection, so that it is always the same one.
    pub const TRANSACTION: Self = Self {
        mode: Mode::Transaction,
        pool: 1,
        ..Self::SESSION
    };
}

/// Ends with this value.
pub struct Pooler {
    process: Process,
    folder: TempDir,
    server: u16,
    port: u16,
}

impl Pooler {
    /// In front of the server at this port of this machine. `None` where PgBouncer is not installed, which a build machine must
    /// have.
    pub fn start(server: u16, settings: Settings) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            assert!(
                std::env::var_os("CI").is_none(),
                "pgbouncer is not installed"
            );
            eprintln!("SKIPPED: pgbouncer is not installed");
            return None;
        }
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let process = launch(&folder, server, port, settings);
        Some(Self {
            process,
            folder,
            server,
            port,
        })
    }

    /// Whether it is of a version that looks after prepared statements in transaction mode: 1.21 or later.
    pub fn looks_after_statements() -> bool {
        let said = Command::new(PROGRAM).arg("--version").output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        // PgBouncer 1.18.0
        let minor = said.split(['.', '\n']).nth(1);
        minor.and_then(|minor| minor.parse().ok()) >= Some(21_u32)
    }

    /// Ends at once, with all its connections.
    pub fn stop(&mut self) {
        self.process.kill();
    }

    /// Starts again where it was.
    pub fn restart(&mut self, settings: Settings) {
        self.stop();
        self.process = launch(&self.folder, self.server, self.port, settings);
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}

fn launch(folder: &TempDir, server: u16, port: u16, settings: Settings) -> Process {
    let Settings {
        mode,
        pool,
        clients,
        lifetime,
        reset,
        prepared,
    } = settings;
    let mode = match mode {
        Mode::Session => "session",
        Mode::Transaction => "transaction",
    };
    let prepared = if Pooler::looks_after_statements() {
        format!("max_prepared_statements = {prepared}\n")
    } else {
        String::new()
    };
    let config = format!(
        "[databases]\n* = host=127.0.0.1 user=postgres port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = {mode}\nserver_tls_sslmode = disable\n\
         ignore_startup_parameters = options,extra_float_digits\nmax_client_conn = {clients}\ndefault_pool_size = {pool}\n\
         server_lifetime = {lifetime}\nserver_reset_query = {reset}\n{prepared}"
    );
    let file = folder.path().join("pgbouncer.ini");
    fs::write(&file, config).unwrap();
    let mut command = guarded(Path::new(PROGRAM));
    // It refuses to run as root.
    if rustix::process::geteuid().is_root() {
        command.args(["-u", "nobody"]);
    }
    command.arg("-q").arg(&file);
    let process = Process::start("pgbouncer", &mut command, folder.path());
    until_true("the pooler", LONG, || {
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
    });
    process
}
