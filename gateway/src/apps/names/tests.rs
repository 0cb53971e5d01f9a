use std::net::SocketAddr;

use super::*;
use crate::apps::address::Address;
use crate::config::Host;

fn names(servers: &[&str]) -> Names {
    let servers = servers
        .iter()
        .map(|text| UpstreamServer::parse(text).unwrap());
    Names::new(&servers.collect::<Vec<_>>())
}

fn located(address: &str) -> Located {
    Located {
        address: Address::Tcp(address.parse::<SocketAddr>().unwrap()),
        host: Host::parse("host.test").ok(),
        tls: false,
        weight: 1,
    }
}

/// The addresses in their order.
fn shown_places(names: &Names) -> Vec<String> {
    let places = names.places().into_iter();
    places.map(|place| place.address.to_string()).collect()
}

const EVERY: Duration = Duration::from_secs(5);

fn at(seconds: u32) -> (Now, Duration) {
    let now = Now {
        boot: boot(seconds),
        wall: Timestamp::from_micros(i64::from(seconds) * 1_000_000),
    };
    (now, EVERY)
}

fn boot(seconds: u32) -> Boot {
    Boot::from_nanos(u64::from(seconds) * 1_000_000_000)
}

fn found(addresses: &[&str], lasts: u64) -> Result<Found, String> {
    let places = addresses.iter().map(|address| located(address));
    Ok(Found {
        places: places.collect(),
        lasts: Duration::from_secs(lasts),
    })
}

#[test]
fn a_name_that_is_lost_keeps_its_addresses_and_leaves_others_alone() {
    let mut names = names(&["127.0.0.1:1", "a.test:2", "b.test:3"]);
    let (a, b, c) = ("127.0.0.2:2", "127.0.0.3:3", "127.0.0.1:1");
    assert_eq!(names.note(1, found(&[a], 60), at(1)), None);
    let lost = names.note(2, Err("no such name".to_owned()), at(2));
    let cause = "no such name".to_owned();
    assert_eq!(lost, Some(Change::Lost { cause, kept: 0 }));
    assert_eq!(shown_places(&names), [c, a]);
    let again = names.note(2, Err("still none".to_owned()), at(7));
    assert_eq!(again, None, "told once");
    assert_eq!(
        names.unresolved(),
        "b.test:3 has not resolved since 1970-01-01T00:00:02Z"
    );
    let back = names.note(2, found(&[b, b], 60), at(12));
    let since = "1970-01-01T00:00:02Z".to_owned();
    let addresses = 2;
    assert_eq!(back, Some(Change::Found { since, addresses }));
    let cause = "gone".to_owned();
    let lost = names.note(1, Err(cause.clone()), at(13));
    let told = Change::Lost {
        cause: cause.clone(),
        kept: 1,
    };
    assert_eq!(lost, Some(told));
    assert_eq!(
        shown_places(&names),
        [c, a, b],
        "the last known one of a stays"
    );

    let mut reloaded = self::names(&["b.test:3", "a.test:2", "new.test:4"]);
    reloaded.learn_from(&names);
    assert_eq!(shown_places(&reloaded), [b, a], "a reload knows them too");
    assert_eq!(reloaded.note(1, Err(cause), at(14)), None);
}

#[test]
fn a_name_is_looked_up_when_its_answer_is_old_and_at_least_every_so_often() {
    let mut names = names(&["127.0.0.1:1", "unix:/run/app.sock", "a.test:2", "b.test:3"]);
    assert_eq!(names.due(boot(0)), [2, 3], "addresses and sockets never");
    let _unchanged = names.note(2, found(&["127.0.0.2:2"], 2), at(0));
    let _unchanged = names.note(3, found(&["127.0.0.3:3"], 3_600), at(0));
    assert_eq!(names.due(boot(1)), Vec::<usize>::new());
    assert_eq!(names.due(boot(2)), [2], "as long as the name server says");
    assert_eq!(
        names.due(boot(5)),
        [2, 3],
        "and no longer than resolve_every"
    );
    let _unchanged = names.note(2, found(&["127.0.0.2:2"], 0), at(5));
    assert_eq!(names.due(boot(5)), [3], "never in a busy loop");
}
