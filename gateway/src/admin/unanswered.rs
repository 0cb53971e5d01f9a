//! What whoever asks for a reload or an upgrade hears when nobody can say how it ends.

use crate::answer::Answer;
use crate::state::requests::NoAnswer;
use crate::telemetry::outcome::Outcome;

/// `what` was asked for.
pub(super) fn unanswered(what: &str, why: NoAnswer) -> Answer {
    let (outcome, title) = match why {
        NoAnswer::Busy => (
            Outcome::Overloaded,
            format!("Other {what}s are waiting already, ask again"),
        ),
        NoAnswer::Late => (
            Outcome::Unavailable,
            format!("The {what} has not ended yet; the log will say how it ends"),
        ),
    };
    Answer::problem(503, outcome, &title)
}
