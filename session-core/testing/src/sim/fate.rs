//! What becomes of a call to the store.

use std::time::Duration;

use super::Roll;

/// How the way to the store is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// Fast, and nothing is lost.
    #[default]
    Fair,
    /// Slow at times; some calls are refused, lost, answered too late or carried out too late.
    Rough,
    /// Everything arrives at once, and every answer takes long.
    Laggard,
    /// Every call is refused.
    Refused,
    /// Nothing arrives, and nothing comes back.
    Cut,
    /// Everything arrives, and nothing comes back.
    AnswersLost,
    /// Another server answers, which is a standby.
    Standby,
}

/// A call, for the dice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    CheckSchema,
    ApplySchema,
    Pulse,
    History,
    Load,
    Head,
    Insert,
    Update,
    Renew,
    Touch,
    Revoke,
    ListByUser,
    Find,
    Report,
    Nodes,
    Retire,
    Listen,
}

/// What becomes of one call.
pub(super) struct Fate {
    pub(super) out: Duration,
    pub(super) end: End,
    pub(super) back: Duration,
}

pub(super) enum End {
    Answered,
    Refused,
    Lost,
    AnswerLost,
    /// Given up now, carried out so much later.
    Late(Duration),
}

impl Fate {
    /// Decided by `roll`, within what `weather` allows.
    pub(super) fn of(weather: Weather, verb: Verb, mut roll: Roll) -> Self {
        match weather {
            Weather::Fair | Weather::Standby => Fate {
                out: roll.millis(3),
                end: End::Answered,
                back: roll.millis(3),
            },
            // As long as the longest of these, and no longer: then the next heartbeat is due when it always is.
            Weather::Rough if matches!(verb, Verb::History | Verb::CheckSchema) => Fate {
                out: roll.millis(80),
                end: end(&mut roll, verb),
                back: roll.millis(80),
            },
            Weather::Rough => Fate {
                out: delay(&mut roll),
                end: end(&mut roll, verb),
                back: delay(&mut roll),
            },
            Weather::Laggard => Fate {
                out: roll.millis(10),
                end: End::Answered,
                back: Duration::from_millis(120) + roll.millis(260),
            },
            Weather::Refused => Fate {
                out: roll.millis(5),
                end: End::Refused,
                back: Duration::ZERO,
            },
            Weather::Cut => Fate {
                out: Duration::ZERO,
                end: End::Lost,
                back: Duration::ZERO,
            },
            Weather::AnswersLost => Fate {
                out: roll.millis(30),
                end: End::AnswerLost,
                back: Duration::ZERO,
            },
        }
    }
}

/// Mostly short, and now and then longer than anybody waits.
fn delay(roll: &mut Roll) -> Duration {
    match roll.below(20) {
        0..12 => roll.millis(4),
        12..18 => roll.millis(60),
        _ => roll.millis(230),
    }
}

fn end(roll: &mut Roll, verb: Verb) -> End {
    let write = matches!(
        verb,
        Verb::Insert | Verb::Update | Verb::Touch | Verb::Revoke | Verb::Report
    );
    match roll.below(100) {
        0..6 => End::Refused,
        6..10 => End::Lost,
        10..15 => End::AnswerLost,
        15..19 if write => End::Late(roll.millis(3_000)),
        _ => End::Answered,
    }
}
