use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use session_core::clock::{Boot, Timestamp};

use super::*;
use crate::apps::server::Located;
use crate::apps::standing::{Failure, Now};
use crate::config::PassiveConfig;

fn servers(weights: &[u16]) -> Servers {
    let each = weights.iter().zip(1..).map(|(weight, number): (_, u8)| {
        let address = SocketAddr::from(([10, 0, 0, number], 80));
        Arc::new(Server::new(Located {
            address: address.into(),
            host: None,
            tls: false,
            weight: *weight,
        }))
    });
    Servers::of(each.collect())
}

fn choice(by: Balance, turn: usize) -> Choice<'static> {
    Choice {
        by,
        turn,
        session: None,
        tried: &[],
        most: 0,
        now: Boot::from_nanos(1_000),
        patience: Duration::from_nanos(500),
    }
}

fn eject(server: &Server) {
    let now = Now {
        boot: Boot::from_nanos(1),
        wall: Timestamp::from_micros(0),
    };
    let rules = PassiveConfig {
        failures: 1,
        eject: Duration::from_secs(1),
        eject_max: Duration::from_secs(1),
    };
    server.standing(|standing| standing.failed(Failure::Connect, now.boot, now, &rules));
}

/// How many of `number` requests each server gets, which end at once.
fn shares(servers: &Servers, number: usize, by: Balance) -> HashMap<String, usize> {
    let mut shares = HashMap::new();
    for turn in 0..number {
        let server = servers.choose(&choice(by, turn)).unwrap();
        server.leave();
        *shares.entry(server.to_string()).or_default() += 1;
    }
    shares
}

#[test]
fn turns_follow_the_weights_and_are_spread() {
    assert_eq!(servers(&[1, 1, 1]).turns, [0, 1, 2]);
    assert_eq!(servers(&[10, 20]).turns, [1, 0, 1], "in lowest terms");
    assert_eq!(
        servers(&[5, 1, 1]).turns,
        [0, 0, 1, 0, 2, 0, 0],
        "no bursts at the edge"
    );
    let shares = shares(&servers(&[3, 1]), 400, Balance::RoundRobin);
    assert_eq!(shares["10.0.0.1:80"], 300);
}

#[test]
fn who_is_out_gets_nothing_and_if_all_are_out_all_are_tried() {
    let three = servers(&[1, 1, 1]);
    eject(&three.all[1]);
    assert!(!three.is_current());
    let three = Servers::of(three.all);
    assert!(three.is_current());
    assert_eq!(three.serving(), 2);
    let shared = shares(&three, 100, Balance::RoundRobin);
    assert_eq!(shared.get("10.0.0.2:80"), None);
    assert_eq!(shared["10.0.0.3:80"], 50, "the others share evenly");
    for server in &three.all {
        eject(server);
    }
    let three = Servers::of(three.all);
    assert!(three.is_current());
    assert_eq!((three.serving(), three.open.len()), (0, 3));
}

#[test]
fn a_server_is_not_tried_twice_and_full_is_another_matter_than_none() {
    let two = servers(&[1, 1]);
    let tried = [Arc::clone(&two.all[0])];
    let again = Choice {
        tried: &tried,
        most: 1,
        ..choice(Balance::RoundRobin, 0)
    };
    assert_eq!(two.choose(&again).unwrap().to_string(), "10.0.0.2:80");
    assert_eq!(two.choose(&again).err(), Some(NoServer::Free));
    let both = [Arc::clone(&two.all[0]), Arc::clone(&two.all[1])];
    let none = Choice {
        tried: &both,
        ..again
    };
    assert_eq!(two.choose(&none).err(), Some(NoServer::Left));
    assert_eq!(
        Servers::of(vec![]).choose(&again).err(),
        Some(NoServer::Left)
    );
}

#[test]
fn a_server_at_which_connections_do_not_come_to_stand_is_passed_over_meanwhile() {
    let two = servers(&[1, 1]);
    let at = Boot::from_nanos;
    two.all[0].connects(at(0));
    for turn in 0..4 {
        let server = two.choose(&choice(Balance::RoundRobin, turn)).unwrap();
        assert_eq!(server.to_string(), "10.0.0.2:80");
    }
    two.all[1].connects(at(100));
    let shared = shares(&two, 4, Balance::RoundRobin);
    assert_eq!(
        shared["10.0.0.1:80"], 2,
        "if all are slow none is passed over"
    );
    two.all[0].connects(at(600));
    two.all[0].connected(Some(at(700)));
    let shared = shares(&two, 4, Balance::RoundRobin);
    assert_eq!(shared["10.0.0.1:80"], 4, "one has come to stand");
    two.all[0].connected(Some(at(800)));
    two.all[1].connected(None);
    let shared = shares(&two, 4, Balance::RoundRobin);
    assert_eq!(shared["10.0.0.1:80"], 2, "nobody waits");
}

#[test]
fn the_least_busy_one_for_its_weight_is_chosen_and_equals_take_turns() {
    let three = servers(&[1, 1, 2]);
    let by = Balance::LeastConnections;
    let mut got: Vec<String> = (0..8)
        .map(|turn| three.choose(&choice(by, turn)).unwrap().to_string())
        .collect();
    got.sort();
    let count = |server: &str| got.iter().filter(|name| *name == server).count();
    assert_eq!((count("10.0.0.1:80"), count("10.0.0.2:80")), (2, 2));
    assert_eq!(
        count("10.0.0.3:80"),
        4,
        "twice the weight, twice the requests"
    );
    let idle = shares(&servers(&[1, 1]), 100, by);
    assert_eq!(idle["10.0.0.1:80"], 50);
}

#[test]
fn a_session_stays_and_only_those_of_a_lost_server_move() {
    let place = |servers: &Servers, session: u128| {
        let choice = Choice {
            session: Some(session),
            ..choice(Balance::Session, usize::try_from(session).unwrap())
        };
        let server = servers.choose(&choice).unwrap();
        server.leave();
        server.to_string()
    };
    let four = servers(&[1, 1, 1, 1]);
    let before: Vec<_> = (0..4_000).map(|session| place(&four, session)).collect();
    let at_the_first = before
        .iter()
        .filter(|server| *server == "10.0.0.1:80")
        .count();
    assert!(
        (800..1_200).contains(&at_the_first),
        "{at_the_first} of 4000"
    );
    eject(&four.all[0]);
    let three = Servers::of(four.all.clone());
    for (session, before) in (0..).zip(&before) {
        let now = place(&three, session);
        assert!(
            now == *before || before == "10.0.0.1:80",
            "{session}: {before} to {now}"
        );
    }
    let heavy = servers(&[1, 3]);
    let heavy = (0..4_000).map(|session| place(&heavy, session));
    let share = heavy.filter(|server| server == "10.0.0.2:80").count();
    assert!((2_800..3_200).contains(&share), "{share} of 4000");
}

proptest! {
    /// In one round every server has as many turns as its weight, whatever the weights.
    #[test]
    fn a_round_is_fair(weights in proptest::collection::vec(1_u16..=100, 1..12)) {
        let servers = servers(&weights);
        let shares = shares(&servers, servers.turns.len(), Balance::RoundRobin);
        let total: usize = weights.iter().map(|weight| usize::from(*weight)).sum();
        for (weight, server) in weights.iter().zip(&servers.all) {
            let expected = usize::from(*weight) * servers.turns.len() / total;
            prop_assert_eq!(shares[&server.to_string()], expected);
        }
    }
}
