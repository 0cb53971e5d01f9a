//! Writes sessions into a store before Sidgate opens it, and prints the cookie of each.
//!
//! `seed DATABASE MASTER_KEY_FILE COUNT`

use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::keys::MasterKey;
use sidgate_benches::{Fault, log_in, ready_node};

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [database, master, count] = args.as_slice() else {
        return Err("usage: seed DATABASE MASTER_KEY_FILE COUNT".into());
    };
    let master = STANDARD.decode(std::fs::read_to_string(master)?.trim())?;
    let master = MasterKey::from_bytes(master.as_slice().try_into()?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let node = ready_node(Path::new(database), master, runtime.handle().clone());
    let sessions = runtime.block_on(node)?;
    let mut out = std::io::stdout().lock();
    for number in 0..count.parse()? {
        let cookie = runtime.block_on(log_in(&sessions, number))?;
        writeln!(out, "{cookie}")?;
    }
    runtime.block_on(sessions.stop());
    Ok(())
}
