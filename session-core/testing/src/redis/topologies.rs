//! Redis as it is run where it must not fail: behind sentinels, or as a cluster.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::TestRedis;
use crate::process::{clean_up_after, eventually, free_port, program, quoted};

/// What sentinels call the servers that they watch.
const SERVICE: &str = "sidgate";
/// How far above its port a server of a cluster listens for the others.
const BUS: u16 = 10_000;

/// A master, its replica, and three sentinels that put the one in the place of the other.
#[derive(Debug)]
pub struct TestSentinels {
    /// Master at the start.
    pub master: TestRedis,
    /// Replica at the start.
    pub replica: TestRedis,
    sentinels: Vec<TestRedis>,
    _folder: Folder,
}

impl TestSentinels {
    /// Starts everything and waits until the sentinels know each other and the replica.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        let master = TestRedis::start();
        let port = master.port().to_string();
        let replica = TestRedis::start_with(|_| {
            let follow = [
                "--replicaof",
                "127.0.0.1",
                &port,
                "--repl-diskless-sync-delay",
                "0",
            ];
            follow.map(str::to_owned).to_vec()
        });
        let sentinels = (0..3).map(|number| {
            let file = folder.0.join(format!("sentinel-{number}.conf"));
            let config = format!(
                "sentinel monitor {SERVICE} 127.0.0.1 {port} 2\n\
                 sentinel down-after-milliseconds {SERVICE} 1000\n\
                 sentinel failover-timeout {SERVICE} 3000\n"
            );
            std::fs::write(&file, config).expect("the file can be written");
            let file = file.to_str().expect("the path is UTF-8").to_owned();
            TestRedis::start_with(|_| vec![file.clone(), "--sentinel".to_owned()])
        });
        let this = Self {
            sentinels: sentinels.collect(),
            master,
            replica,
            _folder: folder,
        };
        let ready = |sentinel: &TestRedis| {
            let said = sentinel.command(&["SENTINEL", "MASTER", SERVICE]);
            let said: Vec<&str> = said.lines().collect();
            let field = |name| {
                said.iter()
                    .position(|line| *line == name)
                    .and_then(|at| said.get(at + 1))
            };
            field("num-other-sentinels") == Some(&"2") && field("num-slaves") == Some(&"1")
        };
        assert!(
            eventually(|| this.sentinels.iter().all(ready)),
            "the sentinels agree"
        );
        this
    }

    /// `redis-sentinel://` with every sentinel.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port()))
            .collect();
        let first = nodes.first().expect("three sentinels");
        let more: String = nodes
            .iter()
            .skip(1)
            .map(|node| format!("&node={node}"))
            .collect();
        format!("redis-sentinel://{first}?sentinelServiceName={SERVICE}{more}")
    }

    /// Kills the master and waits until the replica is one.
    pub fn fail_over(&mut self) {
        self.master.stop();
        let promoted = || self.replica.command(&["ROLE"]).starts_with("master");
        assert!(eventually(promoted), "the sentinels promote the replica");
    }
}

/// Three masters that share the keys.
#[derive(Debug)]
pub struct TestRedisCluster {
    /// Its servers.
    pub servers: Vec<TestRedis>,
    _folder: Folder,
}

impl TestRedisCluster {
    /// Starts three servers and joins them.
    #[must_use]
    pub fn start() -> Self {
        let folder = Folder::new();
        let servers: Vec<TestRedis> = (0..3).map(|_| Self::server(&folder.0)).collect();
        let mut join = Command::new(program("redis-cli", &[]));
        join.args(["--cluster", "create"]);
        join.args(
            servers
                .iter()
                .map(|server| format!("127.0.0.1:{}", server.port())),
        );
        join.arg("--cluster-yes");
        let joined = join.output().expect("redis-cli is installed");
        assert!(joined.status.success(), "{joined:?}");
        let this = Self {
            servers,
            _folder: folder,
        };
        let whole = |server: &TestRedis| {
            server
                .command(&["CLUSTER", "INFO"])
                .contains("cluster_state:ok")
        };
        assert!(
            eventually(|| this.servers.iter().all(whole)),
            "the cluster is whole"
        );
        this
    }

    fn server(folder: &Path) -> TestRedis {
        TestRedis::start_with(|port| {
            let file = folder.join(format!("nodes-{port}.conf"));
            let bus = bus_port(port).to_string();
            let options = [
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-port",
                &bus,
                "--cluster-config-file",
            ];
            let mut options = options.map(str::to_owned).to_vec();
            options.push(file.to_str().expect("the path is UTF-8").to_owned());
            options
        })
    }

    /// `redis-cluster://` with every server.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self
            .servers
            .iter()
            .map(|server| format!("127.0.0.1:{}", server.port()))
            .collect();
        let first = nodes.first().expect("three servers");
        let more: Vec<String> = nodes
            .iter()
            .skip(1)
            .map(|node| format!("node={node}"))
            .collect();
        format!("redis-cluster://{first}?{}", more.join("&"))
    }
}

/// Ports of outgoing connections may lie above the highest port that has a bus.
fn bus_port(port: u16) -> u16 {
    port.checked_add(BUS).unwrap_or_else(free_port)
}

/// Where servers keep what they may not forget; removed with the value, or else with the process.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(super) fn new() -> Self {
        let name = format!("sidgate-redis-{}-{}", std::process::id(), free_port());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a temporary folder");
        let there = format!("[ -d {} ]", quoted(&folder));
        clean_up_after(
            std::process::id(),
            &there,
            &format!("rm -rf {}", quoted(&folder)),
        );
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The watching shell tries again.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
