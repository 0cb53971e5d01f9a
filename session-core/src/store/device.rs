//! The sessions of a user as a list shows them: without what the app says about the user, which may be large.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::Timestamp;
use crate::session::{Session, SiteName, Text};

/// One live session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Handle of the session.
    pub id: Uuid,
    /// The site where it was made.
    pub site: SiteName,
    /// Address of the login.
    pub ip: Option<IpAddr>,
    /// Client software.
    pub user_agent: Text,
    /// When the session was made.
    pub created_at: Timestamp,
    /// When it was last used, as far as the store knows.
    pub last_activity: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Device {
    /// The position of this one in the list.
    #[must_use]
    pub const fn place(&self) -> DevicePlace {
        DevicePlace {
            last_activity: self.last_activity,
            id: self.id,
        }
    }
}

impl From<Session> for Device {
    fn from(session: Session) -> Self {
        Self {
            id: session.id,
            site: session.site,
            ip: session.ip,
            user_agent: (&*session.user_agent).into(),
            created_at: session.created_at,
            last_activity: session.last_activity,
            expires_at: session.expires_at,
        }
    }
}

/// A position in a list that begins with the newest activity. A position further down compares as less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DevicePlace {
    /// Activity of the session there.
    pub last_activity: Timestamp,
    /// Its handle.
    pub id: Uuid,
}

impl fmt::Display for DevicePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.last_activity.as_micros(), self.id.simple())
    }
}

/// Text that is not a position in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a position in a list")]
pub struct NoPlace;

impl FromStr for DevicePlace {
    type Err = NoPlace;

    fn from_str(text: &str) -> Result<Self, NoPlace> {
        let (at, id) = text.split_once('.').ok_or(NoPlace)?;
        let place = Self {
            last_activity: Timestamp::from_micros(at.parse().map_err(|_error| NoPlace)?),
            id: Uuid::try_parse(id).map_err(|_error| NoPlace)?,
        };
        // One place has one spelling.
        (place.to_string() == text).then_some(place).ok_or(NoPlace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_has_one_spelling() {
        let place = DevicePlace {
            last_activity: Timestamp::from_micros(1_700_000_000_000_001),
            id: Uuid::from_u128(7),
        };
        let text = place.to_string();
        assert_eq!(text.parse(), Ok(place));
        let id = "00000000000000000000000000000007";
        for other in [
            String::new(),
            id.to_owned(),
            format!("+1.{id}"),
            format!("01.{id}"),
            format!("1.{}", Uuid::from_u128(7)),
            format!("9223372036854775808.{id}"),
            format!("1.{id}."),
        ] {
            assert_eq!(other.parse::<DevicePlace>(), Err(NoPlace), "{other}");
        }
    }
}
