//! Three gateways on a PostgreSQL that Patroni runs, by TLS. Every wire of it can be cut.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_testing::{PatroniSettings, TestAuthority, TestPatroni, TestRedis, Wire};
use sidgate_testkit::wait::until_true;
use sidgate_testkit::{App, Gateway};

use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::{Session, status};

/// Of the database, and of the role of the gateways.
const NAME: &str = "sidgate";
const PASSWORD: &str = "of-the-database";
/// Longer than any fault lasts with Patroni's usual times.
pub(super) const PATIENCE: Duration = Duration::from_secs(150);

/// One gateway and its lines to the three servers.
pub(super) struct Node {
    pub(super) gateway: Gateway,
    lines: Vec<FaultProxy>,
}

/// See the module.
pub(super) struct Fleet {
    // Dropped in this order.
    pub(super) nodes: Arc<Vec<Node>>,
    pub(super) patroni: TestPatroni,
    pub(super) settings: PatroniSettings,
    wires: HashMap<Wire, FaultProxy>,
    _redis: TestRedis,
    _app: App,
    _authority: TestAuthority,
    made: AtomicUsize,
}

impl Fleet {
    pub(super) fn start(settings: PatroniSettings) -> Self {
        let (authority, app, redis) = (TestAuthority::new(), App::start(), TestRedis::start());
        let mut wires = HashMap::new();
        let patroni = TestPatroni::start(&settings, &authority.server(), |wire, port| {
            let proxy = FaultProxy::to(port);
            let port = proxy.port();
            wires.insert(wire, proxy);
            port
        });
        patroni.make_database(NAME, PASSWORD);
        let mut nodes: Vec<Node> = Vec::new();
        for _ in 0..3 {
            let servers = 0..patroni.servers();
            let lines: Vec<_> = servers
                .map(|server| FaultProxy::to(patroni.port(server)))
                .collect();
            let hosts: Vec<_> = lines
                .iter()
                .map(|line| format!("127.0.0.1:{}", line.port()))
                .collect();
            let config = format!(
                "[store]\nurl = \"postgres://{NAME}:{PASSWORD}@{}/{NAME}?sslmode=verify-full&target_session_attrs=read-write\"\n\
                 ca = {:?}\n[cache]\nredis_url = \"{}\"\n",
                hosts.join(","),
                authority.certificate(),
                redis.url()
            );
            let mut builder = Gateway::in_front_of(&app).with(&config);
            if let Some(first) = nodes.first() {
                builder = builder.master_of(&first.gateway);
            }
            let gateway = builder.start();
            nodes.push(Node { gateway, lines });
        }
        Self {
            nodes: Arc::new(nodes),
            patroni,
            settings,
            wires,
            _redis: redis,
            _app: app,
            _authority: authority,
            made: AtomicUsize::new(0),
        }
    }

    /// A session that every node keeps in its own memory.
    pub(super) fn known_session(&self) -> Session {
        let index = self.made.fetch_add(1, Ordering::Relaxed);
        let node = &self.nodes[index % self.nodes.len()].gateway;
        let sid = node.log_in(&format!("bystander{index}@example.com"));
        let handle = node.id_of(&sid);
        let session = Session { index, sid, handle };
        for node in self.nodes.iter() {
            until_true("an admission", PATIENCE, || {
                status(&node.gateway, &session) == 200
            });
        }
        session
    }

    /// Numbers for sessions that somebody else makes.
    pub(super) fn numbers(&self, count: usize) -> usize {
        self.made.fetch_add(count, Ordering::Relaxed)
    }

    /// Who leads now.
    pub(super) fn leader(&self) -> usize {
        self.wait_until("somebody leads", || self.patroni.leader().is_some());
        self.patroni.leader().expect("it leads still")
    }

    /// Waits until somebody else leads.
    pub(super) fn wait_for_successor(&self, of: usize) {
        self.wait_until("another leader", || {
            self.patroni.leader().is_some_and(|leader| leader != of)
        });
    }

    /// Waits until one leads and the others follow.
    pub(super) fn wait_until_whole(&self) {
        let synchronous = self.settings.is_synchronous();
        self.wait_until("a whole cluster", || self.patroni.is_whole(synchronous));
    }

    pub(super) fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        until_true(what, PATIENCE, condition);
    }

    /// Nothing that is said to or by this server arrives any more: neither by `gateways` nor by the cluster.
    pub(super) fn cut_off(&self, server: usize, gateways: bool) {
        self.each_line(server, gateways, |line| line.set(Fault::Freeze));
    }

    pub(super) fn let_back(&self, server: usize) {
        // What waited on the wires is old by now.
        self.each_line(server, true, |line| {
            line.reset_connections();
            line.heal();
        });
    }

    fn each_line(&self, server: usize, gateways: bool, change: impl Fn(&FaultProxy)) {
        let ways = [
            Wire::Postgres(server),
            Wire::Patroni(server),
            Wire::Etcd(server),
        ];
        for way in ways {
            change(&self.wires[&way]);
        }
        if gateways {
            for node in self.nodes.iter() {
                change(&node.lines[server]);
            }
        }
    }

    /// What others say to this server's PostgreSQL about replication.
    pub(super) fn replication(&self, server: usize) -> &FaultProxy {
        &self.wires[&Wire::Postgres(server)]
    }

    /// The handles of all sessions that the server that leads has, ended or not.
    pub(super) fn sessions_in_the_store(&self) -> HashSet<String> {
        let query = "SELECT id::text FROM sidgate_session";
        let asked = self.patroni.ask(self.leader(), NAME, query);
        asked.expect("the leader answers").into_iter().collect()
    }

    /// A superuser's statements at one server.
    pub(super) fn sql(&self, server: usize, statements: &str) {
        // It may be dying.
        let _said = self.patroni.run(server, NAME, statements);
    }
}
