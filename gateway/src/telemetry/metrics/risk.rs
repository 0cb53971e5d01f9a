//! What is counted about suspicious activity.

use prometheus::IntCounterVec;
use strum::VariantArray as _;

use super::{Metrics, one};
use crate::telemetry::labels::{Delivery, RiskDropped, names, risk_signals};
use crate::telemetry::maker::Maker;

/// What was suspicious.
#[derive(Debug)]
pub(super) struct RiskCounters {
    signals: IntCounterVec,
    dropped: IntCounterVec,
    webhook: IntCounterVec,
}

impl RiskCounters {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            signals: make.closed_pairs(
                "risk_signals_total",
                "Broken rules about suspicious activity.",
                ["rule", "action"],
                risk_signals(),
            )?,
            dropped: make.closed(
                "risk_dropped_total",
                "Changes of context that were not judged, or not recorded.",
                "reason",
                names(RiskDropped::VARIANTS),
            )?,
            webhook: make.closed(
                "risk_webhook_total",
                "Messages about suspicious activity.",
                "result",
                names(Delivery::VARIANTS),
            )?,
        })
    }
}

impl Metrics {
    /// A rule about suspicious activity was broken.
    pub(crate) fn risk_signal(&self, rule: &str, action: &str) {
        self.risk.signals.with_label_values(&[rule, action]).inc();
    }

    /// A change of context could not be judged, or was not recorded.
    pub(crate) fn risk_dropped(&self, why: RiskDropped) {
        one(&self.risk.dropped, why).inc();
    }

    /// A message about a signal was sent, or was not.
    pub(crate) fn risk_webhook(&self, result: Delivery) {
        one(&self.risk.webhook, result).inc();
    }
}
