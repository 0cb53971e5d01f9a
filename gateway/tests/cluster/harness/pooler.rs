//! PgBouncer in front of the cluster's database.

use std::fs;
use std::path::Path;

use sidgate_testkit::port::free_port;
use sidgate_testkit::process::{Process, guarded};
use sidgate_testkit::wait::{LONG, until_true};
use tempfile::TempDir;

use super::Cluster;

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// Ends with this value.
pub(crate) struct Pooler {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Pooler {
    /// `None` where it is not installed.
    pub(crate) fn start(cluster: &Cluster) -> Option<Self> {
        let program = Path::new(PROGRAM);
        if !program.exists() {
            return None;
        }
        let (folder, port) = (TempDir::new().unwrap(), free_port());
        let server = cluster.postgres.port();
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = session\nserver_tls_sslmode = disable\n\
             ignore_startup_parameters = options,extra_float_digits\nmax_client_conn = 200\ndefault_pool_size = 30\n"
        );
        let config = config.replace("* = host=127.0.0.1", "* = host=127.0.0.1 user=postgres");
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, config).unwrap();
        let mut command = guarded(program);
        // It refuses to run as root.
        if rustix::process::geteuid().is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg("-q").arg(&file);
        open_to_all(folder.path());
        let process = Process::start("pgbouncer", &mut command, folder.path());
        until_true("the pooler", LONG, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self {
            _process: process,
            _folder: folder,
            port,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}
