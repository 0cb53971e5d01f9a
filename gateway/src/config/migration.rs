//! `[migration]`: old cookies in, one session out.

use std::fmt;
use std::time::Duration;

use super::cookie::CookieName;
use super::domain::{domain, optional_domain};
use super::duration::{days, secs, within};
use super::host::Host;
use super::path::PathPrefix;
use super::reader::Reader;

/// What is done with the cookies of the system that Sidgate replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationConfig {
    /// Whether anything is done at all.
    pub mode: MigrationMode,
    /// Share of the credentials that are migrated, from 0 to 100.
    pub rollout_percent: u8,
    /// Cookies that carry a login. Never empty unless the mode is off.
    pub credentials: Vec<CookieName>,
    /// Cookies that travel with them to the app that judges them, and are cleared with them.
    pub companions: Vec<CookiePattern>,
    /// Companions that the app still gets to see.
    pub companions_passthrough: Vec<CookiePattern>,
    /// Domains to clear besides the host itself, without a leading dot.
    pub clear_domains: Vec<Host>,
    /// Paths to clear; never empty.
    pub clear_paths: Vec<ClearPath>,
    /// How long a migrated credential stays known after its session; never below the life of a session.
    pub tombstone_ttl: Duration,
    /// Whether the migrated request goes on, or is sent again by the browser.
    pub redirect: MigrationRedirect,
    /// Whether old cookies stay until the browser has returned the new one.
    pub keep_until_confirmed: bool,
    /// Whether old cookies are kept, sealed, and returned when the mode goes to off.
    pub rollback_reissue: bool,
    /// The domain that they return for; `None`: the host alone.
    pub reissue_domain: Option<Host>,
    /// Credentials that return within reach of scripts.
    pub reissue_readable: Vec<CookieName>,
}

/// How far migration goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationMode {
    /// Old cookies pass through untouched.
    Off,
    /// They are judged and counted; nothing changes for anybody.
    Shadow,
    /// They become sessions.
    On,
}

/// How a migrated request goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MigrationRedirect {
    /// This very request goes to the app, with the new identity.
    Never,
    /// A top-level GET is redirected to itself.
    Navigation,
}

/// A cookie name, or a prefix of names written `dott_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CookiePattern {
    /// This name.
    Exact(CookieName),
    /// Every name that begins like this.
    Prefix(String),
}

/// The `Path` of a cookie to clear, spelled as it was set: `/app` and `/app/` are different cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearPath(String);

impl MigrationConfig {
    /// The old cookies whose names are known as a whole.
    pub(crate) fn known_names(&self) -> impl Iterator<Item = &CookieName> {
        let companions = self
            .companions
            .iter()
            .filter_map(|companion| match companion {
                CookiePattern::Exact(name) => Some(name),
                CookiePattern::Prefix(_) => None,
            });
        self.credentials.iter().chain(companions)
    }

    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("migration", |migration| Self {
            mode: migration
                .choice(
                    "mode",
                    &[
                        ("off", MigrationMode::Off),
                        ("shadow", MigrationMode::Shadow),
                        ("on", MigrationMode::On),
                    ],
                )
                .unwrap_or(MigrationMode::Off),
            rollout_percent: migration.number("rollout_percent", 0..=100).unwrap_or(100),
            credentials: migration
                .texts("credentials", CookieName::parse)
                .unwrap_or_default(),
            companions: migration
                .texts("companions", CookiePattern::parse)
                .unwrap_or_default(),
            companions_passthrough: migration
                .texts("companions_passthrough", CookiePattern::parse)
                .unwrap_or_default(),
            clear_domains: migration.texts("clear_domains", domain).unwrap_or_default(),
            clear_paths: migration
                .texts("clear_paths", ClearPath::parse)
                .unwrap_or_else(|| vec![ClearPath("/".to_owned())]),
            tombstone_ttl: migration
                .text("tombstone_ttl", within(secs(1)..=days(3650)))
                .unwrap_or(days(180)),
            redirect: migration
                .choice(
                    "redirect",
                    &[
                        ("never", MigrationRedirect::Never),
                        ("navigation", MigrationRedirect::Navigation),
                    ],
                )
                .unwrap_or(MigrationRedirect::Never),
            keep_until_confirmed: migration.flag("keep_until_confirmed").unwrap_or(false),
            rollback_reissue: migration.flag("rollback_reissue").unwrap_or(false),
            reissue_domain: migration.text("reissue_domain", optional_domain).flatten(),
            reissue_readable: migration
                .texts("reissue_readable", CookieName::parse)
                .unwrap_or_default(),
        })
    }
}

impl CookiePattern {
    fn parse(text: &str) -> Result<Self, String> {
        match text.strip_suffix('*') {
            Some("") => Err("\"*\" alone would take every cookie; begin with letters".to_owned()),
            Some(prefix) if prefix.contains('*') => {
                Err(format!("{text:?} may have one \"*\", at its end"))
            }
            Some(prefix) => {
                CookieName::parse(prefix)?;
                Ok(Self::Prefix(prefix.to_owned()))
            }
            None if text.contains('*') => Err(format!("{text:?} may have one \"*\", at its end")),
            None => CookieName::parse(text).map(Self::Exact),
        }
    }

    /// Whether a cookie of this name is meant.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.as_str() == name,
            Self::Prefix(prefix) => name.starts_with(prefix.as_str()),
        }
    }

    /// Whether everything that `other` means is meant by this one too.
    pub(super) fn includes(&self, other: &Self) -> bool {
        match other {
            Self::Exact(name) => self.matches(name.as_str()),
            Self::Prefix(prefix) => {
                matches!(self, Self::Prefix(own) if prefix.starts_with(own.as_str()))
            }
        }
    }
}

impl fmt::Display for CookiePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name.as_str()),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl ClearPath {
    fn parse(text: &str) -> Result<Self, String> {
        PathPrefix::parse(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
