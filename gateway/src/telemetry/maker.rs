//! How metrics are made: each has its name, its help and its labels from the start.

use prometheus::{IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// Makes and registers.
pub(super) struct Maker<'a>(pub(super) &'a Registry);

impl Maker<'_> {
    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, prometheus::Error> {
        let metric = IntCounterVec::new(Opts::new(format!("sidgate_{name}"), help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    /// Counters of one label whose values are known: each is there from the start, so that its first increase shows.
    pub(super) fn closed(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = &'static str>,
    ) -> Result<IntCounterVec, prometheus::Error> {
        let metric = self.counters(name, help, &[label])?;
        for value in values {
            metric.with_label_values(&[value]);
        }
        Ok(metric)
    }

    /// The same for two labels.
    pub(super) fn closed_pairs(
        &self,
        name: &str,
        help: &str,
        labels: [&str; 2],
        values: impl IntoIterator<Item = (&'static str, &'static str)>,
    ) -> Result<IntCounterVec, prometheus::Error> {
        let metric = self.counters(name, help, &labels)?;
        for (first, second) in values {
            metric.with_label_values(&[first, second]);
        }
        Ok(metric)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
        let metric = IntCounter::new(format!("sidgate_{name}"), help)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, prometheus::Error> {
        let metric = IntGaugeVec::new(Opts::new(format!("sidgate_{name}"), help), labels)?;
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }
}
