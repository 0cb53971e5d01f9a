//! Old cookies in, one session out (DESIGN 10).
//!
//! | file | question |
//! |---|---|
//! | `rules` | which cookies of a request belong to the old system? |
//! | `found` | which logins do they carry? |
//! | `admission` | may this request migrate its sender, and be answered with a redirect? |
//! | `clear` | which `Set-Cookie` lines take the old cookies away? |
//! | `janitor` | which of them has a browser had already? |
//! | `farewell` | what does an answer say about cookies in the end? |
//! | `memory` | what was decided a moment ago? |
//! | `judgement` | who comes, by what is known of each login? |
//! | `evidence` | what is known of each login? |
//! | `question` | what does the app say? |
//! | `case` | the logins of one request are judged, and become one session |
//! | `shares` | whose turn is it? |
//! | `migrate` | what is under way, and what may one client ask for? |
//! | `arrive` | what becomes of a request that brings old cookies? |
//! | `logout` | what becomes of them when somebody logs out? |
//! | `shadow` | what would have become of them? |
//! | `reissue` | the way back: old cookies return when migration is off |
//! | `tally`, `report` | what is still seen of the old cookies? |
//!
//! What asks somebody is in `evidence`, `question`, `case` and `reissue`, and in those that call them; the rest is pure.

pub(crate) mod admission;
pub(crate) mod arrive;
mod case;
pub(crate) mod cookies;
mod evidence;
pub(crate) mod farewell;
mod judgement;
mod logout;
pub(crate) mod migrate;
mod notes;
mod offer;
mod question;
pub(crate) mod reissue;
pub(crate) mod report;
mod shadow;
pub(crate) mod state;
pub(crate) mod tally;
#[cfg(test)]
mod testing;

pub(crate) use self::arrive::{Arrival, arrive};
pub(crate) use self::cookies::janitor::Janitor;
pub(crate) use self::farewell::Farewell;
pub(crate) use self::logout::{OldLogins, old_logins};
pub(crate) use self::offer::Offer;
pub(crate) use self::reissue::returned;
