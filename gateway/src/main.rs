//! The binary; see the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use sidgate::cli::Build;

/// Returns what 10,000 connections took, and costs less for each request than the system's (ADR 0019).
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What `build.rs` says about this program.
const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("SIDGATE_COMMIT"),
    shown: env!("SIDGATE_SHOWN"),
};

fn main() -> ExitCode {
    sidgate::cli::main(BUILD)
}
