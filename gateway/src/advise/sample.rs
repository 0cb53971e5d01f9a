//! One reading of `/metrics`, in Prometheus' text form.
//!
//! Only what the gateway itself writes has to be understood (docs/adr/0033): names, labels, numbers.

use std::collections::HashMap;
use std::time::Duration;

/// Every series of a node at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    /// By name.
    series: HashMap<String, Vec<Series>>,
    /// When it was taken, in seconds of the unix clock.
    pub(crate) at: Duration,
}

#[derive(Clone, Debug, PartialEq)]
struct Series {
    labels: Vec<(String, String)>,
    value: f64,
}

impl Sample {
    /// Reads what a node has said at `at`. `None`: these are no metrics of a gateway.
    pub(crate) fn parse(text: &str, at: Duration) -> Option<Self> {
        let mut sample = Self {
            at,
            ..Self::default()
        };
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (name, series) = series(line)?;
            sample
                .series
                .entry(name.to_owned())
                .or_default()
                .push(series);
        }
        sample
            .series
            .contains_key("sidgate_build_info")
            .then_some(sample)
    }

    /// The sum of the series of `name` that have all of `labels`; `None` where there is no series of that name.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let series = self.series.get(name)?.iter();
        let values = series
            .filter(|series| series.has(labels))
            .map(|series| series.value);
        Some(values.sum())
    }

    /// When the process was started, in seconds of the unix clock.
    pub(crate) fn started(&self) -> Option<Duration> {
        let started = self.sum("process_start_time_seconds", &[])?;
        Duration::try_from_secs_f64(started).ok()
    }
}

impl Series {
    fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(label, value)| {
            let mut own = self.labels.iter();
            own.any(|(name, found)| name == label && found == value)
        })
    }
}

/// `name{label="value",...} number`, with a time behind it perhaps.
fn series(line: &str) -> Option<(&str, Series)> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((name, Series { labels, value }))
}

/// Pairs up to the closing bracket, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (value, behind) = unquoted(quoted)?;
        labels.push((name.to_owned(), value));
        rest = behind;
    }
}

/// The text up to the closing quotation mark, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(place + 1..)?)),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP sidgate_build_info 1
# TYPE sidgate_build_info gauge
sidgate_build_info{commit="unknown",version="0.1.0"} 1
sidgate_requests_total{outcome="forwarded",route="/a\"b\\,}"} 3
sidgate_requests_total{outcome="refused",route="/"} 4.5 1700000000
process_start_time_seconds 1700000000.25
sidgate_lag_bucket{le="+Inf"} 0
"#;

    #[test]
    fn what_the_gateway_writes_is_read() {
        let sample = Sample::parse(TEXT, Duration::ZERO).unwrap();
        let requests = |labels| sample.sum("sidgate_requests_total", labels);
        assert_eq!(requests(&[]), Some(7.5));
        assert_eq!(requests(&[("route", "/a\"b\\,}")]), Some(3.0));
        assert_eq!(
            requests(&[("outcome", "forwarded"), ("route", "/")]),
            Some(0.0)
        );
        assert_eq!(sample.sum("sidgate_shed_total", &[]), None, "not told");
        assert_eq!(
            sample.started(),
            Some(Duration::from_millis(1_700_000_000_250))
        );
    }

    #[test]
    fn what_is_no_gateway_is_no_sample() {
        for text in [
            "",
            "<html>",
            "go_goroutines 12\n",
            "sidgate_build_info{version=\"0.1\" 1",
            "sidgate_build_info{version=\"0.1} 1",
            "sidgate_build_info one",
        ] {
            assert!(Sample::parse(text, Duration::ZERO).is_none(), "{text}");
        }
    }
}
