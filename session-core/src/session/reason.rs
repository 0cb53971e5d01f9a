//! Why a session was ended. Stored as text, used as a metric label: the set is closed.

use std::fmt;

/// Why a session was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RevokeReason {
    /// The user logged out.
    Logout,
    /// The user ended their other sessions, or all of them.
    LogoutEverywhere,
    /// A new login took its place in the same browser.
    Replaced,
    /// The user ended it from the list of devices.
    Device,
    /// An operator ended it.
    Admin,
    /// The user logged in somewhere else and had as many sessions as they may have.
    Evicted,
    /// The app ended it.
    App,
    /// Anything written by somebody else than Sidgate, for example by SQL.
    External,
}

impl RevokeReason {
    /// Every reason, for tables and metrics.
    pub const ALL: [Self; 8] = [
        Self::Logout,
        Self::LogoutEverywhere,
        Self::Replaced,
        Self::Device,
        Self::Admin,
        Self::Evicted,
        Self::App,
        Self::External,
    ];

    /// Text as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutEverywhere => "logout_everywhere",
            Self::Replaced => "replaced",
            Self::Device => "device",
            Self::Admin => "admin",
            Self::Evicted => "evicted",
            Self::App => "app",
            Self::External => "external",
        }
    }

    /// Reads stored text; what Sidgate did not write is [`RevokeReason::External`].
    #[must_use]
    pub fn from_stored(text: &str) -> Self {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .unwrap_or(Self::External)
    }
}

impl fmt::Display for RevokeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
