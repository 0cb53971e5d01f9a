//! Redis dead, silent, slow, lying: nobody is refused, nobody is left in doubt, and revocation is as fast as without it.

use std::thread;
use std::time::Duration;

use session_testing::TestRedis;
use sidgate_testkit::stores::{redis_set, redis_values};
use sidgate_testkit::wait::{LONG, until_true};

use crate::harness::fault_proxy::Fault;
use crate::harness::{Cluster, Layout, core, scaled, status};

/// Revokes under a fault. Sessions of others are served by everybody all the time, old ones and new ones.
fn revocation_goes_on(cluster: &Cluster, times: usize) {
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    for _ in 0..times {
        cluster.revoke_one(&traffic);
    }
    cluster.everywhere(&bystander, 200);
    traffic.stop();
}

fn fault_on_every_line(name: &str, up: Fault, down: Fault) {
    let cluster = Layout::new().start();
    for node in &cluster.nodes {
        node.redis.set_each_way(up, down);
    }
    revocation_goes_on(&cluster, scaled(8, 80));
    cluster.history.verdict(name).leaves_nobody_in_doubt();
    for node in &cluster.nodes {
        let doing = node.gateway.sum("sidgate_bulkhead_in_use", &[]);
        assert_eq!(doing, 0.0, "nothing piles up");
        node.redis.heal();
    }
}

/// I02: killed under load, and back.
#[test]
fn killed() {
    let mut cluster = Layout::new().start();
    revocation_goes_on(&cluster, 2);
    cluster.redis.stop();
    revocation_goes_on(&cluster, scaled(5, 50));
    cluster.redis.restart();
    revocation_goes_on(&cluster, scaled(5, 50));
    cluster
        .history
        .verdict("I02 killed")
        .leaves_nobody_in_doubt();
}

/// I03.
#[test]
fn silent() {
    let cluster = Layout::new().start();
    cluster.redis.pause();
    revocation_goes_on(&cluster, scaled(8, 80));
    cluster.redis.resume();
    cluster
        .history
        .verdict("I03 silent")
        .leaves_nobody_in_doubt();
}

/// I04.
#[test]
fn latency() {
    let late = Fault::Latency(Duration::from_millis(100));
    fault_on_every_line("I04 latency", late, late);
}

/// I04.
#[test]
fn loss() {
    fault_on_every_line("I04 loss", Fault::Loss, Fault::Loss);
}

/// I04.
#[test]
fn trickle() {
    let slow = Fault::Trickle(Duration::from_secs(1));
    fault_on_every_line("I04 trickle", Fault::None, slow);
}

#[test]
fn half_closed() {
    fault_on_every_line("Redis half closed", Fault::None, Fault::HalfClose);
}

/// I05: back, away, back, away. The breaker must not wedge.
#[test]
fn flapping() {
    let cluster = Layout::new().start();
    for round in 0..scaled(6, 60) {
        for node in &cluster.nodes {
            if round % 2 == 0 {
                node.redis.refuse();
            } else {
                node.redis.heal();
            }
        }
        revocation_goes_on(&cluster, 1);
        thread::sleep(Duration::from_millis(300));
    }
    for node in &cluster.nodes {
        node.redis.heal();
    }
    cluster
        .history
        .verdict("I05 flapping")
        .leaves_nobody_in_doubt();
    until_true("Redis in use again", LONG, || {
        let before = redis_values(&cluster.redis).len();
        let _session = cluster.known_session();
        redis_values(&cluster.redis).len() > before
    });
}

/// I08, X3: Redis goes back to an old state, again and again.
#[test]
fn rolled_back() {
    let cluster = Layout::new().start();
    let traffic = cluster.traffic();
    let session = cluster.known_session();
    until_true("values in Redis", LONG, || {
        !redis_values(&cluster.redis).is_empty()
    });
    let old = redis_values(&cluster.redis);
    traffic.watch(&session);
    cluster.everywhere(&session, 200);
    cluster.revoke_by_sql(&session);
    let began = cluster.history.now();
    // Longer than "there is no such session" is remembered.
    while cluster.history.now() - began < Duration::from_secs(7) {
        for (key, value) in &old {
            redis_set(&cluster.redis, key, value);
        }
        thread::sleep(Duration::from_millis(20));
    }
    cluster.everywhere(&session, 401);
    traffic.stop();
    let rejects: f64 = cluster
        .nodes
        .iter()
        .map(|node| {
            node.gateway
                .sum("sidgate_shared_reject_total", &[("reason", "outdated")])
        })
        .sum();
    assert!(rejects > 0.0, "somebody has read the old value");
    cluster
        .history
        .verdict("I08 rolled back")
        .leaves_nobody_in_doubt();
}

/// I09: nodes on two sides of a split see two masters.
#[test]
fn split_brain() {
    let cluster = Layout::new().start();
    let other_side = TestRedis::start();
    revocation_goes_on(&cluster, 2);
    cluster.nodes[1].redis.lead_to(other_side.port());
    revocation_goes_on(&cluster, scaled(8, 80));
    cluster.nodes[1].redis.lead_to(cluster.redis.port());
    revocation_goes_on(&cluster, 2);
    cluster
        .history
        .verdict("I09 split brain")
        .leaves_nobody_in_doubt();
}

/// I11: evictions are misses and nothing else.
#[test]
fn evictions() {
    let cluster = Layout::new().start();
    for setting in [["maxmemory", "2mb"], ["maxmemory-policy", "allkeys-lru"]] {
        let words = [&["CONFIG", "SET"][..], &setting].concat();
        assert_eq!(cluster.redis.command(&words).trim(), "OK");
    }
    revocation_goes_on(&cluster, scaled(8, 80));
    cluster
        .history
        .verdict("I11 evictions")
        .leaves_nobody_in_doubt();
}

/// I14: the password changes while nodes are connected. It costs the cache and stays out of the logs.
#[test]
fn password_changed() {
    const PASSWORD: &str = "a-password-that-nobody-must-see";
    let cluster = Layout::new().start();
    let set = cluster
        .redis
        .command(&["CONFIG", "SET", "requirepass", PASSWORD]);
    assert_eq!(set.trim(), "OK");
    for node in &cluster.nodes {
        node.redis.reset_connections();
    }
    revocation_goes_on(&cluster, scaled(5, 50));
    cluster
        .history
        .verdict("I14 password")
        .leaves_nobody_in_doubt();
    for node in &cluster.nodes {
        assert!(
            core(&node.gateway, "shared_errors") > 0.0,
            "it shows on the metrics"
        );
        assert!(!node.gateway.output().contains(PASSWORD));
    }
}

/// I15: Redis is away and the store is slow. Who is known is served; who is not has an answer within the bounds.
#[test]
fn away_while_the_store_is_slow() {
    let mut cluster = Layout::new().start();
    let known = cluster.known_session();
    let traffic = cluster.traffic();
    traffic.watch(&known);
    cluster.everywhere(&known, 200);
    cluster.redis.stop();
    let unread = cluster.nodes[0].gateway.log_in("somebody@example.com");
    for node in &cluster.nodes {
        node.postgres
            .set_each_way(Fault::None, Fault::Latency(Duration::from_millis(300)));
    }
    cluster.pass_a_lease();
    cluster.pass_a_lease();
    for node in &cluster.nodes[1..] {
        let answer = node
            .gateway
            .send(&sidgate_testkit::Request::get("/required").sid(&unread));
        assert!([200, 503].contains(&answer.status), "{answer:?}");
    }
    cluster.everywhere(&known, 200);
    traffic.stop();
    cluster
        .history
        .verdict("I15 store slow, no Redis")
        .leaves_nobody_in_doubt();
    assert_eq!(status(&cluster.nodes[0].gateway, &known), 200);
}

/// I17: a value far larger than any of ours.
#[test]
fn value_of_64_megabytes() {
    let cluster = Layout::new().nodes(2).start();
    until_true("a value in Redis", LONG, || {
        let _session = cluster.known_session();
        !redis_values(&cluster.redis).is_empty()
    });
    let huge = vec![0xff; 64 << 20];
    for (key, _) in redis_values(&cluster.redis) {
        redis_set(&cluster.redis, &key, &huge);
    }
    revocation_goes_on(&cluster, 3);
    cluster
        .history
        .verdict("I17 huge value")
        .leaves_nobody_in_doubt();
}
