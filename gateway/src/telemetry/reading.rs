//! The numbers at one moment, under the names that the dashboard knows.

use std::collections::BTreeMap;

use prometheus::core::{Collector as _, Metric as _};
use prometheus::proto;
use prometheus::{Histogram, HistogramVec, IntCounterVec};

/// Everything that the dashboard draws.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    /// Numbers that only grow.
    pub(super) counters: BTreeMap<String, f64>,
    /// Numbers that go up and down.
    pub(super) gauges: BTreeMap<String, f64>,
    /// Upper bounds in seconds, and how many were at most that; the last bound is infinite.
    pub(super) histograms: BTreeMap<String, Vec<(f64, f64)>>,
}

impl Reading {
    /// Adds to a counter.
    pub(super) fn count(&mut self, name: String, by: u64) {
        *self.counters.entry(name).or_default() += as_f64(by);
    }

    /// Adds counters by the value of one label, or by the group that `group` makes of it. What has never occurred is not
    /// drawn.
    pub(super) fn count_by(
        &mut self,
        name: &str,
        counters: &IntCounterVec,
        label: &str,
        group: impl Fn(&str) -> &str,
    ) {
        for family in counters.collect() {
            for metric in family.get_metric() {
                let count = metric.get_counter().get_value();
                if count > 0.0 {
                    let name = format!("{name}.{}", group(value_of(metric, label)));
                    *self.counters.entry(name).or_default() += count;
                }
            }
        }
    }

    /// Sets a gauge.
    pub(super) fn gauge(&mut self, name: String, to: f64) {
        self.gauges.insert(name, to);
    }

    /// Adds a histogram.
    pub(super) fn histogram(&mut self, name: &str, histogram: &Histogram) {
        self.take(name.to_owned(), &histogram.metric());
    }

    /// Adds a histogram for each value of this label.
    pub(super) fn histograms(&mut self, name: &str, histograms: &HistogramVec, label: &str) {
        for family in histograms.collect() {
            for metric in family.get_metric() {
                if metric.get_histogram().get_sample_count() > 0 {
                    self.take(format!("{name}.{}", value_of(metric, label)), metric);
                }
            }
        }
    }

    fn take(&mut self, name: String, metric: &proto::Metric) {
        let histogram = metric.get_histogram();
        let buckets = histogram.get_bucket().iter();
        let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
        self.buckets(name, buckets, histogram.get_sample_count());
    }

    /// Adds a histogram of `all` times, by the upper bound of each bucket and how many times were at most that.
    pub(super) fn buckets(
        &mut self,
        name: String,
        buckets: impl Iterator<Item = (f64, u64)>,
        all: u64,
    ) {
        let buckets = buckets.chain([(f64::INFINITY, all)]);
        let buckets = buckets.map(|(bound, count)| (bound, as_f64(count)));
        self.histograms.insert(name, buckets.collect());
    }
}

fn value_of<'a>(metric: &'a proto::Metric, label: &str) -> &'a str {
    let mut labels = metric.get_label().iter();
    labels
        .find(|pair| pair.name() == label)
        .map_or("", |pair| pair.value())
}

/// A count for drawing and for Prometheus, which uses floats. Beyond 2^53 it is rounded, which no chart shows.
#[expect(clippy::cast_precision_loss, reason = "drawn, not counted with")]
pub(super) fn as_f64(count: u64) -> f64 {
    count as f64
}
