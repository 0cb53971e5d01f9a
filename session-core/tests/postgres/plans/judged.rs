//! What is wrong with a plan.

use serde_json::Value;
use session_testing::{Explained, Plans};

/// Tables that are judged: a row for each session, and what has as many rows here as tells an index from a scan.
const GROWING: [&str; 3] = ["sidgate_former_key", "sidgate_handover", "sidgate_session"];

/// Most rows that one step may read of a table, used or not. The largest answer is the events of a heartbeat.
const READ_MAX: f64 = 2_500.0;

/// Statements that ask about every row, with a limit of their own for the time, and how each begins after [`plain`].
const OF_ALL: [&str; 2] = [
    // What `/metrics` and the dashboard show.
    "SELECT count(*) AS sessions FROM sidgate_session s WHERE s.revoked_at IS NULL AND s.expires_at > clock_timestamp() AND NOT EXISTS",
    // How many sessions the end of everybody's sessions ends.
    "SELECT count(*) AS sessions FROM sidgate_session s WHERE $1 = ''",
];

/// With one space between words.
pub(super) fn plain(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is wrong, in words.
pub(super) fn faults(explained: &Explained, plans: Plans) -> Vec<String> {
    let sql = plain(&explained.sql);
    if OF_ALL.iter().any(|all| sql.starts_with(all)) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    look_at(&explained.plan, &mut faults);
    faults
        .iter()
        .map(|fault| format!("{fault} ({plans:?}): {sql}"))
        .collect()
}

fn look_at(step: &Value, faults: &mut Vec<String>) {
    let text = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default();
    let number = |name: &str| step.get(name).and_then(Value::as_f64).unwrap_or_default();
    let (kind, table) = (text("Node Type"), text("Relation Name"));
    if GROWING.contains(&table) && kind.contains("Scan") {
        let index = text("Index Name");
        if kind == "Seq Scan" {
            faults.push(format!("reads all of {table}"));
        }
        let rows = number("Actual Rows") + number("Rows Removed by Filter");
        if rows * number("Actual Loops").max(1.0) > READ_MAX {
            faults.push(format!("{kind} of {table} {index} reads {rows} rows"));
        }
    }
    for below in step
        .get("Plans")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        look_at(below, faults);
    }
}
