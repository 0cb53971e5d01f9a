//! `[maintenance]`: the apps are out of service, and everybody is told so.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::duration::{hours, mins, ms, secs, whole_seconds, within};
use super::networks::networks;
use super::reader::Reader;
use super::secret::Sources;

/// Maintenance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaintenanceConfig {
    /// Whether it is on, whatever the file says.
    pub on: bool,
    /// It is on while this file exists.
    pub file: Option<PathBuf>,
    /// Time between two looks for the file.
    pub check_every: Duration,
    /// Who gets through all the same.
    pub allow: Vec<IpNet>,
    /// When clients are to try again, in whole seconds.
    pub retry_after: Duration,
}

impl MaintenanceConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("maintenance", |section| Self {
            on: section.flag("on").unwrap_or(false),
            file: section
                .text("file", |text| sources.optional_path(text))
                .flatten(),
            check_every: section
                .text("check_every", within(ms(100)..=mins(10)))
                .unwrap_or(secs(1)),
            allow: section
                .texts("allow", networks)
                .unwrap_or_default()
                .concat(),
            retry_after: section
                .text("retry_after", whole_seconds(secs(1)..=hours(24)))
                .unwrap_or(mins(5)),
        })
    }

    /// Whether a client at this address gets through; one without an address does not.
    #[must_use]
    pub fn lets_through(&self, client: Option<IpAddr>) -> bool {
        client.is_some_and(|client| self.allow.iter().any(|network| network.contains(&client)))
    }
}
