//! The binary; see the library.

use std::process::ExitCode;

use sidgate::cli::Build;

/// What `build.rs` says about this program.
const BUILD: Build = Build {
    version: env!("CARGO_PKG_VERSION"),
    commit: env!("SIDGATE_COMMIT"),
    shown: concat!(env!("CARGO_PKG_VERSION"), " (", env!("SIDGATE_COMMIT"), ")"),
};

fn main() -> ExitCode {
    sidgate::cli::main(BUILD)
}
