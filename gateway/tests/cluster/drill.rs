//! `sidgate drill` against real fleets: what it says of one that is well, of one that is slow, and of one that breaks a promise.

use serde_json::Value;
use sidgate_testkit::Gateway;
use sidgate_testkit::drill::{ALLOWED, Drill, nodes_of, status};
use sidgate_testkit::wait::{LONG, until_true};

use crate::harness::fault_proxy::Fault;
use crate::harness::{Cluster, Layout};

fn fleet(cluster: &Cluster) -> Vec<&Gateway> {
    cluster.nodes.iter().map(|node| &node.gateway).collect()
}

fn report(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The places where nothing is left of a drill.
fn is_undone(cluster: &Cluster) -> bool {
    cluster.nodes.iter().all(|node| {
        let status = status(&node.gateway);
        node.gateway.is_ready() && status["drill"].is_null() && status["bulkhead_in_use"] == 0
    })
}

#[test]
fn a_fleet_that_is_well_holds_everything() {
    let cluster = Layout::new().with(ALLOWED).start();
    let nodes = fleet(&cluster);
    let url = cluster.redis.url();
    let outcome = Drill::start(&nodes, &["--redis-url", &url]).end();
    println!("{}\n{}", outcome.stderr, outcome.stdout);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let report = report(&outcome.stdout);
    assert!(["held", "slow"].contains(&report["verdict"].as_str().unwrap()));
    assert_eq!(report["nodes"].as_array().map(Vec::len), Some(3));
    for exercise in ["canary", "heartbeat", "redis", "bulkhead"] {
        assert_eq!(nodes_of(&report, exercise).len(), 3, "{exercise}");
    }
    for node in nodes_of(&report, "canary") {
        assert!(node["measured"]["first_refusal_ms"].is_u64(), "{node}");
    }
    let held = &nodes_of(&report, "heartbeat")[0]["measured"];
    assert!(held["last_admission_ms"].as_u64() <= Some(2_000), "{held}");
    for node in nodes_of(&report, "redis") {
        assert_eq!(node["measured"]["breaker"], "opened", "{node}");
        assert!(
            node["measured"]["unknown_asked"].as_u64() > Some(10),
            "{node}"
        );
    }
    let full = &nodes_of(&report, "bulkhead")[0]["measured"];
    assert_eq!(full["places_taken"], 80, "{full}");
    assert!(full["unknown_shed"].as_u64() > Some(0), "{full}");
    until_true("nothing left of it", LONG, || is_undone(&cluster));
    let steps = |node: &Gateway| -> Vec<String> {
        let events = node.security_events().into_iter();
        let drills = events.filter(|event| event["event"] == "drill");
        drills
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(steps(nodes[0]), ["begin", "end"]);
    let faults = [
        "begin",
        "hold_heartbeat",
        "undo",
        "fill_bulkhead",
        "undo",
        "end",
    ];
    assert_eq!(steps(nodes[2]), faults);
    let asked = outcome
        .stderr
        .lines()
        .filter(|line| line.contains(r#""event":"drill""#));
    assert_eq!(
        asked.count(),
        2,
        "the shell's own lines: {}",
        outcome.stderr
    );
}

#[test]
fn a_fleet_that_nobody_tells_of_news_is_slow_and_within_the_bound() {
    let cluster = Layout::new().nodes(2).without_redis().with(ALLOWED).start();
    cluster.silence_notify();
    let outcome = Drill::start(&fleet(&cluster), &["--only", "canary"]).end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let report = report(&outcome.stdout);
    assert_eq!(report["verdict"], "slow", "{report:#}");
    let nodes = nodes_of(&report, "canary");
    let slow = nodes.iter().find(|node| node["verdict"] == "slow");
    let why = slow.expect("a slow node")["why"].as_str().unwrap();
    assert!(why.contains("within the bound of 2000 ms"), "{why}");
}

#[test]
fn a_node_that_should_not_have_noticed_is_reported() {
    let cluster = Layout::new().nodes(2).without_redis().with(ALLOWED).start();
    let drill = Drill::start(&fleet(&cluster), &["--only", "heartbeat"]);
    let held = &cluster.nodes[1].gateway;
    until_true("a node without a lease", LONG, || !held.is_ready());
    // Somebody cuts the other one off meanwhile. It answers 503, which no exercise asked for.
    cluster.nodes[0].postgres.set(Fault::Freeze);
    let bystander = &cluster.nodes[0].gateway;
    until_true("the other one without a lease", LONG, || {
        !bystander.is_ready()
    });
    cluster.nodes[0].postgres.heal();
    let outcome = drill.end();
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    let report = report(&outcome.stdout);
    assert_eq!(report["verdict"], "broken", "{report:#}");
    let why = nodes_of(&report, "heartbeat")[1]["why"].to_string();
    assert!(why.contains("times 503"), "{why}");
    until_true("nothing left of it", LONG, || is_undone(&cluster));
}
