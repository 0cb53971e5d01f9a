//! How busy the connections to PostgreSQL are, read at the moment of a scrape. A store that is a file has none of these series.

use prometheus::Opts;
use prometheus::core::{Collector, Desc, Describer as _};
use prometheus::proto::{Metric, MetricFamily, MetricType};
use session_core::store::postgres::{Connections, ConnectionsSeen};

use super::families::{counter, family, gauge, labelled};
use super::reading::as_f64;

struct Row {
    name: &'static str,
    help: &'static str,
    label: Option<&'static str>,
    kind: MetricType,
    read: fn(ConnectionsSeen) -> Vec<Metric>,
}

const ROWS: [Row; 3] = [
    Row {
        name: "sidgate_store_connections",
        help: "Connections of requests to the store.",
        label: Some("state"),
        kind: MetricType::GAUGE,
        read: |seen| {
            [("open", seen.open), ("busy", seen.busy)]
                .map(|(state, count)| {
                    let count = u64::try_from(count).unwrap_or(u64::MAX);
                    labelled(gauge(as_f64(count)), &[("state", state)])
                })
                .into()
        },
    },
    Row {
        name: "sidgate_store_acquires_total",
        help: "Times that a connection to the store was asked for.",
        label: Some("result"),
        kind: MetricType::COUNTER,
        read: |seen| {
            [
                ("at_once", seen.at_once),
                ("waited", seen.waited),
                ("timed_out", seen.timed_out),
            ]
            .map(|(result, count)| labelled(counter(as_f64(count)), &[("result", result)]))
            .into()
        },
    },
    Row {
        name: "sidgate_store_wait_seconds_total",
        help: "Time spent waiting for a connection to the store.",
        label: None,
        kind: MetricType::COUNTER,
        read: |seen| vec![counter(seen.waiting_time.as_secs_f64())],
    },
];

/// Looks at the connections whenever metrics are gathered.
pub(super) struct OfConnections {
    connections: Connections,
    /// One for each row.
    descriptions: Vec<Desc>,
}

impl OfConnections {
    pub(super) fn new(connections: Connections) -> Result<Self, prometheus::Error> {
        let descriptions = ROWS.iter().map(|row| {
            let labels = row.label.map(str::to_owned);
            Opts::new(row.name, row.help)
                .variable_labels(labels.into_iter().collect())
                .describe()
        });
        Ok(Self {
            connections,
            descriptions: descriptions.collect::<Result<_, _>>()?,
        })
    }
}

impl Collector for OfConnections {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let seen = self.connections.seen();
        let rows = ROWS.iter();
        rows.map(|row| family(row.name, row.help, row.kind, (row.read)(seen)))
            .collect()
    }
}
