//! Everybody at once: nodes that start together, a cache that is emptied, a primary that comes back, a tenant that is ended.
//! Nothing piles up, and nobody is refused for it.

use std::thread;
use std::time::{Duration, Instant};

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::cli::sidgate;
use sidgate_testkit::stores::sql_number;
use sidgate_testkit::wait::{LONG, instant, until_true};
use sidgate_testkit::{Request, login};

use crate::harness::{Cluster, Layout, PATH, Session, core, scaled, status};

/// What one node may open: 16 for requests, 2 for operators, the heartbeat's and that of the hints.
const CONNECTIONS_PER_NODE: i64 = 20;

/// The whole crowd comes from one address.
const NO_LIMITS: &str =
    "[login_limits]\nper_client = \"1000000/m\"\n[edge]\nmisses_per_client = \"1000000/m\"\n";

/// Connections of all nodes at the server.
fn connections(cluster: &Cluster) -> i64 {
    let ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'sidgate' AND datname = current_database()";
    sql_number(&cluster.database, ours)
}

fn nothing_waits(cluster: &Cluster) {
    for node in &cluster.nodes {
        until_true("empty queues", LONG, || {
            node.gateway.sum("sidgate_bulkhead_in_use", &[]) == 0.0
        });
    }
}

/// Redis holds everything that nodes do not remember themselves. All of it is gone at once.
#[test]
fn redis_is_flushed_under_load() {
    let sessions = scaled(60, 2_000);
    let forgetful = "[cache]\nlocal_max_entries = 16\n";
    let cluster = Layout::new().with(forgetful).start();
    let traffic = cluster.traffic();
    let known: Vec<Session> = (0..sessions).map(|_| cluster.log_in()).collect();
    known.iter().for_each(|session| traffic.watch(session));
    let all_are_served = || {
        let since = cluster.history.now();
        let is_served =
            |node: usize, session: &Session| cluster.history.has(node, session.index, 200, since);
        until_true("everybody is served by every node", LONG, || {
            let mut nodes = 0..cluster.nodes.len();
            nodes.all(|node| known.iter().all(|session| is_served(node, session)))
        });
    };
    all_are_served();
    for _ in 0..scaled(5, 20) {
        let loads = |cluster: &Cluster| -> f64 {
            let nodes = cluster.nodes.iter();
            nodes.map(|node| core(&node.gateway, "store_loads")).sum()
        };
        let before = loads(&cluster);
        assert_eq!(cluster.redis.command(&["FLUSHALL"]).trim(), "OK");
        until_true("reads of the store", LONG, || loads(&cluster) > before);
        all_are_served();
    }
    traffic.stop();
    nothing_waits(&cluster);
    cluster
        .history
        .verdict("herd after a flush")
        .leaves_nobody_in_doubt();
}

/// Logs in at a node again and again, and asks for sessions that it does not know. Returns how often somebody got in.
fn crowd(cluster: &Cluster, node: usize, unread: &[Session], until: Instant) -> usize {
    let gateway = &cluster.nodes[node].gateway;
    let mut entered = 0;
    for round in 0.. {
        if instant() >= until {
            break;
        }
        let came = gateway.send(&login(&format!("crowd{round}@example.com"), PASSWORD));
        assert!(matches!(came.status, 201 | 503), "{came:?}");
        entered += usize::from(came.status == 201);
        let session = &unread[round % unread.len()];
        let asked = gateway.send(&Request::get(PATH).sid(&session.sid));
        assert!(matches!(asked.status, 200 | 503), "{asked:?}");
    }
    entered
}

/// The primary is away while people come. They are turned away at once; nodes try now and then, and not for each of them. When
/// it is back, everybody is served, and nodes hold no more connections than they may.
#[test]
fn primary_comes_back_to_a_crowd() {
    let away = Duration::from_secs(u64::try_from(scaled(4, 60)).unwrap());
    let cluster = Layout::new().own_postgres().with(NO_LIMITS).start();
    let unread: Vec<Session> = (0..20).map(|_| cluster.log_in()).collect();
    let tried = |cluster: &Cluster| -> usize {
        let nodes = cluster.nodes.iter();
        nodes.map(|node| node.postgres.connections()).sum()
    };
    cluster.postgres.stop();
    let before = tried(&cluster);
    let until = instant() + away;
    thread::scope(|scope| {
        for node in 0..cluster.nodes.len() {
            for _ in 0..8 {
                let (cluster, unread) = (&cluster, &unread);
                scope.spawn(move || crowd(cluster, node, unread, until));
            }
        }
    });
    let attempts = tried(&cluster) - before;
    let per_second = attempts as f64 / away.as_secs_f64() / cluster.nodes.len() as f64;
    // Two pools that pause for 50 ms at the least, four attempts at a time; a heartbeat, and a channel of hints.
    assert!(
        per_second < 180.0,
        "{per_second} attempts per node and second"
    );
    cluster.postgres.restart();
    let began = instant();
    let until = began + LONG / 4;
    let served = thread::scope(|scope| {
        for node in 0..cluster.nodes.len() {
            let (cluster, unread) = (&cluster, &unread);
            scope.spawn(move || crowd(cluster, node, unread, until));
        }
        for node in &cluster.nodes {
            until_true("a login", LONG, || {
                node.gateway
                    .send(&login("first@example.com", PASSWORD))
                    .status
                    == 201
            });
        }
        began.elapsed()
    });
    nothing_waits(&cluster);
    let open = connections(&cluster);
    println!(
        "FIGURES herd at a primary: {per_second:.1} attempts per node and second while it is away, \
         all serve {served:?} after its start, {open} connections"
    );
    assert!(open <= i64::try_from(cluster.nodes.len()).unwrap() * CONNECTIONS_PER_NODE);
}

/// One revocation ends every session of a tenant, and all of them are in use everywhere.
#[test]
fn a_tenant_is_ended() {
    let sessions = scaled(150, 5_000);
    let cluster = Layout::new().start();
    let known: Vec<Session> = (0..sessions).map(|_| cluster.known_session()).collect();
    let node = &cluster.nodes[0].gateway;
    let (head, began) = (
        sql_number(&cluster.database, "SELECT seq FROM sidgate_clock"),
        instant(),
    );
    let config = node.config_file();
    let end = ["sessions", "revoke", "--tenant", "t1", "--config"];
    let end = [&end[..], &[config.to_str().unwrap()]].concat();
    let receipt = sidgate(node.folder(), &end).success();
    let told = began.elapsed();
    assert!(
        receipt.contains(&format!("\"revoked\":{sessions}")),
        "{receipt}"
    );
    // As many as come at once: nobody is admitted, and whoever cannot be told so now is told to come again.
    thread::scope(|scope| {
        for (at, node) in cluster.nodes.iter().enumerate() {
            let known = &known;
            scope.spawn(move || {
                for session in known {
                    let answer = status(&node.gateway, session);
                    assert!(matches!(answer, 401 | 503), "node {at}: {answer}");
                }
            });
        }
    });
    let refused = began.elapsed();
    let later = sql_number(&cluster.database, "SELECT seq FROM sidgate_clock");
    assert_eq!(later - head, 1, "one event for all of them");
    nothing_waits(&cluster);
    for node in &cluster.nodes {
        for session in known.iter().take(20) {
            until_true("a refusal", LONG, || status(&node.gateway, session) == 401);
        }
    }
    println!(
        "FIGURES herd of a tenant: {sessions} sessions, receipt after {told:?}, each refused by each node after {refused:?}"
    );
}
