//! Where things are: in the checkout, and where cargo has built.

use std::env;
use std::path::{Path, PathBuf};

/// The checkout.
pub fn repository() -> PathBuf {
    gateway().join("..")
}

/// The folder of the gateway's crate.
pub fn gateway() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The program under test.
///
/// # Panics
/// In a test that cargo does not build the program for: those in `gateway/tests` are the ones it does.
pub fn program() -> PathBuf {
    let named = ["CARGO_BIN_EXE_sidgate", "NEXTEST_BIN_EXE_sidgate"];
    let program = named.into_iter().find_map(env::var_os);
    program.expect("the program's path, from cargo").into()
}

/// A folder for files that a test leaves behind.
///
/// # Panics
/// As [`program`] does.
pub fn left_behind() -> PathBuf {
    let target = program();
    let target = target.ancestors().nth(2).expect("the folder of the build");
    target.join("tmp")
}
