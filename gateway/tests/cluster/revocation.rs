//! Revocation in health, and with the ways lost by which nodes hear of it at once.

use std::time::Duration;

use sidgate_testkit::stores::sql;

use crate::harness::fault_proxy::Fault;
use crate::harness::{Cluster, Layout, core, scaled};

/// Revokes one session after the other under traffic, and returns when every node has refused each.
fn revoke_many(cluster: &Cluster, name: &str, times: usize) {
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    for _ in 0..times {
        cluster.revoke_one(&traffic);
    }
    traffic.stop();
    cluster.history.verdict(name);
}

/// G01.
#[test]
fn healthy_cluster() {
    let cluster = Layout::new().start();
    revoke_many(&cluster, "G01 healthy", scaled(100, 1_000));
}

/// G01 without Redis: the store's own channel carries everything.
#[test]
fn healthy_cluster_without_redis() {
    let cluster = Layout::new().without_redis().start();
    revoke_many(&cluster, "G01 without Redis", scaled(40, 400));
}

/// G02: the answer of a logout means that no node admits the session.
#[test]
fn acknowledged_logout() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    for round in 0..scaled(40, 400) {
        let session = cluster.known_session();
        traffic.watch(&session);
        cluster.everywhere(&session, 200);
        cluster.log_out(round % 3, &session);
        cluster.everywhere(&session, 401);
        traffic.forget(&session);
    }
    traffic.stop();
    cluster.history.verdict("G02 wait=all");
}

/// G06, G10: nobody hints, the heartbeat hears of it.
#[test]
fn heartbeat_alone() {
    let cluster = Layout::new().start();
    cluster.silence_hints();
    revoke_many(&cluster, "G10 no hints", scaled(10, 100));
}

/// G07: hints that arrive late, twice, in disorder or from anybody change no answer, and wake the heartbeat at most so often.
#[test]
fn flood_of_forged_hints() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let [bystander, victim] = [(); 2].map(|()| cluster.known_session());
    traffic.watch(&bystander);
    traffic.watch(&victim);
    cluster.everywhere(&victim, 200);
    let node = &cluster.nodes[0].gateway;
    let (began, wakes) = (cluster.history.now(), core(node, "hint_wakes"));
    let applied = node.sum("sidgate_applied_seq", &[]);

    let forge = "SELECT pg_notify('sidgate_hint', 'session ' || encode(sha256(i::text::bytea), 'hex')) \
         FROM generate_series(1, 50000) i; \
         SELECT pg_notify('sidgate_hint', (SELECT 'session ' || encode(session_key, 'hex') \
         FROM sidgate_session ORDER BY created_at LIMIT 1)); \
         SELECT pg_notify('sidgate_hint', 'seq 999999999')";
    sql(&cluster.database, forge);
    cluster.nodes[1]
        .redis
        .set(Fault::Latency(Duration::from_millis(500)));
    cluster.everywhere(&victim, 200);
    assert_eq!(
        node.sum("sidgate_applied_seq", &[]),
        applied,
        "hints advance nothing"
    );
    cluster.revoke_by_sql(&victim);
    cluster.everywhere(&victim, 401);
    let woken = core(node, "hint_wakes") - wakes;
    let elapsed = cluster.history.now() - began;
    traffic.stop();

    println!("FIGURES G07: {woken} wakes within {elapsed:?}");
    assert!(
        woken <= elapsed.as_secs_f64() * 100.0 + 10.0,
        "{woken} wakes in {elapsed:?}"
    );
    cluster.history.verdict("G07 forged hints");
}
