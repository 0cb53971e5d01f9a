//! Who is counted where, and what an attacker gets.

use std::time::Duration;

use governor::clock::FakeRelativeClock;

use super::*;
use crate::config::Rate;

type Limits = Arc<LoginLimits<FakeRelativeClock>>;

const NO_ONE: Option<&str> = None;

fn config(per_account: u32, per_client: u32) -> LoginLimitsConfig {
    let rate = |count: u32| Rate {
        count: count.try_into().unwrap(),
        per: Duration::from_secs(60),
    };
    LoginLimitsConfig {
        per_account: rate(per_account),
        per_client: rate(per_client),
        max_concurrent: std::num::NonZeroUsize::MIN,
    }
}

fn limits(per_account: u32, per_client: u32) -> Limits {
    limits_by(per_account, per_client, &FakeRelativeClock::default())
}

fn limits_by(per_account: u32, per_client: u32, clock: &FakeRelativeClock) -> Limits {
    Arc::new(LoginLimits::with_clock(
        &config(per_account, per_client),
        clock,
    ))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// One of very many clients.
fn client(number: u32) -> IpAddr {
    IpAddr::from((0x0a00_0000 + number).to_be_bytes())
}

type Try = Result<Attempt<FakeRelativeClock>, Limited>;

fn stranger(limits: &Limits, account: &str, from: IpAddr) -> Try {
    let client = limits.client(from)?;
    limits.attempt(
        &Account::new(account),
        Standing::Stranger(client),
        Factors::Password,
    )
}

fn neighbour(limits: &Limits, account: &str, network: &str, from: IpAddr) -> Try {
    let client = limits.client(from)?;
    let standing = Standing::Known(ip(network), client);
    limits.attempt(&Account::new(account), standing, Factors::Password)
}

fn with_session(limits: &Limits, account: &str, session: u128) -> Try {
    let session = limits.session("7", Uuid::from_u128(session))?;
    let standing = Standing::LiveSession(session);
    limits.attempt(&Account::new(account), standing, Factors::Password)
}

/// Whether a wrong guess gets through.
fn guess(attempt: Try) -> bool {
    attempt.map(|attempt| attempt.failed(NO_ONE)).is_ok()
}

#[test]
fn an_account_is_limited_in_any_spelling_and_others_are_not() {
    let limits = limits(2, 10);
    let from = client(1);
    assert!(guess(stranger(&limits, "alice@x", from)));
    assert!(guess(stranger(&limits, " AL\u{131}CE@X ", from)));
    let refused = stranger(&limits, "alice@x", from).err().unwrap();
    assert_eq!(refused.counter, Counter::Account);
    assert!((1..=30).contains(&refused.wait.0), "{refused:?}");
    assert!(guess(stranger(&limits, "bob@x", from)));
}

#[test]
fn a_client_is_its_64() {
    let limits = limits(10, 1);
    let from = |address| guess(stranger(&limits, "a@x", ip(address)));
    assert!(from("2001:db8::1"));
    assert!(!from("2001:db8::2"));
    assert!(from("2001:db8:0:1::1"));
    assert!(from("192.0.2.1"));
    assert!(from("192.0.2.2"));
}

/// Not what succeeds, and not what nobody could judge.
#[test]
fn only_failures_count() {
    let limits = limits(2, 3);
    for _ in 0..100 {
        drop(stranger(&limits, "a@x", client(1)).ok().unwrap());
    }
    assert!(guess(stranger(&limits, "a@x", client(1))));
    assert!(guess(stranger(&limits, "a@x", client(1))));
    assert!(!guess(stranger(&limits, "a@x", client(2))));
}

#[test]
fn of_many_at_once_no_more_get_through_than_of_many_in_turn() {
    let limits = limits(20, 1_000);
    let admitted: Vec<_> = (0..500)
        .filter_map(|number| stranger(&limits, "a@x", client(number)).ok())
        .collect();
    assert_eq!(admitted.len(), 20);
    for attempt in admitted {
        attempt.failed(NO_ONE);
    }
    assert!(!guess(stranger(&limits, "a@x", client(1))));
}

/// An attempt that is turned away at an account's limit has cost a look into the store.
#[test]
fn being_turned_away_counts_for_the_client() {
    let limits = limits(1, 3);
    assert!(guess(stranger(&limits, "a@x", client(1))));
    for counter in [Counter::Account, Counter::Account, Counter::Client] {
        let refused = stranger(&limits, "a@x", client(1)).err().unwrap();
        assert_eq!(refused.counter, counter);
    }
}

#[test]
fn what_strangers_use_up_is_nobody_elses() {
    let limits = limits(2, 100);
    for number in 0..100 {
        guess(stranger(&limits, "a@x", client(number)));
    }
    assert!(!guess(stranger(&limits, "a@x", client(200))));

    let home = "192.0.2.0";
    for number in 0..100 {
        guess(neighbour(&limits, "a@x", home, client(number)));
    }
    assert!(!guess(neighbour(&limits, "a@x", home, client(200))));

    assert!(guess(neighbour(
        &limits,
        "a@x",
        "198.51.100.0",
        client(201)
    )));
    assert!(guess(neighbour(&limits, "b@x", home, client(202))));
    assert!(with_session(&limits, "a@x", 1).is_ok());
}

/// Who has the address by their own word is one, however many they are.
#[test]
fn claims_are_one_counter() {
    let limits = limits(3, 1_000);
    let claim = |account, from| {
        let standing = Standing::Claimed(limits.client(from).ok().unwrap());
        guess(limits.attempt(&Account::new(account), standing, Factors::Password))
    };
    let through = (0..100).filter(|number| claim("a@x", client(*number)));
    assert_eq!(through.count(), 3);
    assert!(claim("b@x", client(1)));
    assert!(guess(stranger(&limits, "a@x", client(1))));
    assert!(guess(with_session(&limits, "a@x", 1)));
}

#[test]
fn a_live_session_has_a_limit_too() {
    let limits = limits(3, 100);
    let through = (0..300).filter(|_| guess(with_session(&limits, "a@x", 1)));
    assert_eq!(through.count(), 3);
    assert!(guess(with_session(&limits, "a@x", 2)), "another one");
    let through = (0..10_000).filter(|session| guess(with_session(&limits, "a@x", *session)));
    let most = 3 * usize::from(SESSION_COUNTERS);
    assert!(through.count() < most, "however many sessions one makes");
}

/// The app says which account it is; whatever is typed for it counts there from then on.
#[test]
fn spellings_that_the_app_alone_knows_are_one_account() {
    let limits = limits(3, 1_000);
    let names = ["alice", "alice@x.test", "+49 170 1234567"];
    for typed in names {
        let attempt = stranger(&limits, typed, client(1)).ok().unwrap();
        attempt.failed(Some("u-17"));
    }
    for typed in names {
        let refused = stranger(&limits, typed, client(1)).err().unwrap();
        assert_eq!(refused.counter, Counter::Account, "{typed}");
    }
    let other = stranger(&limits, "bob", client(1)).ok().unwrap();
    other.failed(Some("u-18"));
    assert!(guess(stranger(&limits, "bob", client(1))));

    let home = "192.0.2.0";
    assert!(guess(neighbour(&limits, "alice", home, client(1))));
    assert!(guess(neighbour(&limits, "alice@x.test", home, client(1))));
    assert!(guess(neighbour(&limits, "alice", home, client(1))));
    assert!(!guess(neighbour(&limits, "alice@x.test", home, client(1))));
}

/// A name that somebody types is not one that the app gives.
#[test]
fn nobody_can_type_the_name_that_the_app_gives() {
    let limits = limits(1, 1_000);
    let attempt = stranger(&limits, "alice", client(1)).ok().unwrap();
    attempt.failed(Some("bob"));
    assert!(guess(stranger(&limits, "bob", client(1))));
}

#[test]
fn asking_for_another_factor_is_no_failure_and_has_a_limit_of_its_own() {
    let limits = limits(2, 1_000);
    let client_of = || limits.client(client(1)).ok().unwrap();
    let with_more = |outcome: fn(Attempt<FakeRelativeClock>)| {
        let standing = Standing::Stranger(client_of());
        let tried = limits.attempt(&Account::new("a@x"), standing, Factors::More);
        tried.map(outcome).map_err(|limited| limited.counter)
    };
    for _ in 0..2 {
        stranger(&limits, "a@x", client(1)).ok().unwrap().half_way();
    }
    let refused = stranger(&limits, "a@x", client(1)).err().unwrap();
    assert_eq!(refused.counter, Counter::FirstStep);

    assert_eq!(with_more(|attempt| attempt.failed(None)), Ok(()));
    assert_eq!(with_more(|attempt| attempt.failed(None)), Ok(()));
    assert_eq!(with_more(drop), Err(Counter::Account), "guesses at a code");
}

/// Guesses that get through in one day, when each is made as soon as it may be.
fn in_a_day(
    limits: &Limits,
    clock: &FakeRelativeClock,
    mut guess: impl FnMut(&Limits) -> bool,
) -> u64 {
    const STEP: Duration = Duration::from_secs(3);
    let mut through = 0;
    for _ in 0..86_400 / STEP.as_secs() {
        while guess(limits) {
            through += 1;
        }
        limits.forget_idle();
        clock.advance(STEP);
    }
    through
}

/// The figures of the table in docs/security.md: one node, the limits that hold without a configuration.
#[test]
fn what_an_attacker_with_a_thousand_addresses_gets_in_a_day() {
    const ADDRESSES: u32 = 1_000;
    let day = |attack: &dyn Fn(&Limits, IpAddr) -> Try| {
        let clock = FakeRelativeClock::default();
        let limits = limits_by(20, 100, &clock);
        let mut number = 0;
        in_a_day(&limits, &clock, |limits| {
            number = (number + 1) % ADDRESSES;
            guess(attack(limits, client(number)))
        })
    };
    let on_one_account = day(&|limits, from| stranger(limits, "a@x", from));
    let from_the_network = day(&|limits, from| neighbour(limits, "a@x", "10.0.0.0", from));
    let with_a_stolen_sid = day(&|limits, _| with_session(limits, "a@x", 1));
    // 20 at once, and one every three seconds.
    assert_eq!(on_one_account, 28_819);
    assert_eq!(from_the_network, 28_819);
    assert_eq!(with_a_stolen_sid, 28_819);

    // On as many accounts as one likes: 100 at once and 100 a minute for each address. Counted for one of them.
    let clock = FakeRelativeClock::default();
    let limits = limits_by(20, 100, &clock);
    let mut account = 0_u64;
    let by_one_address = in_a_day(&limits, &clock, |limits| {
        account += 1;
        guess(stranger(limits, &account.to_string(), client(1)))
    });
    assert_eq!(by_one_address, 144_095);
}

/// What it takes to keep strangers, and nobody else, from an account: one address.
#[test]
fn keeping_strangers_out_takes_one_address() {
    let clock = FakeRelativeClock::default();
    let limits = limits_by(20, 100, &clock);
    for _ in 0..600 {
        while guess(stranger(&limits, "a@x", client(1))) {}
        assert!(stranger(&limits, "a@x", client(2)).is_err());
        assert!(neighbour(&limits, "a@x", "10.9.0.0", client(3)).is_ok());
        assert!(with_session(&limits, "a@x", 1).is_ok());
        clock.advance(Duration::from_millis(100));
    }
}
