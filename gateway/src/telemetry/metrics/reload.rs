//! What is counted about reloads and renewed certificates.

use prometheus::{IntCounterVec, IntGaugeVec};
use strum::VariantArray as _;

use super::{Metrics, one};
use crate::telemetry::labels::{CertificateRenewal, Reload, names};
use crate::telemetry::maker::Maker;

#[derive(Debug)]
pub(super) struct ReloadCounters {
    reloads: IntCounterVec,
    last: IntGaugeVec,
    renewals: IntCounterVec,
    not_after: IntGaugeVec,
}

impl ReloadCounters {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            reloads: make.closed(
                "config_reloads_total",
                "Attempts to take another configuration over.",
                "result",
                names(Reload::VARIANTS),
            )?,
            last: make.gauges(
                "config_last_reload_success_timestamp_seconds",
                "When the configuration in use was read, in unix seconds.",
                &[],
            )?,
            renewals: make.counters(
                "tls_certificate_renewals_total",
                "Changes of the files of the certificate.",
                &["result"],
            )?,
            not_after: make.gauges(
                "tls_certificate_not_after_seconds",
                "End of a certificate of the TLS listeners, in unix seconds.",
                &["certificate"],
            )?,
        })
    }
}

const NO_LABELS: [&str; 0] = [];

impl Metrics {
    /// The configuration in use was read at this time, in unix seconds.
    pub(crate) fn configuration_read(&self, now: i64) {
        self.reload.last.with_label_values(&NO_LABELS).set(now);
    }

    /// A reload has ended.
    pub(crate) fn reloaded(&self, result: Reload, now: i64) {
        one(&self.reload.reloads, result).inc();
        if result == Reload::Reloaded {
            self.configuration_read(now);
        }
    }

    /// There is a certificate, whose files may change.
    pub(crate) fn certificate_is_kept(&self) {
        for result in CertificateRenewal::VARIANTS {
            one(&self.reload.renewals, *result).inc_by(0);
        }
    }

    /// The files of the certificate have changed.
    pub(crate) fn certificate_renewal(&self, result: CertificateRenewal) {
        one(&self.reload.renewals, result).inc();
    }

    /// The TLS listeners use certificates that end then, in unix seconds and in the order of the configuration.
    pub(crate) fn certificates_end(&self, not_after: impl Iterator<Item = i64>) {
        let ends = &self.reload.not_after;
        let mut count = 0_usize;
        for (index, not_after) in not_after.enumerate() {
            let certificate = index.to_string();
            ends.with_label_values(&[&certificate]).set(not_after);
            count = index + 1;
        }
        // Those that a reload has taken away.
        while ends.remove_label_values(&[&count.to_string()]).is_ok() {
            count += 1;
        }
    }
}
