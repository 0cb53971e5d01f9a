//! What the session core counts by itself, copied at each scrape.

use prometheus::{Gauge, IntGauge, IntGaugeVec};
use session_core::cache::breaker::BreakerState;
use session_core::service::Sessions;
use session_core::stats::{ResetReason, SharedReject};

use super::lag::Lag;
use super::lines::Trail;
use super::maker::Maker;

/// Values that the core counts.
#[derive(Debug)]
pub(super) struct Mirror {
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
    local_bytes: IntGauge,
    ready: IntGaugeVec,
    lines_lost: IntGaugeVec,
    audit_failures: IntGauge,
    lag: Lag,
}

impl Mirror {
    /// Registers its gauges.
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
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
            local_bytes: make.gauge(
                "local_bytes",
                "What the sessions held in process take, estimated from above.",
            )?,
            ready: make.gauges(
                "ready",
                "What readiness is made of: 1 fulfilled, 0 not.",
                &["check"],
            )?,
            lines_lost: make.gauges(
                "log_lines_lost_total",
                "Lines that were dropped: whoever reads them is too slow, or gone.",
                &["stream"],
            )?,
            audit_failures: make.gauge(
                "audit_write_failures_total",
                "Security events that their file did not take; they are in the log.",
            )?,
            lag: Lag::register(make.0)?,
        })
    }

    /// What became of lines.
    pub(super) fn lines(&self, trail: &Trail) {
        for (stream, lost) in trail.lost() {
            set(&self.lines_lost, stream, lost);
        }
        self.audit_failures
            .set(i64::try_from(trail.failures()).unwrap_or(i64::MAX));
    }

    /// The breaker of the backend, which is not the core's.
    pub(super) fn backend(&self, state: BreakerState) {
        set(&self.breaker, "backend", level(state));
    }

    /// Reads what the core has counted.
    pub(super) fn update(&self, sessions: &Sessions) {
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
            ("housekeeping_done", &stats.housekeeping_done),
            ("housekeeping_left", &stats.housekeeping_left),
            ("housekeeping_failed", &stats.housekeeping_failed),
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
            .set(i64::try_from(sessions.local().len()).unwrap_or(i64::MAX));
        self.local_bytes
            .set(i64::try_from(sessions.local().weight()).unwrap_or(i64::MAX));
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
