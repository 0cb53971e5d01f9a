//! Redis as fleets run it, while something happens to it: slots move, masters die, memory ends, servers freeze and vanish.
//! Sessions are revoked all the time, and nobody may be refused or left in doubt.

use std::thread;
use std::time::Duration;

use session_testing::{
    RedisUser, Secured, TestAuthority, TestRedis, TestRedisCluster, TestSentinels,
};
use sidgate_testkit::wait::{LONG, until_true};

use crate::harness::{Cluster, Layout, core, scaled, soak};

/// What docs/redis.md gives to a gateway.
const RIGHTS: &str = "~sidgate:1:* &sidgate:1:hint -@all +get +set +unlink +publish +subscribe";
const ASKING: &str = "-@all +sentinel|get-master-addr-by-name +sentinel|sentinels";

fn cluster_with(url: &str, authority: Option<&TestAuthority>) -> Cluster {
    let mut redis = format!("[cache]\nredis_url = \"{url}\"\n");
    if let Some(authority) = authority {
        redis += &format!("ca = {:?}\n", authority.certificate());
    }
    Layout::new().with(&redis).start()
}

fn secured(authority: &TestAuthority, more: &str) -> Secured {
    Secured {
        shown: authority.server(),
        authority: authority.certificate(),
        user: RedisUser::new("gw", &format!("{RIGHTS} {more}")),
        asker: RedisUser::new("asker", ASKING),
    }
}

/// Answers of a node that came from Redis.
fn hits(cluster: &Cluster) -> Vec<f64> {
    let labels = [("tier", "shared"), ("result", "active")];
    let nodes = cluster.nodes.iter();
    nodes
        .map(|node| node.gateway.sum("sidgate_resolve_total", &labels))
        .collect()
}

/// How long it takes from now until every node has had an answer from Redis again.
fn hits_again(cluster: &Cluster) -> Duration {
    let (began, before) = (cluster.history.now(), hits(cluster));
    until_true("answers from Redis", 2 * LONG, || {
        let _somebody = cluster.known_session();
        let now = hits(cluster);
        now.iter().zip(&before).all(|(now, before)| now > before)
    });
    cluster.history.now() - began
}

/// Revokes one session after the other, from before `fault` until after it; others are served all the time. `heal` then sees
/// to it that Redis can be used again. Prints what it came to.
fn under(name: &str, cluster: &Cluster, fault: impl FnOnce() + Send, heal: impl FnOnce()) {
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    let revoke = |round: usize| {
        let session = cluster.known_session();
        traffic.watch(&session);
        cluster.everywhere(&session, 200);
        if round.is_multiple_of(2) {
            cluster.revoke_by_sql(&session);
        } else {
            cluster.log_out(round % cluster.nodes.len(), &session);
        }
        cluster.everywhere(&session, 401);
        traffic.forget(&session);
    };
    revoke(0);
    let began = cluster.history.now();
    thread::scope(|scope| {
        let fault = scope.spawn(fault);
        let rounds = 1..;
        rounds
            .take_while(|round| *round <= scaled(3, 30) || !fault.is_finished())
            .for_each(&revoke);
        fault.join().expect("the fault happens");
    });
    let lasted = cluster.history.now() - began;
    heal();
    let again = hits_again(cluster);
    cluster.everywhere(&bystander, 200);
    traffic.stop();
    let verdict = cluster.history.verdict(name);
    println!(
        r#"FLEET {{"part":"redis","fault":"{name}","seconds":{:.1},"requests":{},"undecided":{},"busy":{},"revocations":{},"worst_ms":{:.1},"again_s":{:.1}}}"#,
        lasted.as_secs_f64(),
        verdict.admissions,
        verdict.undecided.len(),
        verdict.excused,
        verdict.revocations,
        verdict.worst.as_secs_f64() * 1_000.0,
        again.as_secs_f64(),
    );
    verdict.leaves_nobody_in_doubt();
}

#[test]
fn slots_are_moved() {
    let redis = TestRedisCluster::start();
    let cluster = cluster_with(&redis.url(), None);
    let fault = || {
        for (from, to) in [(0, 1), (1, 2), (2, 0)]
            .into_iter()
            .cycle()
            .take(scaled(2, 12))
        {
            redis.reshard(from, to, scaled(300, 2_000));
        }
    };
    under(
        "slots moved by redis-cli --cluster reshard",
        &cluster,
        fault,
        || (),
    );
}

#[test]
fn a_master_of_a_cluster_dies() {
    let authority = TestAuthority::new();
    let mut redis = TestRedisCluster::secured(secured(&authority, "+cluster|info +cluster|slots"));
    let cluster = cluster_with(&redis.url(), Some(&authority));
    let fault = || redis.fail_over(0);
    under("master of a cluster killed, TLS", &cluster, fault, || ());
}

#[test]
fn sentinels_replace_a_master() {
    let authority = TestAuthority::new();
    let mut redis = TestSentinels::secured(secured(&authority, "+role"));
    let cluster = cluster_with(&redis.url(), Some(&authority));
    let fault = || redis.fail_over();
    under(
        "master behind sentinels killed, TLS",
        &cluster,
        fault,
        || (),
    );
}

fn set(redis: &TestRedis, settings: &[&str]) {
    let words = [&["CONFIG", "SET"][..], settings].concat();
    assert_eq!(redis.command(&words).trim(), "OK");
}

/// Other programs fill the memory with keys that have no end.
fn fill(redis: &TestRedis) {
    let said = redis.command(&["DEBUG", "POPULATE", "20000", "of-others", "200"]);
    assert!(said.contains("OK"), "{said}");
}

#[test]
fn memory_ends_and_everything_may_be_evicted() {
    if !soak() {
        return;
    }
    let cluster = Layout::new().start();
    let redis = &cluster.redis;
    let fault = || {
        set(
            redis,
            &["maxmemory", "4mb", "maxmemory-policy", "allkeys-lru"],
        );
        for _ in 0..scaled(2, 20) {
            fill(redis);
            thread::sleep(Duration::from_millis(500));
        }
    };
    let heal = || set(redis, &["maxmemory", "0"]);
    under("memory full, allkeys-lru", &cluster, fault, heal);
}

/// `OOM` for every `SET`. Redis is read as before, so the breaker stays closed.
#[test]
fn memory_ends_and_nothing_is_evicted() {
    let cluster = Layout::new().start();
    let redis = &cluster.redis;
    let fault = || {
        set(redis, &["maxmemory", "1", "maxmemory-policy", "noeviction"]);
        thread::sleep(Duration::from_secs(scaled(2, 30) as u64));
    };
    let heal = || {
        for node in &cluster.nodes {
            let refused = core(&node.gateway, "shared_full");
            assert!(refused > 0.0, "it shows on the metrics");
            let labels = [("dependency", "redis")];
            let breaker = node.gateway.sum("sidgate_breaker_state", &labels);
            assert_eq!(breaker, 0.0, "the breaker stays closed");
        }
        set(redis, &["maxmemory", "0"]);
    };
    under("memory full, noeviction", &cluster, fault, heal);
}

#[test]
fn frozen() {
    if !soak() {
        return;
    }
    let cluster = Layout::new().start();
    let redis = &cluster.redis;
    let fault = || {
        redis.pause();
        thread::sleep(Duration::from_secs(scaled(2, 60) as u64));
        redis.resume();
    };
    under("frozen", &cluster, fault, || ());
}

#[test]
fn gone_for_a_minute() {
    if !soak() {
        return;
    }
    let mut cluster = Layout::new().start();
    let mut redis = std::mem::replace(&mut cluster.redis, TestRedis::start());
    let fault = || {
        redis.stop();
        thread::sleep(Duration::from_secs(scaled(2, 60) as u64));
        redis.restart();
    };
    under("gone", &cluster, fault, || ());
}
