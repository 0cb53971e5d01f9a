//! Redis that speaks TLS, beside the plain port that tests use themselves.

#![expect(clippy::expect_used, reason = "test support")]

use std::path::Path;

use super::TestRedis;
use super::folder::Folder;
use super::secured::tls_options as options;
use crate::authority::Issued;
use crate::process::{eventually, free_port};

/// What sentinels call the server that they watch.
const SERVICE: &str = "sidgate";

/// A server, or what stands before it.
#[derive(Debug)]
pub struct TestRedisTls {
    /// The server that takes commands, at its plain port.
    pub server: TestRedis,
    port: u16,
    scheme: &'static str,
    query: String,
    _sentinel: Option<TestRedis>,
    _folder: Option<Folder>,
}

impl TestRedisTls {
    /// One server that shows this certificate. `clients`: whether it wants one of its clients.
    #[must_use]
    pub fn start(shown: &Issued, authority: &Path, clients: bool) -> Self {
        let port = free_port();
        let server = TestRedis::start_with(|_| options(port, shown, authority, clients));
        Self::of("rediss", server, port)
    }

    /// A cluster of one server.
    #[must_use]
    pub fn cluster(shown: &Issued, authority: &Path) -> Self {
        let (port, bus) = (free_port(), free_port());
        let folder = Folder::new();
        let server = TestRedis::start_with(|plain| {
            let mut options = options(port, shown, authority, false);
            let file = folder.file(&format!("nodes-{plain}.conf"));
            let more = format!(
                "--tls-cluster yes --cluster-enabled yes --cluster-announce-ip 127.0.0.1 --cluster-port {bus} \
                 --cluster-config-file {file}"
            );
            options.extend(more.split_whitespace().map(str::to_owned));
            options
        });
        let _all_slots = server.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        let whole = || {
            server
                .command(&["CLUSTER", "INFO"])
                .contains("cluster_state:ok")
        };
        assert!(eventually(whole), "the cluster is whole");
        let mut this = Self::of("rediss-cluster", server, port);
        this._folder = Some(folder);
        this
    }

    /// One server behind one sentinel; both show the certificate.
    #[must_use]
    pub fn behind_a_sentinel(shown: &Issued, authority: &Path) -> Self {
        let (port, sentinel_port) = (free_port(), free_port());
        let server = TestRedis::start_with(|_| options(port, shown, authority, false));
        let folder = Folder::new();
        let file = folder.file("sentinel.conf");
        let watch = format!("sentinel monitor {SERVICE} 127.0.0.1 {port} 1\n");
        std::fs::write(&file, watch).expect("the file can be written");
        let sentinel = TestRedis::start_with(|_| {
            let mut all = vec![file.clone(), "--sentinel".to_owned()];
            all.extend(options(sentinel_port, shown, authority, false));
            all.extend(["--tls-replication", "yes"].map(str::to_owned));
            all
        });
        let sees = || {
            let said = sentinel.command(&["SENTINEL", "MASTER", SERVICE]);
            said.contains("flags\nmaster\n")
        };
        assert!(eventually(sees), "the sentinel sees its server");
        let mut this = Self::of("rediss-sentinel", server, sentinel_port);
        this.query = format!("?sentinelServiceName={SERVICE}");
        this._sentinel = Some(sentinel);
        this._folder = Some(folder);
        this
    }

    /// `rediss://127.0.0.1:port`, or what leads to it.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of("127.0.0.1")
    }

    /// The same by another name of this machine, or with a login in front.
    #[must_use]
    pub fn url_of(&self, host: &str) -> String {
        format!("{}://{host}:{}{}", self.scheme, self.port, self.query)
    }

    fn of(scheme: &'static str, server: TestRedis, port: u16) -> Self {
        Self {
            server,
            port,
            scheme,
            query: String::new(),
            _sentinel: None,
            _folder: None,
        }
    }
}
