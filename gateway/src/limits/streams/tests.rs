//! Bounds of streams, and that nothing is left of those that ended.

use super::*;

const fn room(all: usize) -> Room {
    Room {
        all,
        of_session: 2,
        of_client: 3,
    }
}

fn holder(session: Option<u8>, client: &str) -> Holder {
    Holder {
        session: session.map(|n| SessionKey::from_bytes([n; 32])),
        client: client.parse().unwrap(),
    }
}

#[test]
fn places_are_bounded_and_come_back() {
    let streams = Arc::<Streams>::default();
    let enter = |kind, session, client| streams.enter(kind, holder(session, client), room(4));
    let of_alice: Vec<_> = (0..2)
        .map(|_| enter(Kind::Events, Some(1), "192.0.2.1").unwrap())
        .collect();
    let refused = enter(Kind::Events, Some(1), "192.0.2.2").unwrap_err();
    assert_eq!(refused, Full::Session, "wherever she is");
    let of_bob = enter(Kind::Events, Some(2), "192.0.2.1").unwrap();
    let refused = enter(Kind::Events, Some(3), "192.0.2.1").unwrap_err();
    assert_eq!(refused, Full::Client);
    let other = enter(Kind::Events, None, "192.0.2.2").unwrap();
    let refused = enter(Kind::Events, None, "192.0.2.3").unwrap_err();
    assert_eq!(refused, Full::Process);
    assert!(
        enter(Kind::Forwarded, Some(1), "192.0.2.1").is_ok(),
        "another kind"
    );

    drop((of_alice, of_bob, other));

    let open = streams.open.lock();
    assert!(open.total.is_empty());
    assert!(open.of_session.is_empty() && open.of_client.is_empty());
}

#[test]
fn a_64_is_one_client_and_no_room_is_none() {
    let streams = Arc::<Streams>::default();
    let places: Vec<_> = (1..=3)
        .map(|n| {
            let holder = holder(None, &format!("2001:db8::{n}"));
            streams.enter(Kind::Forwarded, holder, room(10)).unwrap()
        })
        .collect();
    let enter = |client| streams.enter(Kind::Forwarded, holder(None, client), room(10));
    assert_eq!(enter("2001:db8::9").unwrap_err(), Full::Client);
    assert!(enter("2001:db8:0:1::9").is_ok());
    drop(places);
    let refused = streams.enter(Kind::Events, holder(None, "192.0.2.1"), room(0));
    assert_eq!(refused.unwrap_err(), Full::Process);
}

/// A stop waits for what comes to an end by itself.
#[test]
fn sockets_are_not_among_those_that_are_ending() {
    let streams = Arc::<Streams>::default();
    let room = Room {
        all: 10,
        of_session: 10,
        of_client: 10,
    };
    let holder = Holder {
        session: None,
        client: "192.0.2.1".parse().unwrap(),
    };
    let enter = |kind| streams.enter(kind, holder, room).unwrap();
    let socket = enter(Kind::Forwarded).of_socket();
    assert!(!streams.are_ending());
    let download = enter(Kind::Forwarded);
    assert!(streams.are_ending());
    drop(download);
    let feed = enter(Kind::Events);
    assert!(streams.are_ending());
    drop(socket);
    assert!(streams.are_ending());
    drop(feed);
    assert!(!streams.are_ending());
}
