//! What the rules judge by.

use std::time::Duration;

use crate::config::{Config, StoreUrl};

/// As long as `cache.local_ttl` may be.
const LOCAL_TTL_MAX: Duration = Duration::from_secs(24 * 3_600);

/// Everything that is known.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// What the configuration says.
    pub(crate) set: Settings,
    /// The nodes that have answered: at least one.
    pub(crate) nodes: Vec<Node>,
    /// What PostgreSQL says; `None` when the store is a file, or does not answer.
    pub(crate) server: Option<Server>,
}

/// The part of the configuration that rules look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) store: StoreKind,
    pub(crate) store_connections: usize,
    pub(crate) local_max_entries: usize,
    pub(crate) local_max_bytes: u64,
    pub(crate) local_ttl: Duration,
    pub(crate) local_ttl_max: Duration,
    pub(crate) negative_ttl: Duration,
    pub(crate) has_redis: bool,
    pub(crate) redis_ttl: Duration,
    pub(crate) max_requests: usize,
    pub(crate) access_log_is_a_file: bool,
}

/// What kind of store there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreKind {
    /// A file, with its size in bytes.
    Sqlite(u64),
    /// PostgreSQL.
    Postgres,
}

impl Settings {
    /// What rules need of `config`. `file_bytes`: the size of the store, where it is a file.
    pub(crate) fn of(config: &Config, file_bytes: u64) -> Self {
        let (cache, store) = (&config.cache, &config.store);
        Self {
            store: match store.url {
                StoreUrl::Sqlite(_) => StoreKind::Sqlite(file_bytes),
                StoreUrl::Postgres(_) => StoreKind::Postgres,
            },
            store_connections: store.max_connections,
            local_max_entries: cache.local_max_entries.get(),
            local_max_bytes: cache.local_max_bytes,
            local_ttl: cache.local_ttl,
            local_ttl_max: LOCAL_TTL_MAX.min(config.session.absolute_timeout),
            negative_ttl: cache.negative_ttl,
            has_redis: cache.redis_url.is_some(),
            redis_ttl: cache.redis_ttl,
            max_requests: config.edge.max_requests,
            access_log_is_a_file: config.access_log.file.is_some(),
        }
    }
}

/// What PostgreSQL says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Nodes that have reported within the last seconds.
    pub(crate) nodes: usize,
    pub(crate) bytes: u64,
    /// Rows of sessions, where the server has counted them.
    pub(crate) sessions: Option<u64>,
    pub(crate) connections_max: u64,
    pub(crate) connections_open: u64,
}

/// What a node has counted while it was watched, and how it is now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    /// Where it was asked.
    pub(crate) name: String,
    /// For how long it was watched.
    pub(crate) watched: Duration,
    /// Whether that is since its start, because it was asked once.
    pub(crate) is_since_start: bool,
    pub(crate) counted: Counted,
    pub(crate) now: Now,
}

/// Numbers that grew by so much.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub(crate) requests: f64,
    pub(crate) cpu_seconds: f64,
    /// Look-ups that found a session in memory, in Redis and in the store.
    pub(crate) found: Found,
    /// Look-ups that found no session any more, or never one.
    pub(crate) gone: f64,
    /// Reads of the store.
    pub(crate) store_loads: f64,
    /// Reads that waited for their turn, and those that got none.
    pub(crate) reads_queued: f64,
    pub(crate) reads_refused: f64,
    /// Sessions that had to make room though they were still good. `None`: the node does not say.
    pub(crate) evicted: Option<f64>,
    pub(crate) redis_errors: f64,
    pub(crate) sessions_made: f64,
    pub(crate) logins: f64,
    /// Logins turned away: of people who are known here, and of others.
    pub(crate) limited_known: f64,
    pub(crate) limited_others: f64,
    /// Requests turned away because there were too many.
    pub(crate) shed: f64,
    pub(crate) lost: Lost,
    /// `None`: the store is a file, or the node does not say.
    pub(crate) acquires: Option<Acquires>,
}

/// Where sessions were found.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Found {
    pub(crate) local: f64,
    pub(crate) shared: f64,
    pub(crate) store: f64,
}

impl Found {
    pub(crate) fn all(self) -> f64 {
        self.local + self.shared + self.store
    }
}

/// Lines that were lost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Lost {
    pub(crate) log: f64,
    pub(crate) access: f64,
    pub(crate) audit: f64,
}

/// What came of asking for a connection to the store.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Acquires {
    pub(crate) at_once: f64,
    pub(crate) waited: f64,
    pub(crate) timed_out: f64,
    pub(crate) wait_seconds: f64,
}

impl Acquires {
    pub(crate) fn all(self) -> f64 {
        self.at_once + self.waited + self.timed_out
    }
}

/// How a node is at the end. `None`: it does not say.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Now {
    pub(crate) sessions: f64,
    pub(crate) session_bytes: f64,
    pub(crate) worker_threads: Option<f64>,
    pub(crate) open_files: Option<f64>,
    pub(crate) most_files: Option<f64>,
}

impl Node {
    /// How often a second something has happened that was counted so often.
    pub(crate) fn a_second(&self, count: f64) -> f64 {
        let seconds = self.watched.as_secs_f64();
        if seconds > 0.0 { count / seconds } else { 0.0 }
    }
}

impl Facts {
    /// What all nodes have done together in a second.
    pub(crate) fn a_second(&self, count: impl Fn(&Counted) -> f64) -> f64 {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.a_second(count(&node.counted))).sum()
    }

    /// What all nodes have counted.
    pub(crate) fn sum(&self, count: impl Fn(&Counted) -> f64) -> f64 {
        self.nodes.iter().map(|node| count(&node.counted)).sum()
    }

    /// The shortest time for which a node was watched.
    pub(crate) fn watched(&self) -> Duration {
        let nodes = self.nodes.iter();
        nodes.map(|node| node.watched).min().unwrap_or_default()
    }

    /// Nodes that there are: as the store says, or else those that were asked.
    pub(crate) fn node_count(&self) -> usize {
        let known = self.server.map_or(0, |server| server.nodes);
        known.max(self.nodes.len())
    }

    /// The node of which this says most, and how it is called where there are several.
    pub(crate) fn worst(&self, of: impl Fn(&Node) -> f64) -> Option<(&Node, String)> {
        let node = self
            .nodes
            .iter()
            .max_by(|one, other| of(one).total_cmp(&of(other)))?;
        let name = match self.nodes.len() {
            1 => String::new(),
            _ => format!(" ({})", node.name),
        };
        Some((node, name))
    }
}
