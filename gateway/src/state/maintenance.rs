//! Whether the apps are out of service.
//!
//! A file can say so. It is looked for when a configuration is taken over, and then by a task of its own: a request reads
//! what was found last.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::config::MaintenanceConfig;

/// What is known about maintenance.
#[derive(Debug)]
pub(crate) struct Maintenance {
    is_on: AtomicBool,
}

impl Maintenance {
    /// Looks for the file for the first time. One that cannot be looked for says nothing new: `before` is what was known.
    pub(crate) fn new(config: &MaintenanceConfig, before: Option<&Self>) -> Self {
        let found = look_for_file(config);
        let before = || before.is_some_and(Self::is_on);
        Self {
            is_on: AtomicBool::new(config.on || found.unwrap_or_else(|_unknown| before())),
        }
    }

    /// Whether it is on.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    /// Looks for the file again. Whether that has changed anything.
    ///
    /// # Errors
    /// When it cannot be known whether the file is there. Everything stays as it was.
    pub(crate) fn look(&self, config: &MaintenanceConfig) -> io::Result<bool> {
        let is_on = config.on || look_for_file(config)?;
        Ok(self.is_on.swap(is_on, Ordering::Relaxed) != is_on)
    }
}

fn look_for_file(config: &MaintenanceConfig) -> io::Result<bool> {
    match &config.file {
        Some(file) => file.try_exists(),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests;
