//! A folder for the files of servers.

#![expect(clippy::expect_used, reason = "test support")]

use std::path::PathBuf;

use crate::process::{clean_up_after, free_port, quoted};

/// Where servers keep what they may not forget; removed with the value, or else with the process.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The path of a file in it.
    pub(super) fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    pub(super) fn new() -> Self {
        let name = format!("sidgate-redis-{}-{}", std::process::id(), free_port());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a temporary folder");
        let there = format!("[ -d {} ]", quoted(&folder));
        clean_up_after(
            std::process::id(),
            &there,
            &format!("rm -rf {}", quoted(&folder)),
        );
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The watching shell tries again.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
