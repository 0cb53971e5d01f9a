use std::collections::BTreeSet;

use session_core::service::{Absence, Resolution, Unknown};
use session_core::session::{Dead, RevokeReason};
use session_core::stats::{ResetReason, SharedReject};
use session_core::store::{SchemaError, StoreError};
use sidgate_policy::auth::decide::{self, Finding};
use sidgate_policy::edge::Reserved;

use super::super::documented::{in_code, named, rows};
use super::*;
use crate::limits::logins::Counter;

fn names<T: Copy + Into<&'static str>>(members: &[T]) -> BTreeSet<&'static str> {
    members.iter().map(|member| (*member).into()).collect()
}

fn both(pairs: Vec<(&'static str, &'static str)>) -> BTreeSet<&'static str> {
    let pairs = pairs.into_iter();
    pairs.flat_map(|(first, second)| [first, second]).collect()
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
        ("sidgate_shed_total", Shed::names().into_iter().collect()),
        ("sidgate_sessions_created_total", names(Created::VARIANTS)),
        ("sidgate_sid_renewals_total", names(Renewed::VARIANTS)),
        ("sidgate_backend_total", names(BackendResult::VARIANTS)),
        (
            "sidgate_upstream_errors_total",
            names(UpstreamError::VARIANTS),
        ),
        (
            "sidgate_login_attempts_total",
            names(LoginStanding::VARIANTS),
        ),
        ("sidgate_resolve_total", both(resolved())),
        ("sidgate_risk_dropped_total", names(RiskDropped::VARIANTS)),
        ("sidgate_risk_webhook_total", names(Delivery::VARIANTS)),
        ("sidgate_migration_total", names(Judged::VARIANTS)),
        ("sidgate_config_reloads_total", names(Reload::VARIANTS)),
        (
            "sidgate_tls_certificate_renewals_total",
            names(CertificateRenewal::VARIANTS),
        ),
        ("sidgate_login_limited_total", names(Counter::VARIANTS)),
        ("sidgate_spoof_blocked_total", names(Reserved::VARIANTS)),
        ("sidgate_hard_reset_total", names(ResetReason::VARIANTS)),
        ("sidgate_shared_reject_total", names(SharedReject::VARIANTS)),
        (
            "sidgate_sessions_revoked_total",
            RevokeReason::ALL.map(RevokeReason::as_str).into(),
        ),
        ("sidgate_risk_signals_total", both(risk_signals())),
        ("sidgate_session_events_total", both(events())),
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
    let known: BTreeSet<&str> = Refusal::names().into_iter().collect();
    assert_eq!(named(OPERATIONS, "### Reasons for a refusal"), known);
}

#[test]
fn every_finding_without_a_session_is_among_the_pairs() {
    let absent = [
        Absence::Malformed,
        Absence::Forged,
        Absence::NoSuch,
        Absence::Ended(Dead::Revoked(None)),
        Absence::Ended(Dead::Expired),
        Absence::Ended(Dead::Idle),
        Absence::Ended(Dead::Renewed),
    ];
    let unknown = [
        Unknown::NoLease,
        Unknown::Overloaded,
        Unknown::Deadline,
        Unknown::Overtaken,
        Unknown::Legacy,
        Unknown::Store(StoreError::InRecovery.kind()),
        Unknown::Store(StoreError::Corrupt("identity").kind()),
        Unknown::Store(StoreError::Schema(SchemaError::Missing).kind()),
        Unknown::Store(StoreError::unavailable("down").kind()),
    ];
    let absent = absent.map(Resolution::Absent);
    let unknown = unknown.map(Resolution::Unknown);
    let found = absent.into_iter().chain(unknown).map(Finding::Resolved);
    for finding in found.chain([Finding::NotAsked, Finding::NoCookie]) {
        let pair = decide::labels(&finding);
        assert!(resolved().contains(&pair), "{pair:?}");
    }
}

#[test]
fn the_document_names_every_code_of_the_edge_with_its_reasons() {
    let rows = rows(OPERATIONS, "### Codes of refusals at the edge");
    let told: BTreeSet<(&str, &str)> = rows
        .flat_map(|row| {
            let code = in_code(row).next().unwrap();
            let reasons = row.rsplit(" | ").next().unwrap();
            in_code(reasons).map(move |reason| (code, reason))
        })
        .collect();
    let known = Refused::VARIANTS.iter();
    let known = known.map(|rule| (rule.class().code(), rule.reason()));
    assert_eq!(told, known.collect());
}

#[test]
fn the_statuses_in_the_document_are_those_of_the_answers() {
    for rule in Refused::VARIANTS {
        let mut rows = rows(OPERATIONS, "### Codes of refusals at the edge");
        let code = Some(rule.class().code());
        let row = rows.find(|row| in_code(row).next() == code).unwrap();
        let statuses = row.split(" | ").nth(1).unwrap();
        assert!(
            statuses.contains(&rule.status().to_string()),
            "{rule:?}: {row}"
        );
    }
}
