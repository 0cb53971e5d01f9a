use uuid::Uuid;

use super::*;
use crate::clock::Timestamp;

const NOW: Timestamp = Timestamp::from_micros(1_000_000_000_000);

/// The place of a node that is declared to be there until so many milliseconds after `NOW`.
fn place(until_ms: Option<i64>) -> Pulse {
    Pulse {
        head: 0,
        incarnation: Uuid::nil(),
        in_recovery: false,
        now: NOW,
        anchor: None,
        events: Vec::new(),
        oldest_at: None,
        listed_until: until_ms.map(|ms| Timestamp::from_micros(NOW.as_micros() + ms * 1_000)),
    }
}

fn at(ms: u64) -> Boot {
    Boot::from_nanos(ms * 1_000_000)
}

/// Whether it earns a lease, and whether the next beat reports.
fn says(until_ms: Option<i64>) -> (bool, bool) {
    let mut listing = Listing::default();
    listing.reported(7, at(0));
    let earns = listing.learn(&place(until_ms));
    (earns, listing.is_due(7, at(500)))
}

#[test]
fn a_lease_is_earned_on_the_list_alone() {
    assert_eq!(says(Some(5_000)), (true, false));
    assert_eq!(says(Some(1)), (true, false));
    assert_eq!(says(Some(0)), (true, true), "due, and still counted");
    assert_eq!(says(Some(-1_000)), (true, true));
    assert_eq!(
        says(Some(-1_001)),
        (false, true),
        "not for as long as a lease lasts"
    );
    assert_eq!(says(None), (false, true), "somebody has removed it");
    assert_eq!(
        says(Some(5_001)),
        (true, true),
        "the store's clock was set back"
    );
}

#[test]
fn the_first_beat_reports() {
    assert!(Listing::default().is_due(0, at(0)));
}

#[test]
fn events_are_reported_at_once_and_a_storm_of_them_now_and_then() {
    let mut listing = Listing::default();
    listing.reported(7, at(1_000));
    listing.learn(&place(Some(5_000)));
    assert!(!listing.is_due(7, at(9_000)), "nothing is new");
    assert!(listing.is_due(8, at(1_050)));
    assert!(!listing.is_due(8, at(1_049)));
    assert_eq!(listing.pause(at(1_020)), Duration::from_millis(30));
    assert_eq!(listing.pause(at(1_051)), Duration::ZERO);
    listing.learn(&place(None));
    assert!(
        listing.is_due(8, at(1_001)),
        "no pause for who is not listed"
    );
}
