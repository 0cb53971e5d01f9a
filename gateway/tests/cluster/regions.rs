//! Regions: a node whose store is far away. What a lease costs there is printed, and what is promised holds there too.

use std::time::Duration;

use crate::harness::fault_proxy::Fault;
use crate::harness::{Cluster, Layout, Session, core, scaled, soak, status};

/// The node beside the store, and the one that is far from it.
const HOME: usize = 0;
const FAR: usize = 2;

/// How long each of these took, by the clock of the history.
fn times(cluster: &Cluster, count: usize, mut what: impl FnMut()) -> Vec<Duration> {
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            let begun = cluster.history.now();
            what();
            cluster.history.now() - begun
        })
        .collect();
    times.sort();
    times
}

fn told(times: &[Duration]) -> String {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
    format!(
        "p50 {} max {} ms",
        ms(times[times.len() / 2]),
        ms(times[times.len() - 1])
    )
}

/// Logins, and the first and the second request of a session, at each end.
fn logins_and_requests(cluster: &Cluster, one_way: Duration, rounds: usize) {
    for (name, node) in [("home", HOME), ("far", FAR)] {
        let gateway = &cluster.nodes[node].gateway;
        let mut number = 0;
        let logins = times(cluster, rounds, || {
            number += 1;
            gateway.log_in(&format!("{name}-{number}@example.com"));
        });
        println!(
            "FIGURES region {one_way:?} one way: login {name}: {}",
            told(&logins)
        );
    }
    let made: Vec<Session> = (0..rounds).map(|_| cluster.log_in()).collect();
    for (name, node) in [("home", HOME), ("far", FAR)] {
        for which in ["first", "second"] {
            let mut sessions = made.iter();
            let asked = times(cluster, rounds, || {
                let session = sessions.next().unwrap();
                assert_eq!(status(&cluster.nodes[node].gateway, session), 200);
            });
            println!(
                "FIGURES region {one_way:?} one way: {which} request {name}: {}",
                told(&asked)
            );
        }
    }
}

/// A cluster of three, one of which is as far from the store as `one_way` says, and says what people there notice.
fn region(one_way: Duration) {
    let cluster = Layout::new().without_redis().start();
    let far = &cluster.nodes[FAR];
    cluster.hear_again_after(|| {
        far.postgres.set(Fault::Latency(one_way));
        far.postgres.reset_connections();
    });
    let rounds = scaled(5, 50);
    let failed = core(&far.gateway, "beats_failed");
    let mut least = f64::MAX;

    logins_and_requests(&cluster, one_way, rounds);
    let traffic = cluster.traffic();
    let bystander = cluster.known_session();
    traffic.watch(&bystander);
    for (name, node) in [("home", HOME), ("far", FAR)] {
        let mut ended = (0..rounds).map(|_| {
            let session = cluster.known_session();
            traffic.watch(&session);
            cluster.everywhere(&session, 200);
            let took = times(&cluster, 1, || cluster.log_out(node, &session));
            cluster.everywhere(&session, 401);
            traffic.forget(&session);
            let left = far.gateway.sum("sidgate_lease_remaining_seconds", &[]);
            least = least.min(left);
            took
        });
        let mut ended: Vec<Duration> = ended.by_ref().flatten().collect();
        ended.sort();
        println!(
            "FIGURES region {one_way:?} one way: logout that waits for all, {name}: {}",
            told(&ended)
        );
    }
    for _ in 0..rounds {
        cluster.revoke_one(&traffic);
    }
    traffic.stop();
    println!("FIGURES region {one_way:?} one way: least of the lease far away: {least:.3} s");
    assert_eq!(
        core(&far.gateway, "beats_failed"),
        failed,
        "the lease holds over that distance"
    );
    cluster
        .history
        .verdict(&format!("region {} ms away", one_way.as_millis() * 2));
}

/// A store on the next continent, 80 ms there and back. `make soak` also measures
/// beside the store. Beyond 120 ms a first read does not fit into `store.read_timeout`.
#[test]
fn a_store_that_is_far_away() {
    let distances: &[u64] = if soak() { &[0, 40] } else { &[40] };
    for one_way in distances {
        region(Duration::from_millis(*one_way));
    }
}
