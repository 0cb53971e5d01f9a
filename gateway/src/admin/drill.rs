//! `/api/admin/drill`: faults that this node makes on purpose and for seconds, for `sidgate drill`.
//!
//! Only where `admin.drills` allows it, and on the admin listener alone: whoever may see and end sessions on the public one need
//! not be somebody who may take the node out of service. What is begun here ends here: no later than [`LONGEST`] afterwards,
//! whoever began it.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use session_core::cache::breaker::BreakerState;
use session_core::clock::millis;
use uuid::Uuid;

use super::access::Actor;
use super::permitted::Permitted;
use crate::answer::{Answer, Rejection};
use crate::state::Gateway;
use crate::state::drills::{Claimed, LONGEST, Taken};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    drill: Uuid,
    step: Step,
    #[serde(default)]
    seconds: Option<u64>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
enum Step {
    /// Claims the node, or says that the drill is still there.
    Begin,
    /// No heartbeat is sent.
    HoldHeartbeat,
    /// Every place for a read of other tiers is taken.
    FillBulkhead,
    /// Both are over.
    Undo,
    /// Both are over, and the node is given back.
    End,
}

impl Step {
    const fn lasts(self) -> bool {
        matches!(self, Self::Begin | Self::HoldHeartbeat | Self::FillBulkhead)
    }
}

/// What the drill is told about the node.
pub(super) fn status(gateway: &Gateway, asked: &Permitted<'_>) -> Answer {
    refused(gateway, asked).unwrap_or_else(|| Answer::json(200, Outcome::Admin, &view(gateway)))
}

/// Takes a step of a drill.
///
/// # Errors
/// `400` when the body asks for none.
pub(super) fn step(gateway: &Gateway, asked: &Permitted<'_>) -> Result<Answer, Rejection> {
    if let Some(refused) = refused(gateway, asked) {
        return Ok(refused);
    }
    let Form {
        drill,
        step,
        seconds,
    } = serde_json::from_slice(asked.body)
        .map_err(|_error| Rejection::invalid("The body must be a JSON object as documented"))?;
    let limit = limit(step, seconds)?;
    let claimed = match claim(gateway, drill, step, limit) {
        Ok(claimed) => claimed,
        Err(taken) => return Ok(taken_answer(taken)),
    };
    let is_news = step != Step::Begin || claimed == Some(Claimed::Begun);
    if is_news {
        let comment = drill.to_string();
        let facts = Facts {
            comment: Some(&comment),
            ..asked.facts(step.into())
        };
        security::note(Kind::Drill, facts);
    }
    take(gateway, step, limit);
    Ok(Answer::json(200, Outcome::Admin, &view(gateway)))
}

/// Why no drill is possible here.
fn refused(gateway: &Gateway, asked: &Permitted<'_>) -> Option<Answer> {
    if matches!(asked.actor, Actor::User(_)) {
        return Some(Answer::not_found());
    }
    let allowed = gateway.settings.get().config.admin.drills;
    (!allowed).then(|| {
        security::note(Kind::AdminRefused, asked.facts("drills_off"));
        Answer::problem(
            403,
            Outcome::Forbidden,
            "The configuration of this node does not allow drills: admin.drills is false",
        )
    })
}

fn limit(step: Step, seconds: Option<u64>) -> Result<Duration, Rejection> {
    match seconds.map(Duration::from_secs) {
        Some(limit) if step.lasts() && !limit.is_zero() && limit <= LONGEST => Ok(limit),
        None if !step.lasts() => Ok(Duration::ZERO),
        _ => Err(Rejection::invalid(
            "seconds must be 1 to 15, and stands with begin, hold_heartbeat and fill_bulkhead",
        )),
    }
}

/// Only whoever has the node does something with it. `None`: it is given back.
fn claim(
    gateway: &Gateway,
    drill: Uuid,
    step: Step,
    limit: Duration,
) -> Result<Option<Claimed>, Taken> {
    let now = gateway.sessions.clock().boot();
    match step {
        Step::End => gateway.drills.give_back(drill, now).map(|_had| None),
        // The claim lasts as long as the fault, and a moment for the word that it is over.
        Step::Undo => gateway.drills.claim(drill, LONGEST, now).map(Some),
        _ => gateway.drills.claim(drill, limit, now).map(Some),
    }
}

fn take(gateway: &Gateway, step: Step, limit: Duration) {
    match step {
        Step::Begin => {}
        Step::HoldHeartbeat => gateway.sessions.hold_heartbeat(limit),
        Step::FillBulkhead => gateway.sessions.occupy_flights(limit),
        Step::Undo | Step::End => gateway.sessions.end_drill(),
    }
}

fn taken_answer(Taken(left): Taken) -> Answer {
    let body = json!({"result": "taken", "ends_in_ms": millis(left)});
    Answer::json(409, Outcome::Admin, &body)
}

fn view(gateway: &Gateway) -> Value {
    let (settings, sessions) = (gateway.settings.get(), &gateway.sessions);
    let server = &settings.config.server;
    let plain = server.listen.iter().filter_map(|listen| listen.tcp());
    let plain: Vec<String> = plain.map(|address| address.to_string()).collect();
    let tls = server.tls.iter().flat_map(|tls| &tls.listen);
    let tls: Vec<String> = tls.map(ToString::to_string).collect();
    let holder = gateway.drills.holder(sessions.clock().boot());
    json!({
        "node": sessions.node(),
        "listen": if server.redirect_https { Vec::new() } else { plain },
        "tls_listen": tls,
        "drill": holder.map(|(drill, left)| json!({"id": drill, "ends_in_ms": millis(left)})),
        "lease_ms": millis(sessions.lease_remaining()),
        "bulkhead_in_use": sessions.fills_in_flight(),
        "redis": sessions.shared_breaker().map(word),
    })
}

const fn word(state: BreakerState) -> &'static str {
    match state {
        BreakerState::Closed => "closed",
        BreakerState::Open => "open",
        BreakerState::HalfOpen => "half_open",
    }
}
