//! Families of metrics, made of numbers that are counted elsewhere.

use std::time::Duration;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use session_core::stats::{SPREAD_BOUNDS_US, Spread};

pub(super) fn family(
    name: &str,
    help: &str,
    kind: MetricType,
    metrics: Vec<Metric>,
) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(metrics);
    family
}

pub(super) fn counter(count: f64) -> Metric {
    let mut counter = Counter::default();
    counter.set_value(count);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    metric
}

pub(super) fn gauge(value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    Metric::from_gauge(gauge)
}

pub(super) fn histogram(spread: &Spread) -> Metric {
    let buckets = cumulative(spread).map(|(bound, within)| {
        let mut bucket = Bucket::default();
        bucket.set_upper_bound(bound);
        bucket.set_cumulative_count(within);
        bucket
    });
    let mut histogram = Histogram::default();
    histogram.set_bucket(buckets.collect());
    histogram.set_sample_count(all(spread));
    histogram.set_sample_sum(seconds(spread.sum_us.get()));
    let mut metric = Metric::default();
    metric.set_histogram(histogram);
    metric
}

pub(super) fn labelled(mut metric: Metric, labels: &[(&str, &str)]) -> Metric {
    let pairs = labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value((*value).to_owned());
        pair
    });
    metric.set_label(pairs.collect());
    metric
}

/// The upper bound of each bucket in seconds, and how many times were at most that.
pub(super) fn cumulative(spread: &Spread) -> impl Iterator<Item = (f64, u64)> {
    let buckets = SPREAD_BOUNDS_US.iter().zip(&spread.buckets);
    buckets.scan(0, |within, (bound, counter)| {
        *within += counter.get();
        Some((seconds(*bound), *within))
    })
}

/// The total count. Buckets are counted first, so their sum may be ahead: never less than that sum.
pub(super) fn all(spread: &Spread) -> u64 {
    let within = cumulative(spread).last().map_or(0, |(_, within)| within);
    spread.count.get().max(within)
}

fn seconds(us: u64) -> f64 {
    Duration::from_micros(us).as_secs_f64()
}
