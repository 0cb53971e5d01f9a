//! `POST /api/admin/upgrade`: has a new process take the place of this one.
//!
//! On the admin listener alone, like a reload.

use serde_json::json;
use session_core::clock::millis;

use super::access::Actor;
use super::permitted::Permitted;
use super::unanswered::unanswered;
use crate::answer::Answer;
use crate::state::Gateway;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Kind};

/// Answers when the upgrade has ended, either way.
pub(super) async fn upgrade(gateway: &Gateway, asked: &Permitted<'_>) -> Answer {
    if matches!(asked.actor, Actor::User(_)) {
        return Answer::not_found();
    }
    security::note(Kind::Admin, asked.facts("upgrade"));
    match gateway.upgrades.ask().await {
        Ok(Ok(replaced)) => Answer::json(
            200,
            Outcome::Admin,
            &json!({
                "result": "upgraded",
                "before": replaced.before,
                "after": replaced.after,
                "pid_before": std::process::id(),
                "pid": replaced.pid,
                "took_ms": millis(replaced.took),
            }),
        ),
        Ok(Err(cause)) => Answer::json(
            409,
            Outcome::Admin,
            &json!({ "result": "failed", "cause": cause }),
        ),
        Err(why) => unanswered("upgrade", why),
    }
}
