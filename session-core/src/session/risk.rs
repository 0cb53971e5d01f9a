//! What makes a session suspicious, by name. Stored as text, used as a metric label: the set is closed.

use std::fmt;

/// A rule about how a session is used.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum RiskRule {
    /// Another kind of browser or system.
    UserAgent,
    /// A country in which the session was not used before.
    Country,
    /// More networks of different owners than one person moves between.
    Asn,
    /// Farther than anybody travels in the time.
    ImpossibleTravel,
    /// Two distant places use the session in turns.
    Parallel,
}

impl RiskRule {
    /// Text as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for RiskRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
