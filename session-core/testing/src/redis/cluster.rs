//! Servers that share the keys, with replicas or without.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "test support")]

use std::cell::Cell;
use std::process::Command;

use super::TestRedis;
use super::folder::Folder;
use super::secured::{Secured, tls_options};
use crate::process::{eventually, free_port, program};

const MASTERS: usize = 3;

/// Three masters at the start, and behind them the replica of each, where there are any.
#[derive(Debug)]
pub struct TestRedisCluster {
    /// Its servers.
    pub servers: Vec<TestRedis>,
    /// The port of each at which clients and other servers reach it.
    ports: Vec<u16>,
    secured: Option<Secured>,
    _folder: Folder,
}

impl TestRedisCluster {
    /// Starts three servers and joins them.
    #[must_use]
    pub fn start() -> Self {
        Self::of(MASTERS, None)
    }

    /// The same with a replica for each.
    #[must_use]
    pub fn with_replicas() -> Self {
        Self::of(2 * MASTERS, None)
    }

    /// The same, and clients come over TLS with a password.
    #[must_use]
    pub fn secured(secured: Secured) -> Self {
        Self::of(2 * MASTERS, Some(secured))
    }

    fn of(count: usize, secured: Option<Secured>) -> Self {
        let folder = Folder::new();
        let started = (0..count).map(|_| start(&folder, secured.as_ref()));
        let started: Vec<Started> = started.collect();
        let addresses = started
            .iter()
            .map(|started| format!("127.0.0.1:{}@{}", started.port, started.bus));
        let addresses: Vec<String> = addresses.collect();
        let ports = started.iter().map(|started| started.port).collect();
        let this = Self {
            servers: started.into_iter().map(|started| started.server).collect(),
            ports,
            secured,
            _folder: folder,
        };
        let replicas = (count / MASTERS - 1).to_string();
        let mut join = vec!["create", "--cluster-replicas", &replicas];
        join.extend(addresses.iter().map(String::as_str));
        this.manage(&join);
        if let Some(Secured { user, .. }) = &this.secured {
            this.servers.iter().for_each(|server| user.enter(server));
        }
        this.wait_until_whole();
        this
    }

    /// `redis-cluster://` or `rediss-cluster://` with every server.
    #[must_use]
    pub fn url(&self) -> String {
        let nodes: Vec<String> = self
            .ports
            .iter()
            .map(|port| format!("127.0.0.1:{port}"))
            .collect();
        let (first, more) = nodes.split_first().expect("servers");
        let more: Vec<String> = more.iter().map(|node| format!("node={node}")).collect();
        let more = more.join("&");
        match &self.secured {
            None => format!("redis-cluster://{first}?{more}"),
            Some(Secured { user, .. }) => {
                format!("rediss-cluster://{0}:{0}@{first}?{more}", user.name)
            }
        }
    }

    /// Moves so many slots from one master to another by `redis-cli`, while the cluster serves.
    pub fn reshard(&self, from: usize, to: usize, slots: usize) {
        let id = |server: usize| {
            let said = self.servers[server].command(&["CLUSTER", "MYID"]);
            said.trim().to_owned()
        };
        let any = format!("127.0.0.1:{}", self.ports[from]);
        let (from, to, slots) = (id(from), id(to), slots.to_string());
        self.manage(&[
            "reshard",
            &any,
            "--cluster-from",
            &from,
            "--cluster-to",
            &to,
            "--cluster-slots",
            &slots,
        ]);
    }

    /// Kills a master and waits until its replica has its slots.
    pub fn fail_over(&mut self, master: usize) {
        let before = self.masters();
        self.servers[master].stop();
        let replaced = || {
            let masters = self.masters();
            masters.len() == MASTERS && masters.iter().any(|server| !before.contains(server))
        };
        assert!(eventually(replaced), "a replica takes over");
        self.wait_until_whole();
    }

    /// Servers that are masters now.
    #[must_use]
    pub fn masters(&self) -> Vec<usize> {
        let all = self.servers.iter().enumerate();
        all.filter(|(_, server)| server.is_master())
            .map(|(number, _)| number)
            .collect()
    }

    /// Whether every server that runs sees all slots served.
    fn wait_until_whole(&self) {
        let is_whole = |server: &TestRedis| {
            let said = server.command(&["CLUSTER", "INFO"]);
            said.is_empty() || said.contains("cluster_state:ok")
        };
        assert!(
            eventually(|| self.servers.iter().all(is_whole)),
            "the cluster is whole"
        );
    }

    fn manage(&self, words: &[&str]) {
        let mut cli = Command::new(program("redis-cli", &[]));
        if let Some(Secured { authority, .. }) = &self.secured {
            cli.arg("--tls").arg("--cacert").arg(authority);
        }
        cli.arg("--cluster").args(words).arg("--cluster-yes");
        let done = cli.output().expect("redis-cli is installed");
        assert!(done.status.success(), "{done:?}");
    }
}

struct Started {
    server: TestRedis,
    /// Where clients reach it.
    port: u16,
    /// Where other servers do.
    bus: u16,
}

fn start(folder: &Folder, secured: Option<&Secured>) -> Started {
    let (port, bus) = (Cell::new(0), Cell::new(0));
    let server = TestRedis::start_with(|plain| {
        port.set(plain);
        bus.set(free_port());
        let file = folder.file(&format!("nodes-{plain}.conf"));
        let options = format!(
            "--cluster-enabled yes --cluster-node-timeout 1000 --cluster-announce-ip 127.0.0.1 --cluster-port {} \
             --repl-diskless-sync-delay 0 --cluster-config-file {file}",
            bus.get()
        );
        let mut options: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
        if let Some(secured) = secured {
            port.set(free_port());
            options.extend(tls_options(
                port.get(),
                &secured.shown,
                &secured.authority,
                false,
            ));
            let all = ["--tls-cluster", "yes", "--tls-replication", "yes"];
            options.extend(all.map(str::to_owned));
        }
        options
    });
    Started {
        server,
        port: port.get(),
        bus: bus.get(),
    }
}
