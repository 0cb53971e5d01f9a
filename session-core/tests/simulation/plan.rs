//! What will happen, and when. Follows from the seed alone.

use std::time::Duration;

use session_testing::sim::{Dice, Roll, SharedWeather, Weather};

pub(crate) const NODES: usize = 3;
/// Simulated time in which things happen; after it all is well again.
const LENGTH: u64 = 8_000;
/// Steps of each plan that are not just a request.
const CHANGES: u64 = 22;
const REQUESTS: u64 = 55;
const INTRUSIONS: u64 = 12;
/// The groups of sites. Nearly all sessions of most installations are of the first.
pub(crate) const GROUPS: [&str; 2] = ["default", "shop"];

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) at: Duration,
    pub(crate) node: usize,
    pub(crate) what: What,
}

/// `pick`: one of the sessions that exist by then.
#[derive(Clone, Debug)]
pub(crate) enum What {
    LogIn(Login),
    Rotate {
        pick: u64,
    },
    Renew {
        pick: u64,
    },
    Update {
        pick: u64,
    },
    /// `wait`: until no node admits what was revoked.
    Revoke {
        pick: u64,
        how: How,
        wait: bool,
    },
    /// By somebody who is not Sidgate.
    RevokeBySql {
        pick: u64,
        how: How,
    },
    /// A request; what it was told is checked again so much later, as right before the upstream is written to.
    Request {
        pick: u64,
        later: Duration,
    },
    /// A request of a session on a site of another group.
    Intrude {
        pick: u64,
    },
    /// A node holds a session, its answers begin to lag, the session is revoked behind its back, and then the node is cut
    /// off: the very case that the lease is for.
    Ambush {
        pick: u64,
        revoke_after: Duration,
        cut_after: Duration,
    },
    /// A session is exchanged for another one while it is revoked, or gets another sid.
    RotateRace {
        pick: u64,
        renew: bool,
        revoke_after: Duration,
    },
    /// The store fails over to a standby that has not got the last events, none of which is about a session of ours.
    FailOver {
        noise: u64,
        after: Duration,
    },
    StoreWeather {
        weather: Weather,
        lasting: Duration,
    },
    SharedWeather {
        weather: SharedWeather,
        lasting: Duration,
    },
    SaveShared,
    RollBackShared,
    FlushShared,
    WallJump {
        micros: i64,
    },
    Crash {
        down: Duration,
    },
    ForgetLocal,
    Trim {
        keep: usize,
    },
    Reincarnate,
}

#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) user: u64,
    pub(crate) tenant: u64,
    /// One of [`GROUPS`].
    pub(crate) group: usize,
    pub(crate) ttl: Duration,
    pub(crate) idle: Duration,
    /// The ticket comes from the lease, not from the store.
    pub(crate) leased: bool,
    /// How long checking the credentials takes, before and after the moment that counts.
    pub(crate) before: Duration,
    pub(crate) after: Duration,
    pub(crate) replaces: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum How {
    Key,
    Handle,
    Others,
    Member,
    User,
    Tenant,
    All,
}

/// What the nodes are set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) local_ttl: Duration,
    pub(crate) with_shared: bool,
}

pub(crate) fn settings(dice: Dice) -> Settings {
    let mut roll = dice.roll(&[1]);
    Settings {
        local_ttl: Duration::from_millis(500 + roll.below(8_000)),
        with_shared: roll.chance(65),
    }
}

pub(crate) fn plan(dice: Dice) -> Vec<Step> {
    let mut roll = dice.roll(&[2]);
    let mut steps = Vec::new();
    for _ in 0..3 {
        let what = What::LogIn(login(&mut roll));
        push(&mut steps, &mut roll, 800, what);
    }
    for _ in 0..roll.below(3) {
        let what = What::Ambush {
            pick: roll.draw(),
            revoke_after: roll.millis(900),
            cut_after: roll.millis(500),
        };
        push(&mut steps, &mut roll, LENGTH, what);
    }
    if roll.chance(25) {
        let what = What::RotateRace {
            pick: roll.draw(),
            renew: roll.chance(50),
            revoke_after: roll.millis(500),
        };
        push(&mut steps, &mut roll, LENGTH, what);
    }
    for _ in 0..CHANGES {
        let what = change(&mut roll);
        push(&mut steps, &mut roll, LENGTH, what);
    }
    for _ in 0..REQUESTS {
        let later = if roll.chance(20) {
            roll.millis(4_000)
        } else {
            Duration::ZERO
        };
        let what = What::Request {
            pick: roll.draw(),
            later,
        };
        push(&mut steps, &mut roll, LENGTH, what);
    }
    for _ in 0..INTRUSIONS {
        let what = What::Intrude { pick: roll.draw() };
        push(&mut steps, &mut roll, LENGTH, what);
    }
    steps.sort_by_key(|step| step.at);
    steps
}

fn push(steps: &mut Vec<Step>, roll: &mut Roll, within: u64, what: What) {
    let node = usize::try_from(roll.below(NODES as u64)).unwrap();
    let at = Duration::from_millis(600) + roll.millis(within);
    steps.push(Step { at, node, what });
}

fn login(roll: &mut Roll) -> Login {
    Login {
        user: roll.below(2),
        tenant: roll.below(3),
        group: usize::from(roll.chance(40)),
        ttl: if roll.chance(15) {
            Duration::from_millis(2_000 + roll.below(6_000))
        } else {
            Duration::from_secs(3_600)
        },
        idle: if roll.chance(10) {
            Duration::from_secs(3)
        } else {
            Duration::ZERO
        },
        leased: roll.chance(50),
        before: roll.millis(300),
        after: roll.millis(300),
        replaces: roll.chance(20).then(|| roll.draw()),
    }
}

fn change(roll: &mut Roll) -> What {
    let pick = roll.draw();
    let lasting = Duration::from_millis(200 + roll.below(4_000));
    match roll.below(100) {
        0..18 => What::LogIn(login(roll)),
        18..21 => What::Rotate { pick },
        21..24 => What::Renew { pick },
        24..34 => What::Update { pick },
        34..48 => What::Revoke {
            pick,
            how: how(roll),
            wait: roll.chance(30),
        },
        48..53 => What::RevokeBySql {
            pick,
            how: how(roll),
        },
        53..71 => What::StoreWeather {
            weather: store_weather(roll),
            lasting,
        },
        71..79 => {
            let rough = roll.chance(80);
            let weather = if rough {
                SharedWeather::Rough
            } else {
                SharedWeather::Down
            };
            What::SharedWeather {
                weather,
                lasting: lasting * 2,
            }
        }
        79..82 => What::SaveShared,
        82..85 => What::RollBackShared,
        85 => What::FlushShared,
        86..90 => {
            let micros = i64::try_from(roll.below(40_000_000)).unwrap() - 20_000_000;
            What::WallJump { micros }
        }
        90..94 => What::Crash {
            down: roll.millis(1_500),
        },
        94 => What::ForgetLocal,
        95..97 => What::Trim {
            keep: usize::try_from(roll.below(3)).unwrap(),
        },
        97 => What::Reincarnate,
        _ => What::FailOver {
            noise: 1 + roll.below(20),
            after: roll.millis(1_500),
        },
    }
}

fn store_weather(roll: &mut Roll) -> Weather {
    let kinds = [
        Weather::Laggard,
        Weather::Rough,
        Weather::Rough,
        Weather::Rough,
        Weather::Cut,
        Weather::Cut,
        Weather::Refused,
        Weather::AnswersLost,
        Weather::Standby,
    ];
    roll.pick(&kinds).copied().unwrap_or_default()
}

fn how(roll: &mut Roll) -> How {
    let kinds = [
        How::Key,
        How::Key,
        How::Key,
        How::Key,
        How::Handle,
        How::Handle,
        How::Others,
        How::Member,
        How::User,
        How::Tenant,
        How::All,
    ];
    roll.pick(&kinds).copied().unwrap_or(How::Key)
}
