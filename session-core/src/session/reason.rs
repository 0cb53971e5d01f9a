//! Why a session was ended. Stored as text, used as a metric label: the set is closed.

use std::fmt;

use super::RiskRule;

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
    /// The way it was used broke a rule of the operator's.
    Risk(RiskRule),
    /// Anything written by somebody else than Sidgate, for example by SQL.
    External,
}

impl RevokeReason {
    /// Every reason, for tables and metrics.
    pub const ALL: [Self; 13] = [
        Self::Logout,
        Self::LogoutEverywhere,
        Self::Replaced,
        Self::Device,
        Self::Admin,
        Self::Evicted,
        Self::App,
        Self::Risk(RiskRule::UserAgent),
        Self::Risk(RiskRule::Country),
        Self::Risk(RiskRule::Asn),
        Self::Risk(RiskRule::ImpossibleTravel),
        Self::Risk(RiskRule::Parallel),
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
            Self::Risk(RiskRule::UserAgent) => "risk:user_agent",
            Self::Risk(RiskRule::Country) => "risk:country",
            Self::Risk(RiskRule::Asn) => "risk:asn",
            Self::Risk(RiskRule::ImpossibleTravel) => "risk:impossible_travel",
            Self::Risk(RiskRule::Parallel) => "risk:parallel",
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
