//! What a session in the local tier weighs: resident memory before and after a hundred thousand of them.
//!
//! Prints one JSON object. Counts the core's part; what the gateway adds while a session is in use is measured in the
//! whole process (`benches/compare`). All sessions are of one browser: each user agent is kept once, not with each session.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::cache::{Local, LocalLimits};
use sidgate_benches::{Fault, entry, user_agent};

const SESSIONS: usize = 100_000;

fn main() -> Result<(), Fault> {
    let limits = LocalLimits {
        max_entries: SESSIONS,
        // Their number is what ends here.
        max_bytes: 1 << 40,
    };
    let local = Local::new(limits, Duration::from_secs(5));
    let browser = user_agent();
    // One session first: what is allocated once for all of them is not part of the price of one.
    local.put(Arc::new(entry(0, &browser)?));
    let before = resident_bytes()?;
    let mut identity_bytes = 0;
    for number in 1..=SESSIONS {
        let entry = entry(number, &browser)?;
        identity_bytes += entry.session().identity.as_json().len();
        local.put(Arc::new(entry));
    }
    let after = resident_bytes()?;
    let held = local.len();
    let result = json!({
        "sessions": held,
        "bytes_per_session": (after - before) / held,
        "identity_bytes": identity_bytes / SESSIONS,
    });
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}

fn resident_bytes() -> Result<usize, Fault> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kilobytes: usize = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .ok_or("no resident size in /proc/self/status")?
        .parse()?;
    Ok(kilobytes * 1024)
}
