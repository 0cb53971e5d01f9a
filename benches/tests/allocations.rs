//! The hot path allocates nothing. Counted, not timed, so it is a test and not a bench.

use futures_util::FutureExt;
use session_core::service::{Query, Resolution};
use sidgate_benches::Node;

#[test]
fn resolving_from_the_local_tier_allocates_nothing() {
    let node = Node::start().unwrap();
    let resolve = |cookie: &str| {
        node.sessions
            .resolve(cookie.as_bytes(), &node.groups, Query::default())
            .now_or_never()
    };
    // Read from the store, installed, and its use noted for this minute.
    for _ in 0..2 {
        let answer = node.runtime().block_on(node.sessions.resolve(
            node.cookie.as_bytes(),
            &node.groups,
            Query::default(),
        ));
        assert!(matches!(answer, Resolution::Active(_)), "{answer:?}");
    }

    let mut answer = None;
    let hit = allocation_counter::measure(|| answer = resolve(&node.cookie));
    assert!(matches!(answer, Some(Resolution::Active(_))), "{answer:?}");
    assert_eq!(hit.count_total, 0, "a local hit: {hit:?}");

    let forged = allocation_counter::measure(|| answer = resolve(&node.forged));
    assert!(matches!(answer, Some(Resolution::Absent(_))), "{answer:?}");
    assert_eq!(forged.count_total, 0, "a forged sid: {forged:?}");

    let loads = node.sessions.stats().store_loads.get();
    assert_eq!(loads, 1, "only the first look-up reads the store");
}
