//! What goes to apps and comes back: how long they take, how much it is, and whether they are in service.

use std::time::Duration;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGauge};
use strum::VariantArray as _;

use super::{Metrics, REQUEST_BUCKETS};
use crate::config::{Coding, Config};
use crate::telemetry::labels::names;
use crate::telemetry::maker::Maker;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::questions::{NoQuestion, Via};

/// The metrics.
#[derive(Debug)]
pub(super) struct Traffic {
    upstream_seconds: HistogramVec,
    of_sites: IntCounterVec,
    of_edges: IntCounterVec,
    edges_refused: IntCounterVec,
    received: IntCounterVec,
    sent: IntCounterVec,
    compressed: IntCounterVec,
    maintenance: IntGauge,
}

impl Traffic {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        let seconds = HistogramOpts::new(
            "sidgate_upstream_seconds",
            "Time from a request to a server of an app to the head of its answer.",
        );
        let seconds = seconds.buckets(REQUEST_BUCKETS.to_vec());
        let upstream_seconds = HistogramVec::new(seconds, &["upstream"])?;
        make.0.register(Box::new(upstream_seconds.clone()))?;
        let maintenance = IntGauge::new(
            "sidgate_maintenance",
            "1 while the apps are out of service by [maintenance].",
        )?;
        make.0.register(Box::new(maintenance.clone()))?;
        Ok(Self {
            upstream_seconds,
            maintenance,
            of_sites: make.counters(
                "site_requests_total",
                "Requests by site and outcome, where sites have names.",
                &["site", "outcome"],
            )?,
            of_edges: make.counters(
                "authz_requests_total",
                "Requests that an edge asked about, by the way of asking and outcome.",
                &["via", "outcome"],
            )?,
            edges_refused: make.closed(
                "authz_refused_total",
                "Questions that were not looked at, by reason.",
                "reason",
                names(NoQuestion::VARIANTS),
            )?,
            received: make.counters(
                "received_bytes_total",
                "Bytes of bodies that clients sent to a route.",
                &["route"],
            )?,
            sent: make.counters(
                "sent_bytes_total",
                "Bytes of bodies that clients got from a route.",
                &["route"],
            )?,
            compressed: make.closed(
                "compressed_total",
                "Answers that were compressed.",
                "algorithm",
                names(Coding::VARIANTS),
            )?,
        })
    }

    /// Begins the series of each app and each route with 0.
    pub(super) fn expect(&self, config: &Config) {
        for upstream in &config.upstreams {
            self.upstream_seconds
                .with_label_values(&[upstream.name.as_str()]);
        }
        for route in config.routes.iter() {
            self.received.with_label_values(&[route.label.as_str()]);
            self.sent.with_label_values(&[route.label.as_str()]);
        }
    }

    /// Begins the series of this outcome with 0 for each way of asking, if edges may ask.
    pub(super) fn expect_of_edges(&self, config: &Config, outcome: Outcome) {
        if config.authz.is_none() {
            return;
        }
        for via in names(Via::VARIANTS) {
            self.of_edges.with_label_values(&[via, outcome.into_str()]);
        }
    }

    /// Begins the series of this outcome with 0 at each site that has a name.
    pub(super) fn expect_of_sites(&self, config: &Config, outcome: Outcome) {
        let sites = &config.sites;
        for site in sites.iter().filter_map(|site| sites.label(site)) {
            self.of_sites
                .with_label_values(&[&*site, outcome.into_str()]);
        }
    }
}

impl Metrics {
    /// A server of this app has begun its answer.
    pub(crate) fn upstream_answers(&self, upstream: &str, took: Duration) {
        let seconds = &self.traffic.upstream_seconds;
        seconds
            .with_label_values(&[upstream])
            .observe(took.as_secs_f64());
    }

    /// A request to this site has ended.
    pub(crate) fn site_request(&self, site: &str, outcome: Outcome) {
        let counters = &self.traffic.of_sites;
        counters
            .with_label_values(&[site, outcome.into_str()])
            .inc();
    }

    /// A request that an edge asked about has its answer.
    pub(crate) fn asked(&self, via: Via, outcome: Outcome) {
        let counters = &self.traffic.of_edges;
        counters
            .with_label_values(&[via.into(), outcome.into_str()])
            .inc();
    }

    /// A question was not looked at.
    pub(crate) fn not_asked(&self, why: NoQuestion) {
        super::one(&self.traffic.edges_refused, why).inc();
    }

    /// Bodies of a request to this route, and of its answer.
    pub(crate) fn bytes(&self, route: &str, (received, sent): (u64, u64)) {
        let Traffic {
            received: of_requests,
            sent: of_answers,
            ..
        } = &self.traffic;
        for (counters, bytes) in [(of_requests, received), (of_answers, sent)] {
            if bytes > 0 {
                counters.with_label_values(&[route]).inc_by(bytes);
            }
        }
    }

    /// An answer is compressed.
    pub(crate) fn compressed(&self, coding: Coding) {
        super::one(&self.traffic.compressed, coding).inc();
    }

    /// The apps are out of service, or back.
    pub(crate) fn maintenance(&self, is_on: bool) {
        self.traffic.maintenance.set(is_on.into());
    }
}
