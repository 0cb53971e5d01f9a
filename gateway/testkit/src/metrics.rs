//! Numbers of `/metrics`.

use std::collections::BTreeMap;

/// One reading of every series, in Prometheus' text form.
#[derive(Debug)]
pub struct Metrics(Vec<Series>);

#[derive(Debug)]
struct Series {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .filter(|line| !line.is_empty())
                .map(Series::parse)
                .collect(),
        )
    }

    /// The sum over the series of `name` that have all of `labels`.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.0
            .iter()
            .filter(|series| series.name == name && series.has(labels))
            .map(|series| series.value)
            .sum()
    }

    /// Whether there is a series of `name` with all of `labels`.
    pub fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        let mut of_name = self.0.iter().filter(|series| series.name == name);
        of_name.any(|series| series.has(labels))
    }

    /// Whether a series of `name`, or one of its buckets, has a label of this value.
    pub fn has_value(&self, name: &str, value: &str) -> bool {
        let count = format!("{name}_count");
        self.0.iter().any(|series| {
            (series.name == name || series.name == count)
                && series.labels.values().any(|found| found == value)
        })
    }

    /// Whether there is a series of this name.
    pub fn knows(&self, name: &str) -> bool {
        self.0.iter().any(|series| series.name == name)
    }
}

impl Series {
    fn parse(line: &str) -> Self {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        Self {
            name: name.to_owned(),
            labels: labels
                .trim_end_matches('}')
                .split("\",")
                .filter_map(|pair| pair.split_once("=\""))
                .map(|(label, value)| (label.to_owned(), value.trim_end_matches('"').to_owned()))
                .collect(),
            value: value.parse().expect("a number"),
        }
    }

    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels
            .iter()
            .all(|(label, value)| self.labels.get(*label).is_some_and(|found| found == value))
    }
}
