//! An etcd of one member, where Patroni keeps who leads.

#![expect(clippy::expect_used, clippy::panic, reason = "test support")]

use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::process::{clean_up_after, detached, eventually, free_port, program};

/// Ends with this value, or else with the process.
#[derive(Debug)]
pub struct TestEtcd {
    home: PathBuf,
    port: u16,
    server: Option<Child>,
}

impl TestEtcd {
    /// Starts one that keeps its data in `home`, and waits until it answers.
    pub(super) fn start(home: &Path) -> Self {
        for _ in 0..5 {
            let mut etcd = Self {
                home: home.to_owned(),
                port: free_port(),
                server: None,
            };
            if etcd.try_start() {
                return etcd;
            }
        }
        panic!("etcd does not start, see {}/log", home.display());
    }

    /// Where clients ask it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills it.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts it again, on the same port, with what it knew.
    ///
    /// # Panics
    /// When it does not start.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.try_start(), "etcd starts again");
    }

    fn try_start(&mut self) -> bool {
        let (clients, peers) = (url(self.port), url(free_port()));
        let log = File::create(self.home.with_extension("log")).expect("a log can be written");
        let mut command = Command::new(program("etcd", &[]));
        command
            .args(["--name", "one", "--unsafe-no-fsync", "--data-dir"])
            .arg(&self.home)
            .args(["--listen-client-urls", &clients])
            .args(["--advertise-client-urls", &clients])
            .args(["--listen-peer-urls", &peers])
            .args(["--initial-advertise-peer-urls", &peers])
            .args(["--initial-cluster", &format!("one={peers}")]);
        let mut server = detached(&mut command)
            .stderr(log)
            .spawn()
            .expect("etcd is installed");
        let pid = server.id();
        clean_up_after(
            std::process::id(),
            &format!("kill -0 {pid} 2>/dev/null"),
            &format!("kill -9 {pid} 2>/dev/null"),
        );
        let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok();
        let up = eventually(|| !matches!(server.try_wait(), Ok(None)) || answers());
        let ours = up && matches!(server.try_wait(), Ok(None));
        self.server = Some(server);
        ours
    }
}

impl Drop for TestEtcd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
