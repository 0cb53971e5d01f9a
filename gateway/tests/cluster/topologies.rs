//! Redis behind sentinels and as a cluster.

use session_testing::{TestRedis, TestRedisCluster, TestSentinels};
use sidgate_testkit::stores::redis_values;
use sidgate_testkit::wait::{LONG, until_true};

use crate::harness::{Cluster, Layout, core, scaled};

fn cluster_with(url: &str) -> Cluster {
    let redis = format!("[cache]\nredis_url = \"{url}\"\n");
    Layout::new().with(&redis).start()
}

fn revocation_goes_on(cluster: &Cluster, times: usize) {
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    for round in 0..times {
        let session = cluster.known_session();
        traffic.watch(&session);
        cluster.everywhere(&session, 200);
        cluster.log_out(round % 3, &session);
        cluster.everywhere(&session, 401);
        traffic.forget(&session);
    }
    traffic.stop();
}

/// The store names nobody: what nodes hear, they hear from Redis.
fn hints_arrive(cluster: &Cluster) {
    cluster.silence_notify();
    for from in 0..cluster.nodes.len() {
        until_true("hints by Redis", LONG, || {
            let heard = |node: usize| core(&cluster.nodes[node].gateway, "hints");
            let others: Vec<usize> = (0..cluster.nodes.len())
                .filter(|node| *node != from)
                .collect();
            let before: Vec<f64> = others.iter().map(|node| heard(*node)).collect();
            let session = cluster.known_session();
            cluster.log_out(from, &session);
            std::thread::sleep(std::time::Duration::from_millis(100));
            others
                .iter()
                .zip(&before)
                .all(|(node, before)| heard(*node) > *before)
        });
    }
}

/// Values that servers hold.
fn values(servers: &[&TestRedis]) -> usize {
    servers
        .iter()
        .map(|server| redis_values(server).len())
        .sum()
}

/// A node that remembers nothing reads what others have cached.
fn cache_is_used(cluster: &Cluster, servers: &[&TestRedis]) {
    until_true("new values", LONG, || {
        let before = values(servers);
        let _session = cluster.known_session();
        values(servers) > before
    });
    let hits = |cluster: &Cluster| -> f64 {
        let labels = [("tier", "shared"), ("result", "active")];
        let nodes = cluster.nodes.iter();
        nodes
            .map(|node| node.gateway.sum("sidgate_resolve_total", &labels))
            .sum()
    };
    assert!(hits(cluster) > 0.0, "others read what one has cached");
}

/// I08: the master dies under traffic. Nobody notices; the new one is found, for values and for hints.
#[test]
fn sentinels() {
    let mut redis = TestSentinels::start();
    let cluster = cluster_with(&redis.url());
    cache_is_used(&cluster, &[&redis.master]);
    revocation_goes_on(&cluster, scaled(5, 50));
    let traffic = cluster.traffic();
    let session = cluster.known_session();
    traffic.watch(&session);
    redis.fail_over();
    cluster.everywhere(&session, 200);
    traffic.stop();
    revocation_goes_on(&cluster, scaled(5, 50));
    cache_is_used(&cluster, &[&redis.replica]);
    hints_arrive(&cluster);
    cluster
        .history
        .verdict("I08 sentinel")
        .leaves_nobody_in_doubt();
}

#[test]
fn redis_cluster() {
    let redis = TestRedisCluster::start();
    let cluster = cluster_with(&redis.url());
    let servers: Vec<&TestRedis> = redis.servers.iter().collect();
    cache_is_used(&cluster, &servers);
    until_true("keys on every server", LONG, || {
        let _session = cluster.known_session();
        servers
            .iter()
            .all(|server| !redis_values(server).is_empty())
    });
    revocation_goes_on(&cluster, scaled(5, 50));
    hints_arrive(&cluster);
    redis.servers[2].pause();
    revocation_goes_on(&cluster, scaled(5, 50));
    redis.servers[2].resume();
    cluster
        .history
        .verdict("Redis cluster")
        .leaves_nobody_in_doubt();
}
