//! Facts for the tests of rules: one of everything, and nothing happens.

use std::time::Duration;

use crate::advise::facts::{Counted, Facts, Node, Now, Settings, StoreKind};

/// With PostgreSQL, without Redis, everything else by default.
pub(super) fn facts(nodes: Vec<Node>) -> Facts {
    Facts {
        set: Settings {
            store: StoreKind::Postgres,
            store_connections: 16,
            local_max_entries: 100_000,
            local_max_bytes: 256 << 20,
            local_ttl: Duration::from_secs(300),
            local_ttl_max: Duration::from_secs(24 * 3_600),
            negative_ttl: Duration::from_secs(5),
            has_redis: false,
            redis_ttl: Duration::from_secs(1_800),
            max_requests: 10_000,
            access_log_is_a_file: false,
        },
        nodes,
        server: None,
    }
}

/// Watched for ten minutes, with two threads.
pub(super) fn node(name: &str) -> Node {
    Node {
        name: name.to_owned(),
        watched: Duration::from_secs(600),
        is_since_start: false,
        counted: Counted {
            evicted: Some(0.0),
            ..Counted::default()
        },
        now: Now {
            worker_threads: Some(2.0),
            ..Now::default()
        },
    }
}
