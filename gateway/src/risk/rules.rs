//! The rules: which changes in the use of a session are suspicious. Pure: past and present sightings in, broken rules
//! out.
//!
//! People move: from the office to the train, from Wi-Fi to a phone network whose address changes by the minute, into a
//! VPN and out of it. So another address alone breaks no rule. A rule asks for something that is new to the session
//! (`user_agent`, `country`, `asn`), for a distance that nobody covers in the time (`impossible_travel`), or for two places
//! that take turns (`parallel`). What the session has had before is not new: coming home breaks no rule.

use std::collections::BTreeSet;
use std::time::Duration;

use session_core::clock::Timestamp;
use session_core::session::RiskRule;
use session_core::store::Sighting;
use strum::VariantArray as _;

use super::context::compared;
use super::state::geo::distance_km;
use crate::config::{NewcomerRule, ParallelRule, RiskRules, TravelRule};

/// Most past sightings of a session that a rule looks at.
pub(crate) const HISTORY: usize = 32;

/// Whether network and family are the same in both sightings, so that there is no change to record.
pub(crate) fn is_same_context(a: &Sighting, b: &Sighting) -> bool {
    a.network == b.network && is_same_family(a, b)
}

fn is_same_family(a: &Sighting, b: &Sighting) -> bool {
    compared(&a.family) == compared(&b.family)
}

/// The rules that `new` breaks, given what was seen before, oldest first.
pub(crate) fn judge(rules: &RiskRules, past: &[Sighting], new: &Sighting) -> Vec<RiskRule> {
    let Some(last) = past.last().filter(|last| !is_same_context(last, new)) else {
        return Vec::new();
    };
    let broken = |rule| match rule {
        RiskRule::UserAgent => past.iter().all(|before| !is_same_family(before, new)),
        RiskRule::Country => is_newcomer(rules.country, past, new, |seen| seen.country.as_deref()),
        RiskRule::Asn => is_newcomer(rules.asn, past, new, |seen| seen.asn),
        RiskRule::ImpossibleTravel => is_impossible(rules.impossible_travel, past, new),
        RiskRule::Parallel => is_parallel(rules.parallel, past, last, new),
    };
    let all = RiskRule::VARIANTS.iter().copied();
    all.filter(|rule| broken(*rule)).collect()
}

/// Whether `new` has a value beyond those that are tolerated. What is not known is not new.
fn is_newcomer<'a, T: Ord>(
    rule: NewcomerRule,
    past: &'a [Sighting],
    new: &'a Sighting,
    of: impl Fn(&'a Sighting) -> Option<T>,
) -> bool {
    let known: BTreeSet<T> = past.iter().filter_map(&of).collect();
    of(new).is_some_and(|value| {
        !known.contains(&value)
            && u32::try_from(known.len()).is_ok_and(|known| known >= rule.tolerated)
    })
}

/// Whether the way from the last known place is too far for the time. A place near an earlier place of the session does
/// not count: the user may have left a VPN.
fn is_impossible(rule: TravelRule, past: &[Sighting], new: &Sighting) -> bool {
    let Some(here) = new.location else {
        return false;
    };
    let min_km = f64::from(rule.min_km);
    let places = past.iter().filter_map(|seen| seen.location);
    if places
        .into_iter()
        .any(|place| distance_km(place, here) < min_km)
    {
        return false;
    }
    let last = past.iter().enumerate().rev();
    let mut located = last.filter_map(|(at, seen)| Some((at, seen.location?)));
    located.next().is_some_and(|(index, there)| {
        let hours = hours_between(left_at(past, index, new), new.at);
        distance_km(there, here) > f64::from(rule.max_kmh) * hours
    })
}

/// Until when the session is known to have been in the context of `past[index]`.
fn left_at(past: &[Sighting], index: usize, new: &Sighting) -> Timestamp {
    let came = past.get(index).map_or(new.at, |seen| seen.at);
    let next = past.get(index + 1).unwrap_or(new);
    next.left_at.map_or(came, |left| left.max(came))
}

/// Whether two places take turns: so many changes between distant contexts in the window, this one included. Said once in
/// a window.
fn is_parallel(rule: ParallelRule, past: &[Sighting], last: &Sighting, new: &Sighting) -> bool {
    if !are_distant(last, new, rule.min_km) {
        return false;
    }
    let recent = |seen: &&Sighting| new.at.since(seen.at) <= rule.window;
    let within: Vec<&Sighting> = past.iter().filter(recent).chain([new]).collect();
    if within
        .iter()
        .any(|seen| seen.signals.contains(&RiskRule::Parallel))
    {
        return false;
    }
    let pairs = within.iter().zip(within.iter().skip(1));
    let switches = pairs
        .filter(|(before, after)| are_distant(before, after, rule.min_km))
        .count();
    let returns = within.iter().rev().skip(1).any(|before| {
        before.network == new.network
            || (before.location.is_some() && before.location == new.location)
    });
    returns && u32::try_from(switches).is_ok_and(|switches| switches >= rule.switches)
}

/// Whether two contexts cannot be one device on the move: far apart, or, where places are not known, another network and
/// another program at once. One program on two networks of unknown place may be a phone.
fn are_distant(a: &Sighting, b: &Sighting, min_km: u32) -> bool {
    a.network != b.network
        && match (a.location, b.location) {
            (Some(here), Some(there)) => distance_km(here, there) >= f64::from(min_km),
            _ => !is_same_family(a, b),
        }
}

fn hours_between(from: Timestamp, to: Timestamp) -> f64 {
    to.since(from).as_secs_f64() / Duration::from_secs(3_600).as_secs_f64()
}

#[cfg(test)]
pub(super) use self::tests::rules as rules_for_tests;
#[cfg(test)]
mod tests;
