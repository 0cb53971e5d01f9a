//! `POST /api/admin/reload`: has the configuration read again.
//!
//! On the admin listener alone: whoever may see and end sessions on the public one need not be somebody who runs the gateway.

use serde_json::{Value, json};

use super::access::Actor;
use super::permitted::Permitted;
use super::unanswered::unanswered;
use crate::answer::Answer;
use crate::state::Gateway;
use crate::state::reloads::{ReloadResult, Reloaded};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Kind};

/// Answers when the reload has ended.
pub(super) async fn reload(gateway: &Gateway, asked: &Permitted<'_>) -> Answer {
    if matches!(asked.actor, Actor::User(_)) {
        return Answer::not_found();
    }
    security::note(Kind::Admin, asked.facts("reload"));
    match gateway.reloads.ask().await {
        Ok(reloaded) => Answer::json(status(&reloaded.result), Outcome::Admin, &view(&reloaded)),
        Err(why) => unanswered("reload", why),
    }
}

const fn status(result: &ReloadResult) -> u16 {
    match result {
        ReloadResult::Reloaded { .. } => 200,
        ReloadResult::NeedsRestart { .. } => 409,
        ReloadResult::Refused { .. } => 422,
    }
}

fn view(reloaded: &Reloaded) -> Value {
    let (result, key, names) = match &reloaded.result {
        ReloadResult::Reloaded { changed } => ("reloaded", "changed", json!(changed)),
        ReloadResult::Refused { faults } => ("refused", "faults", json!(faults)),
        ReloadResult::NeedsRestart { keys } => ("needs_restart", "keys", json!(keys)),
    };
    json!({
        "result": result,
        "file": reloaded.file.display().to_string(),
        key: names,
        "warnings": reloaded.warnings,
    })
}
