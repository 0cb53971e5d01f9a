//! The old cookies themselves: which they are, what they carry, and how they are taken away. Pure.

pub(in crate::legacy) mod clear;
pub(in crate::legacy) mod cleared_names;
pub(in crate::legacy) mod found;
pub(in crate::legacy) mod rules;
mod told;

use self::clear::Clearing;
use self::rules::Rules;
pub(crate) use self::told::Told;
use crate::config::{Config, MigrationMode, PerSite};

/// How cookies of the old system are recognised and cleared.
#[derive(Debug)]
pub(crate) struct OldCookies {
    /// Which cookies belong to the old system.
    pub(in crate::legacy) rules: Rules,
    /// For which domains and paths they are cleared, on each site by its number.
    clearing: PerSite<Clearing>,
}

impl OldCookies {
    /// `None` when neither migration nor rollback needs them.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let migration = &config.migration;
        let wanted = migration.mode != MigrationMode::Off || migration.rollback_reissue;
        wanted.then(|| Self {
            rules: Rules::new(migration),
            clearing: config.sites.each(|site| Clearing::new(migration, site)),
        })
    }

    /// For which domains and paths they are cleared on a site.
    pub(in crate::legacy) fn clearing(&self, site: usize) -> &Clearing {
        self.clearing.get(site)
    }
}
