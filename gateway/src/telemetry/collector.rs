//! Numbers that are counted elsewhere, read at the moment of a scrape: the session core's, open streams, lost log lines.
//!
//! [`ROWS`] names every one of them once.

use std::sync::Arc;

use prometheus::Opts;
use prometheus::core::{Collector, Desc, Describer as _};
use prometheus::proto::{MetricFamily, MetricType};
use session_core::cache::Local;
use session_core::cache::breaker::{Breaker, BreakerState};
use session_core::service::Sessions;
use session_core::stats::{ResetReason, SharedReject, Spread, Stats};
use strum::VariantArray as _;

use super::families::{all, counter, cumulative, family, gauge, histogram, labelled};
use super::flood;
use super::lines::Trail;
use super::reading::{Reading, as_f64};
use super::servers::{ReadServers, ServerReading};
use super::traces::queue::SpanQueue;
use crate::limits::streams::{Kind, Streams};

/// Where the numbers are read.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    /// The sessions.
    pub sessions: Arc<Sessions>,
    /// Open streams.
    pub streams: Arc<Streams>,
    /// The breaker in front of the backend's judgement of old logins.
    pub backend: Arc<Breaker>,
    /// Where log lines go.
    pub trail: Trail,
    /// Spans that wait to be sent.
    pub spans: Arc<SpanQueue>,
    /// The servers of apps.
    pub servers: Arc<dyn ReadServers>,
    /// Threads that serve requests.
    pub worker_threads: usize,
}

/// One value of each label.
type Labelled<T> = Vec<(&'static str, T)>;

/// How a number is read, which is also what kind of metric it is.
enum Read {
    Counter(fn(&Sources) -> u64),
    /// One counter for each value of this label.
    Counters(&'static str, fn(&Sources) -> Labelled<u64>),
    Gauge(fn(&Sources) -> f64),
    /// One gauge for each value of this label.
    Gauges(&'static str, fn(&Sources) -> Labelled<f64>),
    /// One gauge for each server of an app.
    OfServers(fn(&ServerReading) -> f64),
    Histogram(fn(&Sources) -> &Spread),
}

struct Row {
    name: &'static str,
    help: &'static str,
    read: Read,
}

const ROWS: &[Row] = &[
    Row {
        name: "sidgate_lease_remaining_seconds",
        help: "What is left of the lease.",
        read: Read::Gauge(|of| of.sessions.lease_remaining().as_secs_f64()),
    },
    Row {
        name: "sidgate_applied_seq",
        help: "Last event applied.",
        read: Read::Gauge(|of| seq(of.sessions.applied_seq())),
    },
    Row {
        name: "sidgate_head_seq",
        help: "Last event that the store has named.",
        read: Read::Gauge(|of| seq(of.sessions.stats().head.get())),
    },
    Row {
        name: "sidgate_hard_reset_total",
        help: "Times that everything known was dropped.",
        read: Read::Counters("reason", |of| resets(of.sessions.stats())),
    },
    Row {
        name: "sidgate_shared_reject_total",
        help: "Values of the shared cache not accepted.",
        read: Read::Counters("reason", |of| shared_rejects(of.sessions.stats())),
    },
    Row {
        name: "sidgate_core_total",
        help: "Counters of the session core.",
        read: Read::Counters("what", |of| core(of.sessions.stats())),
    },
    Row {
        name: "sidgate_housekeeping_overdue_seconds",
        help: "How long the oldest row that is still there ought to have been removed; 0 where another node keeps house.",
        read: Read::Gauge(|of| seq(of.sessions.stats().housekeeping_overdue_ms.get()) / 1_000.0),
    },
    Row {
        name: "sidgate_breaker_state",
        help: "0 closed, 1 half open, 2 open.",
        read: Read::Gauges("dependency", breakers),
    },
    Row {
        name: "sidgate_cache_inconsistent_total",
        help: "Cached sessions that the store contradicts. Must stay 0.",
        read: Read::Counter(|of| of.sessions.stats().inconsistent.get()),
    },
    Row {
        name: "sidgate_bulkhead_in_use",
        help: "Reads of other tiers under way.",
        read: Read::Gauge(|of| size(of.sessions.fills_in_flight())),
    },
    Row {
        name: "sidgate_bulkhead_queued_total",
        help: "Reads of other tiers that had to wait for their turn.",
        read: Read::Counter(|of| of.sessions.fills_queued()),
    },
    Row {
        name: "sidgate_local_sessions",
        help: "Sessions held in process.",
        read: Read::Gauge(|of| size(of.sessions.local().len())),
    },
    Row {
        name: "sidgate_local_bytes",
        help: "What the sessions held in process take, estimated from above.",
        read: Read::Gauge(|of| as_f64(of.sessions.local().weight())),
    },
    Row {
        name: "sidgate_local_evictions_total",
        help: "Sessions that had to make room for others in process.",
        read: Read::Counters("entry", |of| evictions(of.sessions.local())),
    },
    Row {
        name: "sidgate_worker_threads",
        help: "Threads that serve requests.",
        read: Read::Gauge(|of| size(of.worker_threads)),
    },
    Row {
        name: "sidgate_ready",
        help: "What readiness is made of: 1 fulfilled, 0 not.",
        read: Read::Gauges("check", readiness),
    },
    Row {
        name: "sidgate_revocation_lag_seconds",
        help: "From the commit of an event until this node had applied it.",
        read: Read::Histogram(|of| &of.sessions.stats().revocation_lag),
    },
    Row {
        name: "sidgate_upstream_healthy",
        help: "1: the server gets requests, 0: it is ejected, unhealthy, or in doubt.",
        read: Read::OfServers(|of| f64::from(u8::from(of.is_healthy))),
    },
    Row {
        name: "sidgate_upstream_connections",
        help: "Requests under way at the server, streams and WebSockets included.",
        read: Read::OfServers(|of| size(of.busy)),
    },
    Row {
        name: "sidgate_event_streams",
        help: "Open event streams of sessions.",
        read: Read::Gauge(|of| size(of.streams.len(Kind::Events))),
    },
    Row {
        name: "sidgate_forwarded_streams",
        help: "WebSockets and long answers.",
        read: Read::Gauge(|of| size(of.streams.len(Kind::Forwarded))),
    },
    Row {
        name: "sidgate_log_lines_lost_total",
        help: "Lines that were dropped: whoever reads them is too slow, or gone.",
        read: Read::Counters("stream", |of| of.trail.lost().into()),
    },
    Row {
        name: "sidgate_spans_total",
        help: "Spans of traced requests, by what became of them.",
        read: Read::Counters("result", |of| of.spans.counts().into()),
    },
    Row {
        name: "sidgate_spans_waiting",
        help: "Spans that wait to be sent.",
        read: Read::Gauge(|of| size(of.spans.len())),
    },
    Row {
        name: "sidgate_security_events_left_out_total",
        help: "Security events that were not written, because too many like them were.",
        read: Read::Counters("event", |_| flood::left_out()),
    },
    Row {
        name: "sidgate_audit_write_failures_total",
        help: "Security events that their file did not take; they are in the log.",
        read: Read::Counter(|of| of.trail.failures()),
    },
];

fn resets(stats: &Stats) -> Labelled<u64> {
    let count = |reason| stats.reset(reason).map_or(0, |counter| counter.get());
    let each = ResetReason::VARIANTS.iter();
    each.map(|reason| (reason.as_str(), count(*reason)))
        .collect()
}

fn shared_rejects(stats: &Stats) -> Labelled<u64> {
    let count = |reason| {
        stats
            .shared_reject(reason)
            .map_or(0, |counter| counter.get())
    };
    let each = SharedReject::VARIANTS.iter();
    each.map(|reason| (reason.as_str(), count(*reason)))
        .collect()
}

fn evictions(local: &Local) -> Labelled<u64> {
    let evictions = local.evictions();
    [("fresh", &evictions.fresh), ("due", &evictions.due)]
        .map(|(entry, counter)| (entry, counter.get()))
        .into()
}

fn core(stats: &Stats) -> Labelled<u64> {
    let counters = [
        ("beats", &stats.beats),
        ("beats_failed", &stats.beats_failed),
        ("reports", &stats.reports),
        ("events_applied", &stats.events_applied),
        ("shared_errors", &stats.shared_errors),
        ("shared_full", &stats.shared_full),
        ("store_loads", &stats.store_loads),
        ("store_errors", &stats.store_errors),
        ("installs_refused", &stats.installs_refused),
        ("samples", &stats.samples),
        ("clock_jumps", &stats.clock_jumps),
        ("second_checks_refused", &stats.second_checks_refused),
        ("logins_overtaken", &stats.logins_overtaken),
        ("hints", &stats.hints),
        ("hint_wakes", &stats.hint_wakes),
        ("hint_channels_lost", &stats.hint_channels_lost),
        ("housekeeping_done", &stats.housekeeping_done),
        ("housekeeping_left", &stats.housekeeping_left),
        ("housekeeping_failed", &stats.housekeeping_failed),
        ("touches_written", &stats.touches_written),
        ("touches_dropped", &stats.touches_dropped),
    ];
    counters.map(|(what, counter)| (what, counter.get())).into()
}

/// The state of each breaker; `redis` only where Redis is configured.
fn breakers(of: &Sources) -> Labelled<f64> {
    let redis = of.sessions.shared_breaker();
    let redis = redis.map(|state| ("redis", level(state)));
    let backend = ("backend", level(of.backend.state()));
    redis.into_iter().chain([backend]).collect()
}

fn readiness(of: &Sources) -> Labelled<f64> {
    let readiness = of.sessions.readiness();
    [
        ("schema", readiness.schema),
        ("rights", readiness.rights),
        ("window", readiness.window),
        ("lease", readiness.lease),
    ]
    .map(|(check, is_fulfilled)| (check, f64::from(u8::from(is_fulfilled))))
    .into()
}

fn level(state: BreakerState) -> f64 {
    match state {
        BreakerState::Closed => 0.0,
        BreakerState::HalfOpen => 1.0,
        BreakerState::Open => 2.0,
    }
}

fn size(of: usize) -> f64 {
    as_f64(u64::try_from(of).unwrap_or(u64::MAX))
}

/// Numbers of events and times are never negative.
fn seq(number: i64) -> f64 {
    as_f64(u64::try_from(number).unwrap_or(0))
}

impl Sources {
    /// Adds what the dashboard draws of these numbers.
    pub(crate) fn read_into(&self, reading: &mut Reading) {
        let stats = self.sessions.stats();
        for (what, count) in core(stats) {
            reading.count(format!("core.{what}"), count);
        }
        let (applied, head) = (seq(self.sessions.applied_seq()), seq(stats.head.get()));
        for (name, value) in [
            (
                "lease_remaining_seconds",
                self.sessions.lease_remaining().as_secs_f64(),
            ),
            ("local_sessions", size(self.sessions.local().len())),
            ("event_streams", size(self.streams.len(Kind::Events))),
            ("bulkhead_in_use", size(self.sessions.fills_in_flight())),
            ("applied_seq", applied),
            ("head_seq", head),
            ("events_behind", (head - applied).max(0.0)),
            ("cache_inconsistent_total", as_f64(stats.inconsistent.get())),
        ] {
            reading.gauge(name.to_owned(), value);
        }
        for (dependency, state) in breakers(self) {
            reading.gauge(format!("breaker.{dependency}"), state);
        }
        let lag = &stats.revocation_lag;
        reading.buckets("lag".to_owned(), cumulative(lag), all(lag));
    }
}

/// Reads [`ROWS`] whenever metrics are gathered.
pub(super) struct Collected {
    sources: Sources,
    /// One for each row.
    descriptions: Vec<Desc>,
}

impl Collected {
    pub(super) fn new(sources: Sources) -> Result<Self, prometheus::Error> {
        let descriptions = ROWS.iter().map(|row| {
            let labels = match row.read {
                Read::Counters(label, _) | Read::Gauges(label, _) => vec![label],
                Read::OfServers(_) => vec!["upstream", "server"],
                Read::Counter(_) | Read::Gauge(_) | Read::Histogram(_) => vec![],
            };
            Opts::new(row.name, row.help)
                .variable_labels(labels.into_iter().map(str::to_owned).collect())
                .describe()
        });
        Ok(Self {
            sources,
            descriptions: descriptions.collect::<Result<_, _>>()?,
        })
    }
}

impl Collector for Collected {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        ROWS.iter().map(|row| read(row, &self.sources)).collect()
    }
}

fn read(row: &Row, sources: &Sources) -> MetricFamily {
    let (kind, metrics) = match &row.read {
        Read::Counter(read) => (MetricType::COUNTER, vec![counter(as_f64(read(sources)))]),
        Read::Counters(label, read) => {
            let metrics = read(sources).into_iter();
            let metrics =
                metrics.map(|(value, count)| labelled(counter(as_f64(count)), &[(label, value)]));
            (MetricType::COUNTER, metrics.collect())
        }
        Read::Gauge(read) => (MetricType::GAUGE, vec![gauge(read(sources))]),
        Read::Gauges(label, read) => {
            let metrics = read(sources).into_iter();
            let metrics = metrics.map(|(value, number)| labelled(gauge(number), &[(label, value)]));
            (MetricType::GAUGE, metrics.collect())
        }
        Read::OfServers(read) => {
            let servers = sources.servers.read_servers().into_iter();
            let metrics = servers.map(|server| {
                let labels = [("server", &*server.server), ("upstream", &*server.upstream)];
                labelled(gauge(read(&server)), &labels)
            });
            (MetricType::GAUGE, metrics.collect())
        }
        Read::Histogram(read) => (MetricType::HISTOGRAM, vec![histogram(read(sources))]),
    };
    family(row.name, row.help, kind, metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_total_is_a_counter_and_nothing_else() {
        for row in ROWS {
            let is_counter = matches!(row.read, Read::Counter(_) | Read::Counters(..));
            assert_eq!(is_counter, row.name.ends_with("_total"), "{}", row.name);
        }
    }
}
