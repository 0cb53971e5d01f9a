//! What breaks a rule, and above all what does not.

use std::net::IpAddr;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::config::{BurstRule, Rate, RiskAction};

const BERLIN: (f64, f64) = (52.5, 13.4);
const POTSDAM: (f64, f64) = (52.4, 13.1);
const PARIS: (f64, f64) = (48.9, 2.4);
const SYDNEY: (f64, f64) = (-33.9, 151.2);

const PHONE: &str = "Safari on iPhone";
const LAPTOP: &str = "Chrome on macOS";

pub(in crate::risk) fn rules() -> RiskRules {
    let action = RiskAction::Observe;
    let burst = BurstRule {
        action,
        rate: Rate {
            count: 30.try_into().unwrap(),
            per: Duration::from_secs(60),
        },
    };
    RiskRules {
        user_agent: action,
        country: NewcomerRule {
            action,
            tolerated: 1,
        },
        asn: NewcomerRule {
            action,
            tolerated: 2,
        },
        impossible_travel: TravelRule {
            action,
            max_kmh: 1_000,
            min_km: 500,
        },
        parallel: ParallelRule {
            action,
            window: Duration::from_secs(600),
            switches: 3,
            min_km: 500,
        },
        refused_sids: burst,
        refused_logins: burst,
    }
}

/// Seen at this minute, from this network, with this program; nothing is known about the place.
fn seen(minute: i64, network: &str, family: &str) -> Sighting {
    Sighting {
        session: Uuid::from_u128(1),
        user_id: "7".into(),
        tenant_id: None,
        at: Timestamp::from_micros(minute * 60_000_000),
        left_at: None,
        network: network.parse().unwrap(),
        family: family.into(),
        country: None,
        asn: None,
        location: None,
        signals: Vec::new(),
    }
}

/// The same at a place.
fn at(minute: i64, network: &str, place: (f64, f64), country: &str, asn: u32) -> Sighting {
    Sighting {
        country: Some(country.into()),
        asn: Some(asn),
        location: Some(place),
        ..seen(minute, network, LAPTOP)
    }
}

/// What is said about each sighting, one after another.
fn story(sightings: &[Sighting]) -> Vec<Vec<RiskRule>> {
    let mut past: Vec<Sighting> = Vec::new();
    let mut said = Vec::new();
    for sighting in sightings {
        let signals = judge(&rules(), &past, sighting);
        past.push(Sighting {
            signals: signals.clone(),
            ..sighting.clone()
        });
        said.push(signals);
    }
    said
}

/// What is said about the last one, where nothing is said about those before.
fn about_last(sightings: &[Sighting]) -> Vec<RiskRule> {
    let mut said = story(sightings);
    let last = said.pop().unwrap();
    assert!(said.iter().all(Vec::is_empty), "{said:?}");
    last
}

#[test]
fn the_first_sighting_says_nothing() {
    assert_eq!(about_last(&[seen(0, "203.0.113.0", LAPTOP)]), []);
}

#[test]
fn another_program_is_said_once() {
    let said = story(&[
        seen(0, "203.0.113.0", LAPTOP),
        seen(1, "203.0.113.0", "curl"),
        seen(2, "203.0.113.0", LAPTOP),
        seen(3, "203.0.113.0", "curl"),
    ]);
    assert_eq!(said, [vec![], vec![RiskRule::UserAgent], vec![], vec![]]);
}

#[test]
fn a_phone_network_that_changes_the_address_by_the_minute_is_nothing() {
    // Without geo: carrier-grade NAT over many /24, and Wi-Fi in between.
    let flips: Vec<Sighting> = (0..30)
        .map(|minute| seen(minute, &format!("198.51.{}.0", minute * 7 % 5), PHONE))
        .collect();
    assert_eq!(about_last(&flips), []);
    // With geo: home and carrier, whose addresses are said to be in another city of the country.
    let flips: Vec<Sighting> = (0..30)
        .map(|minute| match minute % 3 {
            0 => at(minute, "203.0.113.0", POTSDAM, "DE", 3_320),
            1 => at(minute, "198.51.100.0", BERLIN, "DE", 3_209),
            _ => at(minute, "198.51.101.0", BERLIN, "DE", 3_209),
        })
        .collect();
    assert_eq!(about_last(&flips), []);
}

#[test]
fn ipv6_addresses_of_one_64_are_one_network() {
    let network = |address: &str| super::super::context::network(address.parse().unwrap());
    let privacy: Vec<Sighting> = (1..9)
        .map(|minute| Sighting {
            network: network(&format!("2001:db8:1:2:{minute}::1")),
            ..seen(minute, "::", PHONE)
        })
        .collect();
    assert_eq!(about_last(&privacy), []);
    assert!(
        privacy
            .iter()
            .all(|seen| is_same_context(seen, &privacy[0]))
    );
    let next: IpAddr = network("2001:db8:1:3::1");
    assert_ne!(next, privacy[0].network);
}

#[test]
fn another_country_is_new_once_and_home_is_never_new() {
    let said = story(&[
        at(0, "203.0.113.0", BERLIN, "DE", 1),
        at(600, "198.51.100.0", PARIS, "FR", 1),
        at(1_200, "203.0.113.0", BERLIN, "DE", 1),
        at(1_800, "198.51.100.0", PARIS, "FR", 1),
    ]);
    assert_eq!(said, [vec![], vec![RiskRule::Country], vec![], vec![]]);
    // What is not known is not new.
    let unknown = seen(1, "198.51.100.0", LAPTOP);
    assert_eq!(
        about_last(&[at(0, "203.0.113.0", BERLIN, "DE", 1), unknown]),
        []
    );
}

#[test]
fn the_third_network_owner_is_new() {
    let day = [
        at(0, "203.0.113.0", BERLIN, "DE", 1),
        at(60, "198.51.100.0", BERLIN, "DE", 2),
        at(120, "203.0.113.0", BERLIN, "DE", 1),
        at(180, "192.0.2.0", BERLIN, "DE", 3),
    ];
    assert_eq!(about_last(&day[..3]), []);
    assert_eq!(about_last(&day), [RiskRule::Asn]);
}

#[test]
fn travel_is_impossible_by_the_time_since_the_last_use() {
    let travel = |hours: i64, left_after: Option<i64>| {
        let left_at = left_after.map(|hours| Timestamp::from_micros(hours * 3_600_000_000));
        let home = at(0, "203.0.113.0", BERLIN, "DE", 1);
        let away = Sighting {
            left_at,
            ..at(hours * 60, "198.51.100.0", SYDNEY, "DE", 1)
        };
        about_last(&[home, away])
    };
    // 16,090 km.
    assert_eq!(travel(15, None), [RiskRule::ImpossibleTravel]);
    assert_eq!(travel(17, None), []);
    assert_eq!(
        travel(17, Some(2)),
        [RiskRule::ImpossibleTravel],
        "used at home until then"
    );
    assert_eq!(travel(24, Some(2)), []);
}

#[test]
fn a_vpn_is_said_when_it_is_new_and_not_when_it_is_left() {
    let said = story(&[
        at(0, "203.0.113.0", BERLIN, "DE", 1),
        at(1, "198.51.100.0", SYDNEY, "AU", 9),
        at(60, "203.0.113.0", BERLIN, "DE", 1),
        at(120, "198.51.100.0", SYDNEY, "AU", 9),
        at(180, "203.0.113.0", BERLIN, "DE", 1),
    ]);
    let vpn = vec![RiskRule::Country, RiskRule::ImpossibleTravel];
    assert_eq!(said, [vec![], vpn, vec![], vec![], vec![]]);
}

#[test]
fn two_distant_places_that_take_turns_are_parallel_use() {
    let turns = |step: i64| -> Vec<Vec<RiskRule>> {
        let turn = |n: i64| match n % 2 {
            0 => at(n * step, "203.0.113.0", BERLIN, "DE", 1),
            _ => at(n * step, "198.51.100.0", SYDNEY, "DE", 1),
        };
        story(&(0..7).map(turn).collect::<Vec<_>>())
    };
    let said = turns(2);
    assert_eq!(said[1], [RiskRule::ImpossibleTravel]);
    assert_eq!(said[2], [], "there and back");
    assert_eq!(said[3], [RiskRule::Parallel]);
    assert_eq!(said[4..], [vec![], vec![], vec![]], "once in a window");
    assert!(
        turns(5)
            .iter()
            .all(|said| !said.contains(&RiskRule::Parallel)),
        "too slow"
    );
}

#[test]
fn where_places_are_not_known_another_program_has_to_be_there() {
    let turns = |other: &str| {
        let turn = |n: i64| match n % 2 {
            0 => seen(n, "203.0.113.0", PHONE),
            _ => seen(n, "198.51.100.0", other),
        };
        story(&(0..4).map(turn).collect::<Vec<_>>())
    };
    assert_eq!(turns("curl")[3], [RiskRule::Parallel]);
    assert_eq!(turns(PHONE).concat(), [], "one phone between two networks");
}

fn any_sighting() -> impl Strategy<Value = Sighting> {
    let place = prop::option::of((-90.0..=90.0, -180.0..=180.0));
    let parts = (
        0_i64..5_000,
        0_u8..6,
        0_usize..3,
        prop::option::of(0_u32..4),
        place,
    );
    parts.prop_map(|(minute, net, family, asn, location)| Sighting {
        asn,
        country: asn.map(|asn| format!("C{asn}").into()),
        location,
        ..seen(minute, &format!("10.0.{net}.0"), ["a", "b", "c"][family])
    })
}

proptest! {
    /// An address change alone breaks no rule, however often.
    #[test]
    fn addresses_alone_are_nothing(networks in prop::collection::vec(any::<[u8; 3]>(), 1..40)) {
        let moves: Vec<Sighting> = (0..)
            .zip(&networks)
            .map(|(minute, [a, b, c])| seen(minute, &format!("{a}.{b}.{c}.0"), PHONE))
            .collect();
        prop_assert!(story(&moves).concat().is_empty());
    }

    /// The same context again is no news.
    #[test]
    fn staying_is_nothing(past in prop::collection::vec(any_sighting(), 1..20), minutes in 0_i64..100) {
        let last = past.last().unwrap();
        let micros = last.at.as_micros() + minutes * 60_000_000;
        let again = Sighting { at: Timestamp::from_micros(micros), ..last.clone() };
        prop_assert!(judge(&rules(), &past, &again).is_empty());
    }

    /// What is there already never makes a value new.
    #[test]
    fn coming_home_is_not_new(past in prop::collection::vec(any_sighting(), 2..20), pick in any::<prop::sample::Index>()) {
        let home = Sighting { at: Timestamp::from_micros(9_000 * 60_000_000), ..pick.get(&past).clone() };
        let said = judge(&rules(), &past, &home);
        for rule in [RiskRule::UserAgent, RiskRule::Country, RiskRule::Asn, RiskRule::ImpossibleTravel] {
            prop_assert!(!said.contains(&rule), "{rule}");
        }
    }

    /// Whatever comes in, however odd its times.
    #[test]
    fn rules_never_fail(past in prop::collection::vec(any_sighting(), 0..20), new in any_sighting()) {
        let said = judge(&rules(), &past, &new);
        prop_assert!(said.len() <= RiskRule::VARIANTS.len());
    }
}
