//! PgBouncer in front of a PostgreSQL.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

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
    /// For one transaction. Everybody shares a single connection, so that it is always the same one.
    Transaction,
}

/// Ends with this value.
pub struct Pooler {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Pooler {
    /// In front of the server at this port of this machine. `None` where PgBouncer is not installed.
    pub fn start(server: u16, mode: Mode) -> Option<Self> {
        let program = Path::new(PROGRAM);
        if !program.exists() {
            return None;
        }
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let (mode, size) = match mode {
            Mode::Session => ("session", 30),
            Mode::Transaction => ("transaction", 1),
        };
        let config = format!(
            "[databases]\n* = host=127.0.0.1 user=postgres port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = {mode}\nserver_tls_sslmode = disable\n\
             ignore_startup_parameters = options,extra_float_digits\nmax_client_conn = 200\ndefault_pool_size = {size}\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        let mut command = guarded(program);
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg("-q").arg(&file);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let process = Process::start("pgbouncer", &mut command, folder.path());
        until_true("the pooler", LONG, || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        Some(Self {
            _process: process,
            _folder: folder,
            port,
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }
}
