//! Mints sids for sessions that somebody else stores, in bulk: prints a cookie and the key of its row on each line.
//!
//! `mint MASTER_KEY_FILE COUNT`

use std::io::{BufWriter, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use session_core::entropy::{self, SystemEntropy};
use session_core::keys::{Keyring, MasterKey};
use session_core::session::Group;
use sidgate_benches::Fault;

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [master, count] = args.as_slice() else {
        return Err("usage: mint MASTER_KEY_FILE COUNT".into());
    };
    let master = STANDARD.decode(std::fs::read_to_string(master)?.trim())?;
    let master = MasterKey::from_bytes(master.as_slice().try_into()?);
    let keys = Keyring::new(master, Vec::new());
    let mut out = BufWriter::new(std::io::stdout().lock());
    for _ in 0..count.parse::<u64>()? {
        let (sid, key) = keys.mint(entropy::bytes(&SystemEntropy)?, &Group::default());
        write!(out, "{}\t", sid.expose().as_str())?;
        for byte in key.as_bytes() {
            write!(out, "{byte:02x}")?;
        }
        writeln!(out)?;
    }
    out.flush()?;
    Ok(())
}
