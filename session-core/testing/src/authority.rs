//! Certificates of an authority that nobody knows but one test.

#![expect(clippy::expect_used, reason = "test support")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::process::program;

/// An authority in a folder that goes away with it.
#[derive(Debug)]
pub struct TestAuthority {
    folder: TempDir,
}

/// A certificate and its private key, PEM.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub cert: PathBuf,
    /// Its key, which only the owner of the test may read.
    pub key: PathBuf,
}

/// When a certificate is valid.
#[derive(Clone, Copy, Debug)]
pub enum Validity {
    /// Now, and for years.
    Now,
    /// In 2020.
    Over,
}

impl TestAuthority {
    /// Makes one.
    ///
    /// # Panics
    /// Without `openssl`.
    #[must_use]
    pub fn new() -> Self {
        let this = Self {
            folder: TempDir::new().expect("a temporary folder"),
        };
        let config = "[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nrand_serial = yes\nnew_certs_dir = .\n\
            default_md = sha256\npolicy = p\nunique_subject = no\n[p]\ncommonName = supplied\n";
        this.write("ca.cnf", config);
        this.write("index.txt", "");
        this.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -days 3650 \
             -subj /CN=Authority -addext basicConstraints=critical,CA:TRUE",
        );
        this
    }

    /// Its own certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for `names` (`DNS:localhost,IP:127.0.0.1`), with the common name `owner`.
    #[must_use]
    pub fn issue(&self, owner: &str, names: &str, validity: Validity) -> Issued {
        let name = |end: &str| format!("{owner}.{end}");
        self.write(&name("ext"), &format!("subjectAltName = {names}\n"));
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {} -out {} -subj /CN={owner}",
            name("key"),
            name("csr")
        ));
        let (begin, end) = match validity {
            Validity::Now => ("20200101000000Z", "20991231000000Z"),
            Validity::Over => ("20200101000000Z", "20201231000000Z"),
        };
        self.openssl(&format!(
            "ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in {} -out {} -notext -extfile {} \
             -startdate {begin} -enddate {end}",
            name("csr"),
            name("pem"),
            name("ext")
        ));
        Issued {
            cert: self.folder.path().join(name("pem")),
            key: self.folder.path().join(name("key")),
        }
    }

    /// A server's certificate for this machine.
    #[must_use]
    pub fn server(&self) -> Issued {
        self.issue("server", "DNS:localhost,IP:127.0.0.1", Validity::Now)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("the file can be written");
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new(program("openssl", &[]));
        command
            .args(arguments.split_whitespace())
            .current_dir(self.folder.path());
        let done = command.output().expect("openssl is installed");
        assert!(done.status.success(), "{done:?}");
    }
}

impl Default for TestAuthority {
    fn default() -> Self {
        Self::new()
    }
}

impl Issued {
    /// Both files as text.
    #[must_use]
    pub fn texts(&self) -> (String, String) {
        let read = |path: &Path| fs::read_to_string(path).expect("the file is there");
        (read(&self.cert), read(&self.key))
    }
}
