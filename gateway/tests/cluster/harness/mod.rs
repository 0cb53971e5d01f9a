//! Clusters: real gateways on one real PostgreSQL and one real Redis, each node behind fault proxies of its own.
//!
//! | file | what it is |
//! |---|---|
//! | `fault_proxy` | faults of one line between a node and a server |
//! | `traffic` | requests at every node, all the time |
//! | `history` | what was asked, answered and revoked; and whether it may be so |
//! | `machine` | whether the machine was too busy for anybody to be on time |

pub(crate) mod fault_proxy;
pub(crate) mod history;
mod machine;
pub(crate) mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use session_testing::{TestDatabase, TestPostgres, TestRedis};
use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::stores::sql;
use sidgate_testkit::wait::{LEASE, LONG, until_true};
use sidgate_testkit::{App, Gateway, Request, SESSION, login};

use self::fault_proxy::FaultProxy;
use self::history::History;
use self::traffic::Traffic;

/// Where sessions are asked for: a route that requires one.
pub(crate) const PATH: &str = "/required";
/// Between two requests of a session at one node.
pub(crate) const PACE: Duration = Duration::from_millis(5);

/// The long form of a test runs under `make soak`.
pub(crate) fn soak() -> bool {
    std::env::var_os("SIDGATE_SOAK").is_some()
}

/// `short` in the ordinary run, `long` under `make soak`.
pub(crate) fn scaled(short: usize, long: usize) -> usize {
    if soak() { long } else { short }
}

/// A session that a test knows everything about.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) index: usize,
    pub(crate) sid: String,
    /// What SQL and commands call it.
    pub(crate) handle: String,
}

/// One gateway and its lines.
pub(crate) struct Node {
    pub(crate) gateway: Gateway,
    pub(crate) postgres: FaultProxy,
    pub(crate) redis: FaultProxy,
}

/// How a cluster is made.
pub(crate) struct Layout {
    nodes: usize,
    postgres: Option<TestPostgres>,
    redis: bool,
    config: String,
}

/// See the module.
pub(crate) struct Cluster {
    // Dropped in this order: nodes, then the database, then its server.
    pub(crate) nodes: Vec<Node>,
    pub(crate) database: TestDatabase,
    pub(crate) postgres: Arc<TestPostgres>,
    pub(crate) redis: TestRedis,
    pub(crate) app: App,
    pub(crate) history: Arc<History>,
    made: AtomicUsize,
}

impl Layout {
    /// Three nodes, the PostgreSQL of the test run, a Redis.
    pub(crate) fn new() -> Self {
        Self {
            nodes: 3,
            postgres: None,
            redis: true,
            config: String::new(),
        }
    }

    pub(crate) fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// A PostgreSQL that nobody else uses, so that it can be stopped.
    pub(crate) fn own_postgres(mut self) -> Self {
        self.postgres = Some(TestPostgres::start());
        self
    }

    /// Nodes know no Redis.
    pub(crate) fn without_redis(mut self) -> Self {
        self.redis = false;
        self
    }

    /// Lays TOML over the configuration of each node.
    pub(crate) fn with(mut self, toml: &str) -> Self {
        self.config.push_str(toml);
        self
    }

    pub(crate) fn start(self) -> Cluster {
        let postgres = self.postgres.map_or_else(TestPostgres::shared, Arc::new);
        let (database, redis, app) = (postgres.database(), TestRedis::start(), App::start());
        let mut nodes: Vec<Node> = Vec::new();
        for _ in 0..self.nodes {
            let lines = (
                FaultProxy::to(postgres.port()),
                FaultProxy::to(redis.port()),
            );
            let url = through(database.url().expose(), &postgres, &lines.0);
            let mut config = format!("[store]\nurl = \"{url}\"\n");
            if self.redis {
                let port = lines.1.port();
                config += &format!("[cache]\nredis_url = \"redis://127.0.0.1:{port}\"\n");
            }
            let mut builder = Gateway::in_front_of(&app).with(&config).with(&self.config);
            if let Some(first) = nodes.first() {
                builder = builder.master_of(&first.gateway);
            }
            let (postgres, redis) = lines;
            let gateway = builder.start();
            nodes.push(Node {
                gateway,
                postgres,
                redis,
            });
        }
        Cluster {
            nodes,
            database,
            postgres,
            redis,
            app,
            history: Arc::new(History::new()),
            made: AtomicUsize::new(0),
        }
    }
}

/// The database's URL by way of a proxy.
fn through(url: &str, postgres: &TestPostgres, line: &FaultProxy) -> String {
    let direct = format!("127.0.0.1:{}", postgres.port());
    assert!(url.contains(&direct), "a loopback URL");
    url.replace(&direct, &format!("127.0.0.1:{}", line.port()))
}

impl Cluster {
    /// A session of a user of its own.
    pub(crate) fn log_in(&self) -> Session {
        let index = self.made.fetch_add(1, Ordering::Relaxed);
        let node = &self.nodes[index % self.nodes.len()].gateway;
        let sid = node.log_in(&format!("user{index}@example.com"));
        let id = node.session_of(&sid)["session"]["id"].clone();
        let handle = id.as_str().expect("a handle").to_owned();
        Session { index, sid, handle }
    }

    /// A session that every node keeps in its own memory.
    pub(crate) fn known_session(&self) -> Session {
        let session = self.log_in();
        for node in &self.nodes {
            until_true("an admission", LONG, || {
                status(&node.gateway, &session) == 200
            });
        }
        session
    }

    /// Starts asking every node.
    pub(crate) fn traffic(&self) -> Traffic {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.gateway.address())
            .collect();
        Traffic::start(&nodes, &self.history, PACE)
    }

    /// Waits until every node of `nodes` has given `status` to a request that started from now on.
    pub(crate) fn answered(&self, nodes: &[usize], session: &Session, status: u16) {
        let since = self.history.now();
        let what = format!("{status} for session {} by {nodes:?}", session.index);
        until_true(&what, LONG, || {
            nodes
                .iter()
                .all(|&node| self.history.has(node, session.index, status, since))
        });
    }

    /// Waits until the whole cluster has.
    pub(crate) fn everywhere(&self, session: &Session, status: u16) {
        let all: Vec<usize> = (0..self.nodes.len()).collect();
        self.answered(&all, session, status);
    }

    /// Ends a session in SQL, as anybody may, and returns after the commit.
    pub(crate) fn revoke_by_sql(&self, session: &Session) {
        let handle = &session.handle;
        let update = format!("UPDATE sidgate_session SET revoked_at = now() WHERE id = '{handle}'");
        self.history
            .revocation(session, || sql(&self.database, &update));
    }

    /// A session that everybody serves is ended in SQL, and everybody refuses it, all under traffic.
    pub(crate) fn revoke_one(&self, traffic: &Traffic) {
        let session = self.known_session();
        traffic.watch(&session);
        self.everywhere(&session, 200);
        self.revoke_by_sql(&session);
        self.everywhere(&session, 401);
        traffic.forget(&session);
    }

    /// Ends a session by its own logout at a node.
    pub(crate) fn log_out(&self, node: usize, session: &Session) {
        let gateway = &self.nodes[node].gateway;
        let logout = Request::delete(SESSION).sid(&session.sid);
        self.history.acknowledged_revocation(session, || {
            assert_eq!(gateway.send(&logout).status, 204);
        });
    }

    /// Leaves the heartbeat alone: the store names nobody any more, and Redis is out of reach.
    pub(crate) fn silence_hints(&self) {
        self.silence_notify();
        for node in &self.nodes {
            node.redis.refuse();
        }
    }

    /// The store names nobody any more.
    pub(crate) fn silence_notify(&self) {
        let silent = "ALTER FUNCTION sidgate_append(text, bytea, text, text) RENAME TO sidgate_append_aloud; \
             CREATE FUNCTION sidgate_append(new_kind text, new_key bytea, new_user text, new_tenant text) RETURNS bigint \
             LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE number bigint; BEGIN \
             UPDATE sidgate_clock SET seq = seq + 1 RETURNING seq INTO STRICT number; \
             INSERT INTO sidgate_event (seq, kind, session_key, user_id, tenant_id) \
             VALUES (number, new_kind, new_key, new_user, new_tenant); RETURN number; END $$;";
        sql(&self.database, silent);
    }

    /// Does something to the store behind every node, and waits until each has heard of the store again and writes to it.
    pub(crate) fn hear_again_after(&self, change: impl FnOnce()) {
        change();
        let beats = |node: &Node| core(&node.gateway, "beats");
        let before: Vec<f64> = self.nodes.iter().map(beats).collect();
        for (node, before) in self.nodes.iter().zip(before) {
            // Two: one may have been under way.
            until_true("heartbeats", LONG, || beats(node) >= before + 2.0);
            until_true("a login", LONG, || {
                node.gateway
                    .send(&login("again@example.com", PASSWORD))
                    .status
                    == 201
            });
        }
    }

    /// Lets more time pass than any lease lasts, under traffic.
    pub(crate) fn pass_a_lease(&self) {
        std::thread::sleep(LEASE + Duration::from_millis(500));
    }
}

/// How one node answers a request for a session.
pub(crate) fn status(gateway: &Gateway, session: &Session) -> u16 {
    gateway.send(&Request::get(PATH).sid(&session.sid)).status
}

/// A counter of the session core.
pub(crate) fn core(gateway: &Gateway, what: &str) -> f64 {
    gateway.sum("sidgate_core_total", &[("what", what)])
}

/// How often a node has dropped everything for `reason`.
pub(crate) fn resets(gateway: &Gateway, reason: &str) -> f64 {
    let labels = [("reason", reason)];
    gateway.sum("sidgate_hard_reset_total", &labels)
}
