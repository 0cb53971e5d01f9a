//! What makes a session suspicious, by name. Stored as text, used as a metric label: the set is closed.

use std::fmt;

/// A rule about how a session is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RiskRule {
    /// Another kind of browser or system.
    UserAgent,
    /// A country in which the session was not used before.
    Country,
    /// More networks of different owners than one person moves between.
    Asn,
    /// Farther than anybody travels in the time.
    ImpossibleTravel,
    /// Two distant places take turns.
    Parallel,
}

impl RiskRule {
    /// Every rule, for tables and metrics.
    pub const ALL: [Self; 5] = [
        Self::UserAgent,
        Self::Country,
        Self::Asn,
        Self::ImpossibleTravel,
        Self::Parallel,
    ];

    /// Text as stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserAgent => "user_agent",
            Self::Country => "country",
            Self::Asn => "asn",
            Self::ImpossibleTravel => "impossible_travel",
            Self::Parallel => "parallel",
        }
    }

    /// The rule of that name.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

impl fmt::Display for RiskRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
