//! Security events, as an investigator finds them.

use serde_json::Value;

/// Those among the lines of a log; every line is a JSON object, and the last one may still be on its way.
pub fn events_in(log: &str) -> Vec<Value> {
    let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| line["target"] == "sidgate::security")
        .collect()
}
