//! Metrics for Prometheus. Names are `sidgate_*`, label values come from closed sets.

use std::time::Duration;

use prometheus::{
    Encoder as _, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec,
    Registry, TextEncoder,
};
use session_core::session::RevokeReason;
use session_core::store::postgres::Connections;
use sidgate_policy::edge::Reserved;
use strum::VariantArray as _;

use super::collector::{Collected, Sources};
use super::connections::OfConnections;
use super::labels::{
    BackendResult, Created, EventResult, Judged, Refusal, Renewed, Shed, UpstreamError, names,
    resolved,
};
use super::maker::Maker;
use super::outcome::Outcome;
use super::process::OfProcess;
use super::reading::Reading;

mod configured;
mod groups;
mod login;
mod reload;
mod risk;
mod traffic;

/// Buckets of `sidgate_resolve_seconds`, in seconds: from a local hit to the deadline of a read.
const RESOLVE_BUCKETS: [f64; 10] = [1e-6, 5e-6, 2.5e-5, 1e-4, 5e-4, 2e-3, 1e-2, 5e-2, 0.1, 0.25];

/// Buckets of `sidgate_request_seconds`, in seconds: from an answer of our own to an app that is about to time out.
pub(super) const REQUEST_BUCKETS: [f64; 12] = [
    1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

/// What the gateway itself counts, and the registry that scrapes read.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    resolves: IntCounterVec,
    resolve_seconds: HistogramVec,
    request_seconds: Histogram,
    refused: IntCounterVec,
    shed: IntCounterVec,
    spoofs: IntCounterVec,
    created: IntCounterVec,
    renewals: IntCounterVec,
    revoked: IntCounterVec,
    events: IntCounterVec,
    backend: IntCounterVec,
    upstream_errors: IntCounterVec,
    upstream_retries: IntCounterVec,
    build_info: IntGaugeVec,
    streams_cut: IntCounter,
    migration: Migration,
    risk: risk::RiskCounters,
    login: login::LoginCounters,
    cookies_dropped: IntCounter,
    upstream_cookies_dropped: IntCounter,
    attributes_omitted: IntCounter,
    reload: reload::ReloadCounters,
    traffic: traffic::Traffic,
}

/// What became of logins of the old system.
#[derive(Debug)]
struct Migration {
    judged: IntCounterVec,
    uncleared: IntCounter,
    withheld: IntCounter,
}

impl Migration {
    fn new(make: &Maker<'_>) -> Result<Self, prometheus::Error> {
        Ok(Self {
            judged: make.closed(
                "migration_total",
                "Logins of the old system that were judged.",
                "result",
                names(Judged::VARIANTS),
            )?,
            uncleared: make.counter(
                "migration_uncleared_total",
                "Old cookies that a browser still sends after every way to clear them.",
            )?,
            withheld: make.counter(
                "migration_cookies_withheld_total",
                "Answers that shared caches may keep, and that therefore could not carry a cookie.",
            )?,
        })
    }
}

/// How long look-ups take, and whole requests.
fn times(registry: &Registry) -> Result<(HistogramVec, Histogram), prometheus::Error> {
    let seconds = HistogramOpts::new(
        "sidgate_resolve_seconds",
        "Time to find out about a session.",
    );
    let resolves = HistogramVec::new(seconds.buckets(RESOLVE_BUCKETS.to_vec()), &["tier"])?;
    let seconds = HistogramOpts::new(
        "sidgate_request_seconds",
        "Time from the first byte of a request to the last of its answer.",
    );
    let requests = Histogram::with_opts(seconds.buckets(REQUEST_BUCKETS.to_vec()))?;
    for (tier, _) in resolved() {
        resolves.with_label_values(&[tier]);
    }
    registry.register(Box::new(resolves.clone()))?;
    registry.register(Box::new(requests.clone()))?;
    Ok((resolves, requests))
}

/// The counter of one value of the only label.
fn one(counters: &IntCounterVec, value: impl Into<&'static str>) -> IntCounter {
    let value: &'static str = value.into();
    counters.with_label_values(&[value])
}

impl Metrics {
    /// Registers everything.
    ///
    /// # Errors
    /// When two metrics have one name: a mistake in this file.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let make = Maker(&registry);
        let (resolve_seconds, request_seconds) = times(&registry)?;
        let [created, renewals, revoked, events] = groups::of_sessions(&make)?;
        let [backend, upstream_errors, upstream_retries] = groups::of_apps(&make)?;
        Ok(Self {
            requests: make.counters(
                "requests_total",
                "Requests by route and outcome.",
                &["route", "outcome"],
            )?,
            resolves: make.closed_pairs(
                "resolve_total",
                "Session look-ups.",
                ["tier", "result"],
                resolved(),
            )?,
            refused: make.closed(
                "refused_total",
                "Requests refused at the edge.",
                "reason",
                Refusal::names(),
            )?,
            shed: make.closed(
                "shed_total",
                "Requests turned away because there were too many.",
                "kind",
                Shed::names(),
            )?,
            spoofs: make.closed(
                "spoof_blocked_total",
                "Reserved header names sent by clients.",
                "kind",
                names(Reserved::VARIANTS),
            )?,
            created,
            renewals,
            revoked,
            events,
            backend,
            upstream_errors,
            upstream_retries,
            build_info: make.gauges(
                "build_info",
                "1; the program that runs.",
                &["version", "commit"],
            )?,
            cookies_dropped: make.counter(
                "cookies_dropped_total",
                "Cookie pairs that no grammar allows.",
            )?,
            upstream_cookies_dropped: make.counter(
                "upstream_cookies_dropped_total",
                "Set-Cookie of an app that named our cookie.",
            )?,
            attributes_omitted: make.counter(
                "attributes_omitted_total",
                "Identity headers left out as unfit.",
            )?,
            streams_cut: make.counter("streams_cut_total", "Streams ended with their session.")?,
            migration: Migration::new(&make)?,
            risk: risk::RiskCounters::new(&make)?,
            login: login::LoginCounters::new(&make)?,
            reload: reload::ReloadCounters::new(&make)?,
            traffic: traffic::Traffic::new(&make)?,
            resolve_seconds,
            request_seconds,
            registry,
        })
    }

    /// A request has ended.
    pub(crate) fn request(&self, route: &str, outcome: Outcome, took: Duration) {
        self.requests
            .with_label_values(&[route, outcome.into_str()])
            .inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// A session was looked up.
    pub(crate) fn resolve(&self, tier: &str, result: &str, took: Duration) {
        self.resolves.with_label_values(&[tier, result]).inc();
        self.resolve_histogram(tier).observe(took.as_secs_f64());
    }

    fn resolve_histogram(&self, tier: &str) -> Histogram {
        self.resolve_seconds.with_label_values(&[tier])
    }

    /// A request was refused at the edge.
    pub(crate) fn refused(&self, why: impl Into<Refusal>) {
        one(&self.refused, why.into()).inc();
    }

    /// A request was turned away because there were too many.
    pub(crate) fn shed(&self, kind: Shed) {
        one(&self.shed, kind).inc();
    }

    /// A client sent a reserved name.
    pub(crate) fn spoof(&self, kind: Reserved, times: u64) {
        self.spoofs.with_label_values(&[kind.label()]).inc_by(times);
    }

    /// A session was made.
    pub(crate) fn created(&self, how: Created) {
        one(&self.created, how).inc();
    }

    /// A sid was renewed, or that failed.
    pub(crate) fn renewal(&self, result: Renewed) {
        one(&self.renewals, result).inc();
    }

    /// Sessions were ended.
    pub(crate) fn revoked(&self, reason: RevokeReason, sessions: u64) {
        self.revoked
            .with_label_values(&[reason.as_str()])
            .inc_by(sessions);
    }

    /// An app answered with an event: one of these names, or `none` where no event can be told.
    pub(crate) fn event(&self, event: &str, result: EventResult) {
        self.events.with_label_values(&[event, result.into()]).inc();
    }

    /// The backend was called.
    pub(crate) fn backend(&self, result: BackendResult) {
        one(&self.backend, result).inc();
    }

    /// A server of this app took no connection, or gave no complete answer.
    pub(crate) fn upstream_error(&self, upstream: &str, kind: UpstreamError) {
        self.upstream_errors
            .with_label_values(&[upstream, kind.into()])
            .inc();
    }

    /// A request goes to another server of this app.
    pub(crate) fn upstream_retry(&self, upstream: &str) {
        self.upstream_retries.with_label_values(&[upstream]).inc();
    }

    /// A stream was ended because its session had.
    pub(crate) fn stream_cut(&self) {
        self.streams_cut.inc();
    }

    /// A login of the old system was judged.
    pub(crate) fn migration(&self, result: Judged) {
        one(&self.migration.judged, result).inc();
    }

    /// Old cookies cannot be cleared.
    pub(crate) fn legacy_uncleared(&self, names: usize) {
        self.migration
            .uncleared
            .inc_by(u64::try_from(names).unwrap_or(0));
    }

    /// An answer could not carry a cookie.
    pub(crate) fn cookies_withheld(&self) {
        self.migration.withheld.inc();
    }

    /// Cookie pairs were dropped.
    pub(crate) fn cookies_dropped(&self, pairs: usize) {
        self.cookies_dropped
            .inc_by(u64::try_from(pairs).unwrap_or(0));
    }

    /// An app tried to set our cookie.
    pub(crate) fn upstream_cookie_dropped(&self) {
        self.upstream_cookies_dropped.inc();
    }

    /// Identity headers were left out.
    pub(crate) fn attributes_omitted(&self, headers: u64) {
        self.attributes_omitted.inc_by(headers);
    }

    /// Also publishes the numbers that are counted elsewhere.
    ///
    /// # Errors
    /// When two metrics have one name: a mistake in the table of the collector.
    pub(crate) fn publish(&self, sources: Sources) -> Result<(), prometheus::Error> {
        self.registry.register(Box::new(Collected::new(sources)?))?;
        self.registry.register(Box::new(OfProcess::new()?))
    }

    /// Also publishes how busy the connections to the store are.
    ///
    /// # Errors
    /// When two metrics have one name: a mistake in the table of the collector.
    pub(crate) fn publish_connections(
        &self,
        connections: Connections,
    ) -> Result<(), prometheus::Error> {
        let collector = OfConnections::new(connections)?;
        self.registry.register(Box::new(collector))
    }

    /// What the dashboard draws, as it is now.
    #[must_use]
    pub(crate) fn reading(&self, sources: &Sources) -> Reading {
        let mut reading = Reading::default();
        reading.count_by("requests", &self.requests, "outcome", group_of);
        reading.count_by("resolve", &self.resolves, "tier", as_it_is);
        reading.count_by("refused", &self.refused, "reason", as_it_is);
        reading.count_by("spoof", &self.spoofs, "kind", as_it_is);
        reading.count_by("created", &self.created, "how", as_it_is);
        reading.count_by("revoked", &self.revoked, "reason", as_it_is);
        reading.count_by("migration", &self.migration.judged, "result", as_it_is);
        reading.count("streams_cut".to_owned(), self.streams_cut.get());
        reading.histograms("resolve", &self.resolve_seconds, "tier");
        reading.histogram("request", &self.request_seconds);
        sources.read_into(&mut reading);
        reading
    }

    /// The text that a scrape gets.
    ///
    /// # Errors
    /// When a metric cannot be written.
    pub(crate) fn text(&self) -> Result<Vec<u8>, prometheus::Error> {
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

fn as_it_is(value: &str) -> &str {
    value
}

/// The group in which an outcome is drawn.
pub(super) fn group_of(outcome: &str) -> &str {
    outcome
        .parse()
        .map_or(outcome, |outcome: Outcome| outcome.group().into_str())
}
