//! Counters that belong together, made together.

use prometheus::IntCounterVec;
use session_core::session::RevokeReason;
use strum::VariantArray as _;

use crate::telemetry::labels::{BackendResult, Created, Renewed, events, names};
use crate::telemetry::maker::Maker;

/// What is counted about sessions: made, renewed, ended, changed by apps.
pub(super) fn of_sessions(make: &Maker<'_>) -> Result<[IntCounterVec; 4], prometheus::Error> {
    Ok([
        make.closed(
            "sessions_created_total",
            "Sessions made.",
            "how",
            names(Created::VARIANTS),
        )?,
        make.closed(
            "sid_renewals_total",
            "Sids due for renewal.",
            "result",
            names(Renewed::VARIANTS),
        )?,
        make.closed(
            "sessions_revoked_total",
            "Sessions ended through this node.",
            "reason",
            RevokeReason::ALL.map(RevokeReason::as_str),
        )?,
        make.closed_pairs(
            "session_events_total",
            "X-Session-Event answers of apps.",
            ["event", "result"],
            events(),
        )?,
    ])
}

/// What is counted about apps: answers of the backend, and failures of any.
pub(super) fn of_apps(make: &Maker<'_>) -> Result<[IntCounterVec; 3], prometheus::Error> {
    Ok([
        make.closed(
            "backend_total",
            "Calls to the backend.",
            "result",
            names(BackendResult::VARIANTS),
        )?,
        make.counters(
            "upstream_errors_total",
            "Attempts to reach an app that failed.",
            &["upstream", "kind"],
        )?,
        make.counters(
            "upstream_retries_total",
            "Requests that another server of the app was asked.",
            &["upstream"],
        )?,
    ])
}
