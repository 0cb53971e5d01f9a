//! What a session in the local tier weighs: resident memory before and after a hundred thousand of them.
//!
//! Prints one JSON object. Counts the core's part; what the gateway attaches to an entry on first use is measured in the
//! whole process (`benches/compare`).

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use session_core::cache::{Entry, Local, LocalLimits};
use session_core::clock::{Boot, Timestamp};
use session_core::entropy::{self, SystemEntropy};
use session_core::freshness::Window;
use session_core::keys::{Keyring, MasterKey};
use session_core::session::{Identity, References, Session};
use sidgate_benches::{Fault, somebody};
use uuid::Uuid;

const SESSIONS: usize = 100_000;
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";

fn main() -> Result<(), Fault> {
    let keys = Keyring::new(MasterKey::from_bytes([3; 32]), Vec::new());
    let limits = LocalLimits {
        max_entries: SESSIONS,
        // Their number is what ends here.
        max_bytes: 1 << 40,
        copies: 0,
    };
    let local = Local::new(limits, Duration::from_secs(5));
    let window = Window::default();
    // One session first: what is allocated once for all of them is not part of the price of one.
    local.put(Arc::new(entry(0, &keys, &window)?));
    let before = resident_bytes()?;
    let mut identity_bytes = 0;
    for number in 1..=SESSIONS {
        let entry = entry(number, &keys, &window)?;
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

fn entry(number: usize, keys: &Keyring, window: &Window) -> Result<Entry, Fault> {
    let (_, key) = keys.mint(entropy::bytes(&SystemEntropy)?);
    let (identity, _reference) = Identity::from_value(somebody(number))?;
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let session = Session {
        key,
        id: entropy::handle(now, &SystemEntropy)?,
        identity,
        ip: Some([192, 0, 2, 7].into()),
        user_agent: USER_AGENT.into(),
        created_at: now,
        auth_time: now,
        last_activity: now,
        expires_at: now.plus(Duration::from_secs(86_400)),
        idle: Duration::from_secs(43_200),
        revoked: None,
        references: References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    };
    // A window that has heard of nothing accepts everything.
    let standing = window
        .accept(&session.key, &session.identity, 0, Uuid::nil())
        .ok_or("the window refused a session")?;
    let ttl = Duration::from_secs(300);
    Ok(Entry::new(session, standing, Boot::default(), ttl))
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
