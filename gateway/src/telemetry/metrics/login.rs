//! What is counted about limits on logins.

use prometheus::{IntCounter, IntCounterVec};
use strum::VariantArray as _;

use super::Metrics;
use crate::limits::logins::Counter;
use crate::telemetry::labels::{Handover, LoginStanding, names};
use crate::telemetry::maker::Maker;

#[derive(Debug)]
pub(super) struct LoginCounters {
    limited: IntCounterVec,
    attempts: IntCounterVec,
    unnoted: IntCounter,
    handovers: IntCounterVec,
}

impl LoginCounters {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            limited: make.closed(
                "login_limited_total",
                "Logins that were turned away because too many had failed.",
                "counter",
                names(Counter::VARIANTS),
            )?,
            attempts: make.closed(
                "login_attempts_total",
                "Logins by what speaks for whoever tries.",
                "standing",
                names(LoginStanding::VARIANTS),
            )?,
            unnoted: make.counter(
                "login_networks_unnoted_total",
                "Logins whose network could not be remembered.",
            )?,
            handovers: make.closed(
                "handover_total",
                "Steps of logins that one site hands to another.",
                "step",
                names(Handover::VARIANTS),
            )?,
        })
    }
}

impl Metrics {
    /// A login was turned away because too many had failed.
    pub(crate) fn login_limited(&self, counter: &str) {
        self.login.limited.with_label_values(&[counter]).inc();
    }

    /// Somebody tries to log in.
    pub(crate) fn login_standing(&self, standing: LoginStanding) {
        let standing: &str = standing.into();
        self.login.attempts.with_label_values(&[standing]).inc();
    }

    /// A step of a login that one site hands to another.
    pub(crate) fn handover(&self, step: Handover) {
        super::one(&self.login.handovers, step).inc();
    }

    /// The network of a login could not be remembered.
    pub(crate) fn login_unnoted(&self) {
        self.login.unnoted.inc();
    }
}
