//! PostgreSQL dead, silent, read-only: unknown is never "no", and all is well again afterwards.

use std::thread;
use std::time::Duration;

use sidgate_testkit::app::PASSWORD;
use sidgate_testkit::stores::sql;
use sidgate_testkit::wait::{LONG, until_true};
use sidgate_testkit::{Request, SESSION, login};

use crate::harness::fault_proxy::Fault;
use crate::harness::{Cluster, Layout, scaled};

/// A fault for everybody, from `begin` to `end`. Sessions are served until the lease ends, are unknown then, and come back.
fn outage(cluster: &Cluster, begin: impl FnOnce(&Cluster), end: impl FnOnce(&Cluster)) {
    let traffic = cluster.traffic();
    let session = cluster.known_session();
    traffic.watch(&session);
    cluster.everywhere(&session, 200);
    begin(cluster);
    cluster.everywhere(&session, 503);
    for node in &cluster.nodes {
        for request in [
            login("new@example.com", PASSWORD),
            Request::delete(SESSION).sid(&session.sid),
        ] {
            let answer = node.gateway.send(&request);
            assert_eq!(answer.problem(503), "unavailable");
            assert!(answer.leaves_cookies_alone());
        }
    }
    end(cluster);
    cluster.everywhere(&session, 200);
    cluster.revoke_by_sql(&session);
    cluster.everywhere(&session, 401);
    traffic.stop();
}

/// J02.
#[test]
fn killed() {
    let cluster = Layout::new().own_postgres().start();
    for _ in 0..scaled(1, 5) {
        outage(
            &cluster,
            |cluster| cluster.postgres.stop(),
            |cluster| cluster.postgres.restart(),
        );
    }
    cluster.history.verdict("J02 killed");
}

/// J04. A logout that was sent may still happen when the server goes on: nobody was told anything else.
#[test]
fn silent() {
    let cluster = Layout::new().own_postgres().start();
    let traffic = cluster.traffic();
    let [session, leaving] = [(); 2].map(|()| cluster.known_session());
    traffic.watch(&session);
    cluster.everywhere(&session, 200);
    cluster.postgres.pause();
    cluster.everywhere(&session, 503);
    cluster.history.attempt(&leaving, || {
        let answer = cluster.nodes[0]
            .gateway
            .send(&Request::delete(SESSION).sid(&leaving.sid));
        assert_eq!(answer.problem(503), "unavailable");
    });
    assert_eq!(
        cluster.nodes[0]
            .gateway
            .send(&login("new@example.com", PASSWORD))
            .status,
        503
    );
    cluster.postgres.resume();
    cluster.everywhere(&session, 200);
    traffic.watch(&leaving);
    until_true("a logout that is committed", LONG, || {
        let logout = Request::delete(SESSION).sid(&leaving.sid);
        cluster.nodes[1].gateway.send(&logout).status == 204
    });
    cluster.everywhere(&leaving, 401);
    traffic.stop();
    cluster.history.verdict("J04 silent");
}

/// J06: every connection is cut, again and again. Who is known does not notice, and a read finds another connection.
#[test]
fn connections_terminated() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let session = cluster.known_session();
    traffic.watch(&session);
    for _ in 0..scaled(5, 50) {
        let victim = cluster.known_session();
        traffic.watch(&victim);
        cluster.everywhere(&victim, 200);
        let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()";
        sql(&cluster.database, cut);
        let unread = cluster.log_in();
        traffic.watch(&unread);
        cluster.everywhere(&unread, 200);
        cluster.revoke_by_sql(&victim);
        cluster.everywhere(&victim, 401);
        traffic.forget(&victim);
        traffic.forget(&unread);
    }
    traffic.stop();
    cluster
        .history
        .verdict("J06 terminated")
        .leaves_nobody_in_doubt();
}

/// J14: no revocation can commit, nor can a node report that it may hold a lease. So it holds none as soon as its last report
/// no longer counts.
#[test]
fn read_only() {
    let cluster = Layout::new().own_postgres().start();
    let set = |value: &str| {
        let set = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        let reload = "SELECT pg_reload_conf()";
        let writable = "SET default_transaction_read_only = off";
        for statement in [&set, reload] {
            sql_apart(&cluster, writable, statement);
        }
    };
    outage(&cluster, |_| set("on"), |_| set("off"));
    cluster.history.verdict("J14 read-only");
}

/// A statement outside of a transaction, in a session that was first prepared for it.
fn sql_apart(cluster: &Cluster, first: &str, statement: &str) {
    let work = async {
        let client = cluster.database.client().await;
        client.batch_execute(first).await.unwrap();
        client.batch_execute(statement).await.unwrap();
    };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap().block_on(work);
}

/// The way to PostgreSQL is long, lossy, or lets single bytes through for a while.
#[test]
fn slow_lines() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    let faults = [
        Fault::Latency(Duration::from_millis(50)),
        Fault::Latency(Duration::from_millis(150)),
        Fault::Loss,
        Fault::Trickle(Duration::from_millis(20)),
    ];
    for fault in faults {
        let victim = cluster.known_session();
        traffic.watch(&victim);
        cluster.everywhere(&victim, 200);
        for node in &cluster.nodes {
            node.postgres.set_each_way(Fault::None, fault);
        }
        cluster.revoke_by_sql(&victim);
        thread::sleep(Duration::from_secs(3));
        for node in &cluster.nodes {
            node.postgres.heal();
        }
        cluster.everywhere(&victim, 401);
        cluster.everywhere(&bystander, 200);
        traffic.forget(&victim);
    }
    traffic.stop();
    cluster.history.verdict("PostgreSQL slow lines");
}
