//! Series whose labels come from the build or from the configuration: they are there before anything has happened.

use strum::VariantArray as _;

use super::Metrics;
use crate::config::Config;
use crate::telemetry::build::Build;
use crate::telemetry::labels::UpstreamError;
use crate::telemetry::outcome::{Group, Outcome};

impl Metrics {
    /// Says which program runs.
    pub(crate) fn runs(&self, build: Build) {
        self.build_info
            .with_label_values(&[build.version, build.commit])
            .set(1);
    }

    /// Begins the series of each app, each route and each site with 0. Of routes and sites those outcomes that alerts count:
    /// the others show when they first occur.
    pub(crate) fn expect(&self, config: &Config) {
        self.traffic.expect(config);
        for upstream in &config.upstreams {
            self.upstream_retries
                .with_label_values(&[upstream.name.as_str()]);
            for kind in UpstreamError::VARIANTS {
                self.upstream_errors
                    .with_label_values(&[upstream.name.as_str(), (*kind).into()]);
            }
        }
        let failures = Outcome::VARIANTS
            .iter()
            .filter(|outcome| matches!(outcome.group(), Group::Unavailable | Group::AppFailed));
        for outcome in failures {
            for route in config.routes.iter() {
                self.requests
                    .with_label_values(&[route.label.as_str(), (*outcome).into_str()]);
            }
            self.traffic.expect_of_sites(config, *outcome);
            self.traffic.expect_of_edges(config, *outcome);
        }
    }
}
