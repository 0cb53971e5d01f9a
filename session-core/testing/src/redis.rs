//! A Redis of one's own.

#![expect(clippy::expect_used, clippy::panic, reason = "test support")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::process::{clean_up_after, detached, eventually, free_port, program};

mod cluster;
mod folder;
mod secured;
mod sentinels;
mod tls;

pub use cluster::TestRedisCluster;
pub use secured::{RedisUser, Secured};
pub use sentinels::TestSentinels;
pub use tls::TestRedisTls;

/// A `redis-server` on a free loopback port, without persistence. Ends with this value, or else with the process.
#[derive(Debug)]
pub struct TestRedis {
    port: u16,
    /// What it is started with beside its port.
    options: Vec<String>,
    server: Option<Child>,
}

impl TestRedis {
    /// Starts one and waits until it answers.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(|_port| vec![])
    }

    /// Starts one with further options, which may depend on its port.
    pub(super) fn start_with(options: impl Fn(u16) -> Vec<String>) -> Self {
        for _ in 0..5 {
            let port = free_port();
            let mut redis = Self {
                port,
                options: options(port),
                server: None,
            };
            if redis.try_start() {
                return redis;
            }
        }
        panic!("redis-server does not start; is it installed?");
    }

    /// `redis://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port, which stays the same over [`TestRedis::stop`] and [`TestRedis::restart`].
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server: connections break, and the port refuses new ones. What was stored is lost.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            // It may have ended by itself.
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts an empty server on the same port.
    pub fn restart(&mut self) {
        self.stop();
        assert!(self.try_start(), "redis-server starts again");
    }

    /// Freezes the server: connections stay open and nothing is answered.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Goes on after [`TestRedis::pause`].
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Runs one command by `redis-cli` and returns what it prints.
    ///
    /// # Panics
    /// Without `redis-cli`, which comes with the server.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> String {
        let mut cli = Command::new(program("redis-cli", &[]));
        let said = cli
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output();
        let said = said.expect("redis-cli is installed");
        String::from_utf8_lossy(&said.stdout).into_owned()
    }

    /// Whether it runs and takes writes.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.command(&["ROLE"]).starts_with("master")
    }

    fn signal(&self, signal: Signal) {
        let server = self.server.as_ref().expect("the server runs");
        kill_process(Pid::from_child(server), signal).expect("the server can be signalled");
    }

    /// Sentinels store nothing and know no options of storage.
    fn is_sentinel(&self) -> bool {
        self.options.iter().any(|option| option == "--sentinel")
    }

    fn try_start(&mut self) -> bool {
        let port = self.port.to_string();
        let mut command = Command::new(program("redis-server", &[]));
        // The file of a sentinel comes first.
        command
            .args(&self.options)
            .args(["--port", &port, "--bind", "127.0.0.1"])
            .args(if self.is_sentinel() {
                &[][..]
            } else {
                // A replica that keeps what it was sent would leave it to the next server that starts in this folder.
                &[
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--repl-diskless-load",
                    "swapdb",
                ][..]
            })
            .current_dir(std::env::temp_dir());
        let server = detached(&mut command).spawn();
        let mut server = server.expect("redis-server is installed");
        let pid = server.id();
        clean_up_after(
            std::process::id(),
            &format!("kill -0 {pid} 2>/dev/null"),
            &format!("kill -9 {pid} 2>/dev/null"),
        );
        let up = eventually(|| !matches!(server.try_wait(), Ok(None)) || answers(self.port));
        let ours = up && matches!(server.try_wait(), Ok(None));
        self.server = Some(server);
        ours
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.stop();
    }
}

fn answers(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let ask = || {
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(Duration::from_millis(500)))?;
        socket.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        socket.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer == *b"+PONG\r\n")
    };
    ask().unwrap_or(false)
}
