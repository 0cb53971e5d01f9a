//! Old cookies in, one session out (DESIGN 10).
//!
//! | file | question |
//! |---|---|
//! | `rules` | which cookies of a request belong to the old system, and which login do they carry? |
//! | `admission` | may this request migrate its sender, and be answered with a redirect? |
//! | `clear` | which `Set-Cookie` lines take the old cookies away? |
//! | `janitor` | which of them has a browser had already? |
//! | `farewell` | what does an answer say about cookies in the end? |
//! | `memory` | what was decided a moment ago? |
//! | `migrate` | one old login becomes one session |
//! | `arrive` | what becomes of a request that brings old cookies? |
//! | `reissue` | the way back: old cookies return when migration is off |
//! | `tally`, `report` | what is still seen of the old cookies? |
//!
//! All but `migrate`, `arrive` and `reissue` are pure.

pub(crate) mod admission;
pub(crate) mod arrive;
pub(crate) mod clear;
pub(crate) mod farewell;
pub(crate) mod janitor;
mod memory;
pub(crate) mod migrate;
pub(crate) mod reissue;
pub(crate) mod report;
pub(crate) mod rules;
pub(crate) mod tally;
#[cfg(test)]
mod testing;

pub(crate) use self::arrive::{Arrival, Offer, OldLogin, Visitor, arrive, ended_login};
pub(crate) use self::clear::Clearing;
pub(crate) use self::farewell::Farewell;
pub(crate) use self::janitor::Janitor;
pub(crate) use self::migrate::Migrations;
pub(crate) use self::rules::Rules;
