//! Metrics for Prometheus. Names are `sidgate_*`, label values come from closed sets.

use std::time::Duration;

use prometheus::{
    Encoder as _, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec,
    IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};
use session_core::cache::breaker::BreakerState;
use session_core::service::Sessions;
use session_core::session::RevokeReason;
use session_core::stats::{ResetReason, SharedReject};

use super::lag::Lag;

/// Buckets of `sidgate_resolve_seconds`, in seconds: from a local hit to the deadline of a read.
const RESOLVE_BUCKETS: [f64; 10] = [1e-6, 5e-6, 2.5e-5, 1e-4, 5e-4, 2e-3, 1e-2, 5e-2, 0.1, 0.25];

/// Counters that the gateway itself keeps, and gauges that mirror the core's at each scrape.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    resolves: IntCounterVec,
    resolve_seconds: HistogramVec,
    refused: IntCounterVec,
    spoofs: IntCounterVec,
    created: IntCounterVec,
    revoked: IntCounterVec,
    events: IntCounterVec,
    backend: IntCounterVec,
    streams_cut: IntCounter,
    migrations: IntCounterVec,
    legacy_uncleared: IntCounter,
    cookies_withheld: IntCounter,
    cookies_dropped: IntCounter,
    upstream_cookies_dropped: IntCounter,
    attributes_omitted: IntCounter,
    mirror: Mirror,
}

/// Values that the core counts.
#[derive(Debug)]
struct Mirror {
    lease_remaining: Gauge,
    applied: IntGauge,
    head: IntGauge,
    resets: IntGaugeVec,
    shared_rejects: IntGaugeVec,
    core: IntGaugeVec,
    breaker: IntGaugeVec,
    inconsistent: IntGauge,
    bulkhead: IntGauge,
    local: IntGauge,
    ready: IntGaugeVec,
    lag: Lag,
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name: a mistake in this file.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let seconds = HistogramOpts::new(
            "sidgate_resolve_seconds",
            "Time to find out about a session.",
        );
        let resolve_seconds =
            HistogramVec::new(seconds.buckets(RESOLVE_BUCKETS.to_vec()), &["tier"])?;
        registry.register(Box::new(resolve_seconds.clone()))?;
        Ok(Self {
            requests: make.counters(
                "requests_total",
                "Requests by route and outcome.",
                &["route", "outcome"],
            )?,
            resolves: make.counters("resolve_total", "Session look-ups.", &["tier", "result"])?,
            refused: make.counters(
                "refused_total",
                "Requests refused at the edge.",
                &["reason"],
            )?,
            spoofs: make.counters(
                "spoof_blocked_total",
                "Reserved header names sent by clients.",
                &["kind"],
            )?,
            created: make.counters("sessions_created_total", "Sessions made.", &["how"])?,
            revoked: make.counters(
                "sessions_revoked_total",
                "Sessions ended through this node.",
                &["reason"],
            )?,
            events: make.counters(
                "session_events_total",
                "X-Session-Event answers of apps.",
                &["event", "result"],
            )?,
            backend: make.counters("backend_total", "Calls to the backend.", &["result"])?,
            cookies_dropped: make.counter(
                "cookies_dropped_total",
                "Cookie pairs that no grammar allows.",
            )?,
            upstream_cookies_dropped: make.counter(
                "upstream_cookies_dropped_total",
                "Set-Cookie of an app that named our cookie.",
            )?,
            attributes_omitted: make.counter(
                "attributes_omitted_total",
                "Identity headers left out as unfit.",
            )?,
            streams_cut: make.counter("streams_cut_total", "Streams ended with their session.")?,
            migrations: make.counters(
                "migration_total",
                "Logins of the old system that were judged.",
                &["result"],
            )?,
            legacy_uncleared: make.counter(
                "migration_uncleared_total",
                "Old cookies that a browser still sends after every way to clear them.",
            )?,
            cookies_withheld: make.counter(
                "migration_cookies_withheld_total",
                "Answers that shared caches may keep, and that therefore could not carry a cookie.",
            )?,
            mirror: Mirror::new(&make)?,
            resolve_seconds,
            registry,
        })
    }

    /// A request has ended.
    pub(crate) fn request(&self, route: &str, outcome: &str) {
        self.requests.with_label_values(&[route, outcome]).inc();
    }

    /// A session was looked up.
    pub(crate) fn resolve(&self, tier: &str, result: &str, took: Duration) {
        self.resolves.with_label_values(&[tier, result]).inc();
        self.resolve_histogram(tier).observe(took.as_secs_f64());
    }

    fn resolve_histogram(&self, tier: &str) -> Histogram {
        self.resolve_seconds.with_label_values(&[tier])
    }

    /// A request was refused at the edge.
    pub(crate) fn refused(&self, reason: &str) {
        self.refused.with_label_values(&[reason]).inc();
    }

    /// A client sent a reserved name.
    pub(crate) fn spoof(&self, kind: &str, times: u64) {
        self.spoofs.with_label_values(&[kind]).inc_by(times);
    }

    /// A session was made by `login`, `event` or `rotate`.
    pub(crate) fn created(&self, how: &str) {
        self.created.with_label_values(&[how]).inc();
    }

    /// Sessions were ended.
    pub(crate) fn revoked(&self, reason: RevokeReason, sessions: u64) {
        self.revoked
            .with_label_values(&[reason.as_str()])
            .inc_by(sessions);
    }

    /// An app answered with an event.
    pub(crate) fn event(&self, event: &str, result: &str) {
        self.events.with_label_values(&[event, result]).inc();
    }

    /// The backend was called.
    pub(crate) fn backend(&self, result: &str) {
        self.backend.with_label_values(&[result]).inc();
    }

    /// A stream was ended because its session had.
    pub(crate) fn stream_cut(&self) {
        self.streams_cut.inc();
    }

    /// A login of the old system was judged.
    pub(crate) fn migration(&self, result: &str) {
        self.migrations.with_label_values(&[result]).inc();
    }

    /// Old cookies cannot be cleared.
    pub(crate) fn legacy_uncleared(&self, names: usize) {
        self.legacy_uncleared
            .inc_by(u64::try_from(names).unwrap_or(0));
    }

    /// An answer could not carry a cookie.
    pub(crate) fn cookies_withheld(&self) {
        self.cookies_withheld.inc();
    }

    /// Cookie pairs were dropped.
    pub(crate) fn cookies_dropped(&self, pairs: usize) {
        self.cookies_dropped
            .inc_by(u64::try_from(pairs).unwrap_or(0));
    }

    /// An app tried to set our cookie.
    pub(crate) fn upstream_cookie_dropped(&self) {
        self.upstream_cookies_dropped.inc();
    }

    /// Identity headers were left out.
    pub(crate) fn attributes_omitted(&self, headers: u64) {
        self.attributes_omitted.inc_by(headers);
    }

    /// The text that a scrape gets.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(crate) fn render(
        &self,
        sessions: &Sessions,
        backend: BreakerState,
    ) -> Result<Vec<u8>, prometheus::Error> {
        self.mirror.update(sessions);
        set(&self.mirror.breaker, "backend", level(backend));
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

impl Mirror {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let lease_remaining = Gauge::new(
            "sidgate_lease_remaining_seconds",
            "What is left of the lease.",
        )?;
        make.0.register(Box::new(lease_remaining.clone()))?;
        Ok(Self {
            lease_remaining,
            applied: make.gauge("applied_seq", "Last event applied.")?,
            head: make.gauge("head_seq", "Last event that the store has named.")?,
            resets: make.gauges(
                "hard_reset_total",
                "Times that everything known was dropped.",
                &["reason"],
            )?,
            shared_rejects: make.gauges(
                "shared_reject_total",
                "Values of the shared cache not accepted.",
                &["reason"],
            )?,
            core: make.gauges("core_total", "Counters of the session core.", &["what"])?,
            breaker: make.gauges(
                "breaker_state",
                "0 closed, 1 half open, 2 open.",
                &["dependency"],
            )?,
            inconsistent: make.gauge(
                "cache_inconsistent_total",
                "Cached sessions that the store contradicts. Must stay 0.",
            )?,
            bulkhead: make.gauge("bulkhead_in_use", "Reads of other tiers under way.")?,
            local: make.gauge("local_sessions", "Sessions held in process.")?,
            ready: make.gauges(
                "ready",
                "What readiness is made of: 1 fulfilled, 0 not.",
                &["check"],
            )?,
            lag: Lag::register(make.0)?,
        })
    }

    fn update(&self, sessions: &Sessions) {
        let stats = sessions.stats();
        self.lease_remaining
            .set(sessions.lease_remaining().as_secs_f64());
        self.applied.set(sessions.applied_seq());
        self.head.set(stats.head.get());
        for reason in ResetReason::ALL {
            set(
                &self.resets,
                reason.as_str(),
                stats.reset(reason).map_or(0, |counter| counter.get()),
            );
        }
        for reason in SharedReject::ALL {
            set(
                &self.shared_rejects,
                reason.as_str(),
                stats
                    .shared_reject(reason)
                    .map_or(0, |counter| counter.get()),
            );
        }
        for (what, counter) in [
            ("beats", &stats.beats),
            ("beats_failed", &stats.beats_failed),
            ("events_applied", &stats.events_applied),
            ("shared_errors", &stats.shared_errors),
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
            ("touches_written", &stats.touches_written),
            ("touches_dropped", &stats.touches_dropped),
        ] {
            set(&self.core, what, counter.get());
        }
        let readiness = sessions.readiness();
        for (check, fulfilled) in [
            ("schema", readiness.schema),
            ("window", readiness.window),
            ("lease", readiness.lease),
        ] {
            set(&self.ready, check, u64::from(fulfilled));
        }
        self.lag.mirror(&stats.revocation_lag);
        if let Some(state) = sessions.shared_breaker() {
            set(&self.breaker, "redis", level(state));
        }
        self.inconsistent
            .set(i64::try_from(stats.inconsistent.get()).unwrap_or(i64::MAX));
        self.bulkhead
            .set(i64::try_from(sessions.fills_in_flight()).unwrap_or(i64::MAX));
        self.local
            .set(i64::try_from(sessions.local_len()).unwrap_or(i64::MAX));
    }
}

fn level(state: BreakerState) -> u64 {
    match state {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    }
}

fn set(gauges: &IntGaugeVec, label: &str, to: u64) {
    gauges
        .with_label_values(&[label])
        .set(i64::try_from(to).unwrap_or(i64::MAX));
}

/// Makes and registers.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let metric = IntCounterVec::new(Opts::new(format!("sidgate_{name}"), help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let metric = IntCounter::new(format!("sidgate_{name}"), help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, prometheus::Error> {
        let metric = IntGaugeVec::new(Opts::new(format!("sidgate_{name}"), help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
        let metric = IntGauge::new(format!("sidgate_{name}"), help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}
