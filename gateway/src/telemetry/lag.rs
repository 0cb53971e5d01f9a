//! `sidgate_revocation_lag_seconds`: times that the core has counted, in the form of Prometheus' histograms.

use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Bucket, Histogram, Metric, MetricFamily, MetricType};
use prometheus::{Opts, Registry};
use session_core::stats::{SPREAD_BOUNDS_US, Spread};

const NAME: &str = "sidgate_revocation_lag_seconds";
const HELP: &str = "From the commit of an event until this node had applied it.";

/// The newest state of a [`Spread`].
#[derive(Clone, Debug)]
pub(super) struct Lag {
    desc: Desc,
    newest: Arc<Mutex<Histogram>>,
}

impl Lag {
    pub(super) fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        use prometheus::core::Describer as _;
        let lag = Self {
            desc: Opts::new(NAME, HELP).describe()?,
            newest: Arc::default(),
        };
        registry.register(Box::new(lag.clone()))?;
        Ok(lag)
    }

    /// What the next scrape says.
    pub(super) fn mirror(&self, spread: &Spread) {
        let mut within = 0;
        let buckets = SPREAD_BOUNDS_US.iter().zip(&spread.buckets);
        let buckets = buckets.map(|(bound, counter)| {
            within += counter.get();
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(seconds(*bound));
            bucket.set_cumulative_count(within);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_count(spread.count.get().max(within));
        histogram.set_sample_sum(seconds(spread.sum_us.get()));
        *self.newest.lock() = histogram;
    }
}

fn seconds(us: u64) -> f64 {
    std::time::Duration::from_micros(us).as_secs_f64()
}

impl Collector for Lag {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut metric = Metric::default();
        metric.set_histogram(self.newest.lock().clone());
        let mut family = MetricFamily::default();
        family.set_name(NAME.to_owned());
        family.set_help(HELP.to_owned());
        family.set_field_type(MetricType::HISTOGRAM);
        family.set_metric(vec![metric]);
        vec![family]
    }
}
