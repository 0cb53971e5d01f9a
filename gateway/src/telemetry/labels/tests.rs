use std::collections::BTreeSet;

use session_core::session::{RevokeReason, RiskRule};
use session_core::stats::{ResetReason, SharedReject};
use sidgate_policy::auth::event::EventKind;
use sidgate_policy::auth::event_permissions::NotPermitted;
use sidgate_policy::edge::Reserved;
use strum::VariantNames as _;

use super::super::documented::{in_code, named, rows};
use super::*;
use crate::limits::logins::Counter;

fn names<T: Copy + Into<&'static str>>(members: &[T]) -> BTreeSet<&'static str> {
    members.iter().map(|member| (*member).into()).collect()
}

/// The names of those that stand for themselves, and of those that stand for others.
fn with<T: Copy + Into<&'static str>>(
    own: &[&'static str],
    outer: &str,
    inner: &[T],
) -> BTreeSet<&'static str> {
    let own = own.iter().copied().filter(|name| *name != outer);
    own.chain(names(inner)).collect()
}

const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// What the document says in code font about a metric, without its name and those of its labels.
fn told(metric: &str) -> BTreeSet<&'static str> {
    let mut rows = rows(OPERATIONS, "## Metrics");
    let row = rows.find(|row| in_code(row).next() == Some(metric));
    let row = row.unwrap_or_else(|| panic!("no row of {metric}"));
    in_code(row.split(" | ").nth(2).unwrap()).collect()
}

#[test]
fn the_document_names_every_value_of_a_label() {
    let metrics = [
        (
            "sidgate_shed_total",
            with(Shed::VARIANTS, "request", shedding::Kind::VARIANTS),
        ),
        ("sidgate_sessions_created_total", names(Created::VARIANTS)),
        ("sidgate_sid_renewals_total", names(Renewed::VARIANTS)),
        ("sidgate_backend_total", names(BackendResult::VARIANTS)),
        ("sidgate_risk_dropped_total", names(RiskDropped::VARIANTS)),
        ("sidgate_risk_webhook_total", names(Delivery::VARIANTS)),
        ("sidgate_migration_total", names(Judged::VARIANTS)),
        ("sidgate_login_limited_total", names(Counter::VARIANTS)),
        ("sidgate_spoof_blocked_total", names(Reserved::VARIANTS)),
        ("sidgate_hard_reset_total", names(ResetReason::VARIANTS)),
        ("sidgate_shared_reject_total", names(SharedReject::VARIANTS)),
        (
            "sidgate_sessions_revoked_total",
            RevokeReason::ALL.map(RevokeReason::as_str).into(),
        ),
        ("sidgate_risk_signals_total", names(RiskRule::VARIANTS)),
        ("sidgate_session_events_total", {
            let results = with(EventResult::VARIANTS, "token", TokenRefused::VARIANTS);
            let fields = [NotPermitted::Claim, NotPermitted::AuthHash];
            let fields = fields.map(NotPermitted::as_str).into();
            &(&results | &names(EventKind::VARIANTS)) | &fields
        }),
    ];
    for (metric, members) in metrics {
        let told = told(metric);
        let missing: Vec<_> = members.difference(&told).collect();
        assert!(
            missing.is_empty(),
            "{metric}: docs/operations.md does not name {missing:?}"
        );
    }
}

#[test]
fn the_document_names_every_reason_for_a_refusal_and_no_other() {
    let own = with(Refusal::VARIANTS, "rule", Refused::VARIANTS);
    let known = &own | &with(&[], "", streams::Full::VARIANTS);
    let known: BTreeSet<&str> = known.into_iter().filter(|name| *name != "stream").collect();
    assert_eq!(named(OPERATIONS, "### Reasons for a refusal"), known);
}
