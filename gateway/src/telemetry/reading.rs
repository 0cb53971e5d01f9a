//! The metrics at one moment, under the names that the dashboard knows.

use std::collections::BTreeMap;

use prometheus::proto::{Metric, MetricFamily};

/// Everything that the dashboard draws.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    /// Grow only.
    pub(super) counters: BTreeMap<String, f64>,
    /// Go up and down.
    pub(super) gauges: BTreeMap<String, f64>,
    /// Upper bounds in seconds, and how many were at most that; the last bound is infinite.
    pub(super) histograms: BTreeMap<String, Vec<(f64, f64)>>,
}

impl Reading {
    /// Takes what is drawn out of all metrics.
    pub(super) fn of(families: &[MetricFamily]) -> Self {
        let mut reading = Self::default();
        for family in families {
            let Some(name) = family.name().strip_prefix("sidgate_") else {
                continue;
            };
            for metric in family.get_metric() {
                reading.take(name, metric);
            }
        }
        let gauge = |name: &str| reading.gauges.get(name).copied().unwrap_or(0.0);
        let behind = (gauge("head_seq") - gauge("applied_seq")).max(0.0);
        reading.gauges.insert("events_behind".to_owned(), behind);
        reading
    }

    fn take(&mut self, name: &str, metric: &Metric) {
        let label = |wanted: &str| {
            let mut labels = metric.get_label().iter();
            labels
                .find(|label| label.name() == wanted)
                .map(|label| label.value().to_owned())
        };
        let mut count = |name: String, by: f64| *self.counters.entry(name).or_default() += by;
        let counted = metric.get_counter().get_value();
        match name {
            "requests_total" => {
                let outcome = label("outcome").unwrap_or_default();
                count(format!("requests.{}", outcome_group(&outcome)), counted);
            }
            "resolve_total" => count(
                format!("resolve.{}", label("tier").unwrap_or_default()),
                counted,
            ),
            "refused_total" => count(
                format!("refused.{}", label("reason").unwrap_or_default()),
                counted,
            ),
            "spoof_blocked_total" => count(
                format!("spoof.{}", label("kind").unwrap_or_default()),
                counted,
            ),
            "sessions_created_total" => count(
                format!("created.{}", label("how").unwrap_or_default()),
                counted,
            ),
            "sessions_revoked_total" => count(
                format!("revoked.{}", label("reason").unwrap_or_default()),
                counted,
            ),
            "migration_total" => count(
                format!("migration.{}", label("result").unwrap_or_default()),
                counted,
            ),
            // Mirrored from the core at each look, and therefore gauges that only grow.
            "core_total" => count(
                format!("core.{}", label("what").unwrap_or_default()),
                metric.get_gauge().get_value(),
            ),
            "streams_cut_total" => count("streams_cut".to_owned(), counted),
            "lease_remaining_seconds"
            | "local_sessions"
            | "event_streams"
            | "bulkhead_in_use"
            | "applied_seq"
            | "head_seq"
            | "cache_inconsistent_total" => {
                self.gauges
                    .insert(name.to_owned(), metric.get_gauge().get_value());
            }
            "breaker_state" => {
                let dependency = label("dependency").unwrap_or_default();
                self.gauges.insert(
                    format!("breaker.{dependency}"),
                    metric.get_gauge().get_value(),
                );
            }
            "resolve_seconds" => self.histogram(
                format!("resolve.{}", label("tier").unwrap_or_default()),
                metric,
            ),
            "revocation_lag_seconds" => self.histogram("lag".to_owned(), metric),
            "request_seconds" => self.histogram("request".to_owned(), metric),
            _ => {}
        }
    }

    fn histogram(&mut self, name: String, metric: &Metric) {
        let histogram = metric.get_histogram();
        let mut buckets: Vec<(f64, f64)> = histogram
            .get_bucket()
            .iter()
            .map(|bucket| (bucket.upper_bound(), as_f64(bucket.cumulative_count())))
            .collect();
        buckets.push((f64::INFINITY, as_f64(histogram.get_sample_count())));
        self.histograms.insert(name, buckets);
    }
}

/// A count for drawing; what is lost beyond 2^53 is not seen.
#[expect(clippy::cast_precision_loss, reason = "drawn, not counted with")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// What became of a request, in a few groups.
fn outcome_group(outcome: &str) -> &'static str {
    match outcome {
        "active" => "active",
        "anonymous" => "anonymous",
        "none" => "no_session_asked",
        "unknown" | "unavailable" | "overloaded" | "too_many_streams" | "event_not_committed" => {
            "unavailable"
        }
        "bad_gateway" | "gateway_timeout" | "broken_off" | "internal_error" => "app_failed",
        "unauthenticated" | "login_redirect" | "session_evicted" => "login_needed",
        "login" | "logout" | "devices" | "device_ended" | "devices_ended" | "events" | "admin"
        | "openapi" | "dashboard" | "https_redirect" => "own_endpoints",
        "aborted" => "aborted",
        _ => "refused",
    }
}
