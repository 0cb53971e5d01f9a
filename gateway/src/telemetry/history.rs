//! What the dashboard draws: the last quarter of an hour in steps of two seconds, and the last day in minutes.
//!
//! One task reads the metrics and keeps what changed between two readings: rates of counters, gauges as they are, and
//! quantiles of histograms. Memory is bounded by the number of steps and of names.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::reading::{Reading, as_f64};

/// Between two readings.
pub(crate) const STEP: Duration = Duration::from_secs(2);
const MINUTE: i64 = 60;
/// A quarter of an hour.
const FINE: usize = 450;
/// A day.
const COARSE: usize = 1_440;
/// Most names. Label values come from closed sets; this bounds memory if one of them grows.
const NAMES: usize = 256;

/// Which history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Steps of two seconds.
    Quarter,
    /// Steps of a minute.
    Day,
}

/// The last values of each metric, in two resolutions.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    names: Vec<String>,
    index: HashMap<String, usize>,
    fine: Ring,
    coarse: Ring,
}

/// Readings of one step width.
#[derive(Debug, Default)]
struct Ring {
    last: Option<(i64, Reading)>,
    points: VecDeque<Point>,
}

#[derive(Debug)]
struct Point {
    /// Unix seconds.
    at: i64,
    /// By index of the name; NaN: no value.
    values: Vec<f32>,
}

impl History {
    /// Adds a reading at `at`, in unix seconds. `live`: sessions in the store, if they were just counted.
    pub(crate) fn note(&self, at: i64, mut reading: Reading, live: Option<u64>) {
        if let Some(live) = live {
            reading.gauge("live_sessions".to_owned(), as_f64(live));
        }
        let mut inner = self.0.lock();
        let minute_is_over = inner
            .coarse
            .last
            .as_ref()
            .is_none_or(|(before, _)| at - before >= MINUTE);
        if minute_is_over {
            inner.step(at, reading.clone(), |inner| (&mut inner.coarse, COARSE));
        }
        inner.step(at, reading, |inner| (&mut inner.fine, FINE));
    }

    /// The points after `since` as columns.
    #[must_use]
    pub(crate) fn columns(&self, window: Window, since: i64) -> Value {
        let inner = self.0.lock();
        let (ring, step) = match window {
            Window::Quarter => (&inner.fine, 2),
            Window::Day => (&inner.coarse, MINUTE),
        };
        let points: Vec<&Point> = ring
            .points
            .iter()
            .filter(|point| point.at > since)
            .collect();
        let mut series = Map::new();
        for (name, at) in &inner.index {
            let values: Vec<Option<f32>> = points
                .iter()
                .map(|point| {
                    point
                        .values
                        .get(*at)
                        .copied()
                        .filter(|value| value.is_finite())
                })
                .collect();
            if values.iter().any(Option::is_some) {
                series.insert(name.clone(), json!(values));
            }
        }
        let times: Vec<i64> = points.iter().map(|point| point.at).collect();
        json!({"step": step, "t": times, "series": series})
    }
}

impl Inner {
    fn step(&mut self, at: i64, reading: Reading, ring: fn(&mut Self) -> (&mut Ring, usize)) {
        let before = ring(self).0.last.take();
        if let Some((since, before)) = &before {
            let mut values = vec![f32::NAN; self.names.len()];
            for (name, value) in changes(before, &reading, at - since) {
                if let Some(slot) = self.slot(&name) {
                    if slot >= values.len() {
                        values.resize(slot + 1, f32::NAN);
                    }
                    if let Some(place) = values.get_mut(slot) {
                        *place = value;
                    }
                }
            }
            let (ring, most) = ring(self);
            ring.points.push_back(Point { at, values });
            while ring.points.len() > most {
                ring.points.pop_front();
            }
        }
        ring(self).0.last = Some((at, reading));
    }

    fn slot(&mut self, name: &str) -> Option<usize> {
        if let Some(slot) = self.index.get(name) {
            return Some(*slot);
        }
        let slot = self.names.len();
        (slot < NAMES).then(|| {
            self.names.push(name.to_owned());
            self.index.insert(name.to_owned(), slot);
            slot
        })
    }
}

/// What happened between two readings `seconds` apart.
fn changes(before: &Reading, now: &Reading, seconds: i64) -> Vec<(String, f32)> {
    let seconds = f64::from(i32::try_from(seconds.max(1)).unwrap_or(i32::MAX));
    let mut found = vec![];
    for (name, value) in &now.counters {
        let grown = value - before.counters.get(name).copied().unwrap_or(0.0);
        found.push((name.clone(), narrow(grown.max(0.0) / seconds)));
    }
    for (name, value) in &now.gauges {
        found.push((name.clone(), narrow(*value)));
    }
    for (name, buckets) in &now.histograms {
        let old = before.histograms.get(name);
        let grown: Vec<(f64, f64)> = buckets
            .iter()
            .enumerate()
            .map(|(at, (bound, count))| {
                let old = old
                    .and_then(|old| old.get(at))
                    .map_or(0.0, |(_, count)| *count);
                (*bound, (count - old).max(0.0))
            })
            .collect();
        for (suffix, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            if let Some(value) = quantile(&grown, share) {
                found.push((format!("{name}.{suffix}"), narrow(value)));
            }
        }
        if name == "request" {
            let mut below = 0.0;
            for (bound, count) in &grown {
                found.push((format!("took.{bound}"), narrow((count - below) / seconds)));
                below = *count;
            }
        }
    }
    found
}

/// The quantile `share`, by linear interpolation inside its bucket; `None` when nothing was counted. A value beyond the
/// last finite bound is given as that bound.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let total = buckets
        .last()
        .map(|(_, count)| *count)
        .filter(|total| *total > 0.0)?;
    let rank = share * total;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank {
            let inside = (count - below).max(f64::MIN_POSITIVE);
            let reach = if bound.is_finite() {
                bound - lower
            } else {
                0.0
            };
            return Some(lower + reach * ((rank - below) / inside));
        }
        (lower, below) = (*bound, *count);
    }
    None
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "seven digits are more than a screen shows"
)]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests;
