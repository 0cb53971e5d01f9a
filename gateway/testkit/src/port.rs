//! Free loopback ports.
//!
//! A port is free when it was looked at, not when it is used. Ports are therefore taken from below the range from which
//! the kernel serves outgoing connections, each test process starts at another place, and a process that finds its port
//! taken is started again on the next one.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 11_000;
const COUNT: u32 = 20_000;
/// Spreads neighbouring process ids over the range.
const STRIDE: u32 = 7_919;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port on which nobody listens.
pub fn free_port() -> u16 {
    let start = process::id().wrapping_mul(STRIDE);
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + start.wrapping_add(step) % COUNT;
        let port = u16::try_from(port).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port on the loopback interface");
}
