//! Old cookies in, one session out (DESIGN 10).
//!
//! | file | question |
//! |---|---|
//! | `cookies/rules` | which cookies of a request belong to the old system? |
//! | `cookies/found` | which logins do they carry? |
//! | `cookies/clear` | which `Set-Cookie` lines take the old cookies away? |
//! | `cookies/cleared_names` | which of them was a browser told to forget already? |
//! | `cookies/told` | what was the browser of a session told? |
//! | `state/` | what was decided a moment ago, and whose turn is it? |
//! | `request_cookies` | what does one request bring, and what do apps see of it? |
//! | `admission` | may this request migrate its sender, and be answered with a redirect? |
//! | `cookie_changes` | which `Set-Cookie` lines does migration add to an answer? |
//! | `judgement` | whose logins are they, by what is known of each? |
//! | `evidence` | what is known of each login? |
//! | `question` | what does the app say? |
//! | `case` | the logins of one request are judged, and become one session |
//! | `migrate` | what is in progress, and what may one client ask for? |
//! | `arrive` | what becomes of a request that brings old cookies? |
//! | `logout` | what becomes of them when somebody logs out? |
//! | `shadow` | what would migration have done with them? |
//! | `reissue` | the way back: old cookies return when migration is off |
//! | `notes` | what is counted and logged? |
//! | `tally`, `report` | what is still seen of the old cookies? |
//!
//! I/O is in `evidence`, `question`, `case` and `reissue`, and in their callers. The rest is pure.

pub(crate) mod admission;
pub(crate) mod arrive;
mod case;
pub(crate) mod cookie_changes;
pub(crate) mod cookies;
mod evidence;
mod judgement;
mod logout;
pub(crate) mod migrate;
mod notes;
mod question;
pub(crate) mod reissue;
pub(crate) mod report;
mod request_cookies;
mod shadow;
pub(crate) mod state;
pub(crate) mod tally;
#[cfg(test)]
mod testing;

pub(crate) use self::arrive::{Course, Identified, arrive, course};
pub(crate) use self::cookie_changes::CookieChanges;
pub(crate) use self::cookies::cleared_names::ClearedNames;
pub(crate) use self::logout::{OldLogins, old_logins};
pub(crate) use self::reissue::returned;
pub(crate) use self::request_cookies::LegacyCookies;
