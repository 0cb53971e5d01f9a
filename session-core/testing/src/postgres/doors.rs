//! Who may come in to a server, and how: its certificate, and its `pg_hba.conf`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{TestPostgres, pg_ctl, server_user};
use crate::authority::Issued;

impl TestPostgres {
    /// Offers TLS with this certificate from now on, and asks clients for one of `authority`.
    ///
    /// # Panics
    /// When the server does not start again.
    pub fn offer_tls(&self, shown: &Issued, authority: &Path) {
        let cert = self.keep(&shown.cert, "server.pem");
        let key = self.keep(&shown.key, "server.key");
        let authority = self.keep(authority, "clients.pem");
        let quoted = |path: PathBuf| format!("'{}'", path.display());
        self.set(&format!(
            "ssl = on\nssl_cert_file = {}\nssl_key_file = {}\nssl_ca_file = {}\n",
            quoted(cert),
            quoted(key),
            quoted(authority)
        ));
    }

    /// Offers no TLS any more.
    pub fn offer_no_tls(&self) {
        self.set("ssl = off\n");
    }

    /// Lets clients in by these rules of `pg_hba.conf`. Those that come first stay for `postgres` itself.
    pub fn let_in(&self, rules: &str) {
        let ours = "host all postgres 127.0.0.1/32 trust\n";
        let file = self.home.join("data/pg_hba.conf");
        fs::write(file, format!("{ours}{rules}")).expect("the rules can be written");
        self.start_anew();
    }

    fn set(&self, settings: &str) {
        let file = self.home.join("data/postgresql.conf");
        let given = fs::read_to_string(&file).expect("the configuration is there");
        // Of settings that are there twice the last one counts.
        fs::write(&file, format!("{given}\n{settings}")).expect("it can be written");
        self.start_anew();
    }

    fn start_anew(&self) {
        self.assert_own();
        assert!(
            pg_ctl(
                &self.home,
                &["restart", "-m", "fast", "-w", "-l", "/dev/null"]
            ),
            "the server starts again"
        );
    }

    /// A copy that the server's user may read, and nobody else.
    fn keep(&self, file: &Path, name: &str) -> PathBuf {
        let copy = self.home.join(name);
        fs::copy(file, &copy).expect("the file can be copied");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).expect("it can be closed");
        if let Some((uid, gid)) = server_user() {
            std::os::unix::fs::chown(&copy, Some(uid), Some(gid)).expect("it can be given");
        }
        copy
    }
}
