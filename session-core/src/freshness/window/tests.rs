use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cache::Entry;
use crate::clock::{Boot, Timestamp};

const INCARNATION: Uuid = Uuid::from_u128(1);

fn identity(user: &str, tenant: Option<&str>) -> Identity {
    Identity::from_value(json!({"user": {"id": user}, "tenant_id": tenant}))
        .unwrap()
        .0
}

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes([byte; 32])
}

fn event(seq: Seq, subject: Subject) -> Event {
    Event {
        seq,
        eid: Uuid::from_u128(seq.unsigned_abs().into()),
        subject,
    }
}

fn history(head: Seq, events: Vec<Event>) -> History {
    History {
        head,
        incarnation: INCARNATION,
        in_recovery: false,
        events,
    }
}

fn window(head: Seq) -> Window {
    let window = Window::default();
    window.reset(&history(head, vec![]));
    window
}

fn entry(window: &Window, key: SessionKey, identity: &Identity, as_of: Seq) -> Option<Arc<Entry>> {
    let standing = window.accept(&key, identity, as_of, INCARNATION)?;
    let session = Session {
        key,
        id: Uuid::nil(),
        group: crate::session::Group::default(),
        site: crate::session::SiteName::default(),
        identity: identity.clone(),
        ip: None,
        user_agent: "".into(),
        created_at: Timestamp::default(),
        auth_time: Timestamp::default(),
        last_activity: Timestamp::default(),
        expires_at: Timestamp::from_micros(i64::MAX),
        idle: Duration::ZERO,
        revoked: None,
        references: crate::session::References::default(),
        created_seq: 0,
        version: 1,
        renewed_at: None,
    };
    Some(Arc::new(Entry::new(
        session,
        standing,
        Boot::default(),
        Duration::from_secs(1),
    )))
}

#[test]
fn a_value_is_good_until_an_event_names_its_session_user_tenant_or_everybody() {
    let named = [
        Subject::Session(key(1)),
        Subject::User("7".into()),
        Subject::Tenant("t".into()),
        Subject::Flush,
    ];
    for subject in named {
        let window = window(10);
        let held = entry(&window, key(1), &identity("7", Some("t")), 10).unwrap();
        window.apply(&event(11, Subject::Session(key(2))));
        window.apply(&event(12, Subject::User("8".into())));
        window.apply(&event(13, Subject::Tenant("u".into())));
        assert!(held.is_believed_by(&window), "others were named");
        window.apply(&event(14, subject.clone()));
        assert!(!held.is_believed_by(&window), "{subject:?}");
        assert!(
            entry(&window, key(1), &identity("7", Some("t")), 13).is_none(),
            "a late fill, {subject:?}"
        );
        assert!(
            entry(&window, key(1), &identity("7", Some("t")), 14).is_some(),
            "a later snapshot, {subject:?}"
        );
    }
}

#[test]
fn a_hint_refuses_older_values_but_moves_nothing() {
    let window = window(10);
    let held = entry(&window, key(1), &identity("7", None), 10).unwrap();
    window.hint(&Subject::Session(key(1)), 12);
    assert!(!held.is_believed_by(&window));
    assert_eq!((window.head(), window.start()), (10, 10));
    assert!(entry(&window, key(1), &identity("7", None), 12).is_some());
}

#[test]
fn a_value_from_before_the_window_or_from_another_store_is_refused() {
    let window = Window::default();
    window.reset(&history(
        10,
        vec![
            event(9, Subject::User("8".into())),
            event(10, Subject::User("8".into())),
        ],
    ));
    assert!(
        entry(&window, key(1), &identity("7", None), 7).is_none(),
        "W is 8"
    );
    assert!(entry(&window, key(1), &identity("7", None), 8).is_some());
    assert!(
        window
            .accept(&key(1), &identity("7", None), 10, Uuid::from_u128(2))
            .is_none()
    );
}

#[test]
fn a_reset_ends_belief_even_when_numbers_go_backwards() {
    let window = window(100);
    let held = entry(&window, key(1), &identity("7", None), 100).unwrap();
    window.reset(&history(50, vec![]));
    assert!(!held.is_believed_by(&window));
    window.apply(&event(51, Subject::User("8".into())));
    assert!(!held.is_believed_by(&window));
}

#[test]
fn forgetting_moves_the_start_and_keeps_what_was_checked_in_time() {
    let window = window(0);
    let checked = entry(&window, key(1), &identity("7", None), 0).unwrap();
    let unchecked = entry(&window, key(2), &identity("8", None), 0).unwrap();
    let many = Seq::try_from(RECENT_MAX).unwrap();
    for seq in 1..=many + 5 {
        window.apply(&event(seq, Subject::User(format!("u{seq}").into())));
        if seq == 10 {
            assert!(checked.is_believed_by(&window));
        }
    }
    assert_eq!(window.start(), 5);
    assert!(
        checked.is_believed_by(&window),
        "it was checked at 10, and everything after 5 is known"
    );
    assert!(
        !unchecked.is_believed_by(&window),
        "events 1 to 5 are forgotten and were never checked against it"
    );
    assert!(entry(&window, key(3), &identity("9", None), 4).is_none());
}

proptest! {
    /// Against the obvious model: good as of `n` means that no event after `n` names it.
    #[test]
    fn agrees_with_a_full_log(log in proptest::collection::vec((0_u8..4, 0_u8..3), 1..60), as_of in 0_i64..60, look_every in 1_usize..9) {
        let as_of = as_of.min(Seq::try_from(log.len()).unwrap());
        let window = window(0);
        let id = identity("u1", Some("t1"));
        let mut held = None;
        for (at, (kind, name)) in log.iter().enumerate() {
            let seq = Seq::try_from(at).unwrap() + 1;
            if seq - 1 == as_of {
                held = entry(&window, key(1), &id, as_of);
                prop_assert!(held.is_some(), "nothing is newer than the head");
            }
            let subject = match kind {
                0 => Subject::Session(key(*name)),
                1 => Subject::User(format!("u{name}").into()),
                2 => Subject::Tenant(format!("t{name}").into()),
                _ if *name == 0 => Subject::Flush,
                _ => Subject::Session(key(9)),
            };
            window.apply(&event(seq, subject));
            if at % look_every == 0 && let Some(held) = &held {
                prop_assert_eq!(held.is_believed_by(&window), good(&log, as_of, seq));
            }
        }
        let head = Seq::try_from(log.len()).unwrap();
        prop_assert_eq!(entry(&window, key(1), &id, as_of).is_some(), good(&log, as_of, head));
    }
}

fn good(log: &[(u8, u8)], as_of: Seq, head: Seq) -> bool {
    !log.iter().zip(1..).any(|((kind, name), seq)| {
        let names_us = if *kind == 3 { *name == 0 } else { *name == 1 };
        seq > as_of && seq <= head && names_us
    })
}

#[test]
fn a_window_begins_after_a_hole_in_the_log() {
    let window = Window::default();
    let events = [1, 2, 4, 5].map(|seq| event(seq, Subject::User("8".into())));
    window.reset(&history(5, events.to_vec()));
    assert_eq!(window.start(), 3, "event 3 may have named anybody");
    let seven = identity("7", None);
    assert!(entry(&window, key(1), &seven, 2).is_none());
    assert!(entry(&window, key(1), &seven, 3).is_some());
    assert_eq!(window.applied().anchor, Some(Uuid::from_u128(5)));
}

#[test]
fn a_window_whose_newest_events_are_missing_begins_at_the_head() {
    let window = Window::default();
    let events = [1, 2].map(|seq| event(seq, Subject::User("8".into())));
    window.reset(&history(3, events.to_vec()));
    assert_eq!((window.start(), window.head()), (3, 3));
    assert_eq!(
        window.applied().anchor,
        None,
        "the event at the head is unknown"
    );
}
