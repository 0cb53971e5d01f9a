//! Old logins become sessions: what is under way, and what one request may ask for.
//!
//! Of all requests with the same credentials only one asks. The app is asked only what the store does not know, and an
//! app that cannot be reached is left alone for a while. A refusal is remembered for a minute, an acceptance as a
//! session. Invalid credentials are charged to the same budget of their client as unknown sids.

use std::convert::identity;
use std::sync::Arc;

use super::case::{Case, Ended};
use super::cookies::found::Found;
use super::notes::{note, unavailable};
use super::state::{LIMITS, Landed, Outcome};
use crate::limits::buckets::TooMany;
use crate::limits::unknown_sids::Admission;
use crate::risk::refusals::{count_miss, deny};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::Judged;

/// Finds the session of the login in these old cookies, and makes it if there is none.
///
/// # Errors
/// [`TooMany`] when this client has sent too many invalid old logins and unknown sids.
pub(super) async fn migrate(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    found: &Arc<Found>,
    client: &Client,
) -> Result<Outcome, TooMany> {
    if found.is_unclear {
        note(gateway, client, Judged::Ambiguous, identity);
        return Ok(Outcome::Ambiguous);
    }
    let case = Case::new(gateway, settings, found, client);
    let now = gateway.sessions.clock().boot();
    if case.is_refused(now) {
        return Ok(Outcome::Refused(
            gateway.migrations.cleared_names(case.logins(), now),
        ));
    }
    let admission = settings.unknown_sids.admit(client.ip, now);
    let landed = match &admission {
        Admission::Free => Box::pin(on_the_board(gateway, case, client)).await,
        // The store alone is asked: other people behind the same address may have logins that are sessions already.
        Admission::Once(_) => Box::pin(case.without_asking().judge()).await,
        Admission::Denied => return Err(deny(gateway, settings, client)),
    };
    drop(admission);
    let spent = (0..landed.misses).try_for_each(|_| count_miss(gateway, settings, client));
    if landed.is_cut_short {
        return Err(deny(gateway, settings, client));
    }
    match landed.outcome {
        outcome @ Outcome::Session { .. } => Ok(outcome),
        outcome => spent.map(|()| outcome),
    }
}

/// Finds the sessions to end for the logins in these old cookies. A login without a session gets one, because only with
/// its session does a login end for good.
///
/// # Errors
/// As for [`migrate`].
pub(super) async fn end(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    found: &Arc<Found>,
    client: &Client,
) -> Result<Ended, TooMany> {
    if found.is_unclear {
        note(gateway, client, Judged::Ambiguous, identity);
        return Ok(Ended::Unclear);
    }
    let case = Case::new(gateway, settings, found, client);
    if case.is_refused(gateway.sessions.clock().boot()) {
        return Ok(Ended::default());
    }
    let now = gateway.sessions.clock().boot();
    let admission = settings.unknown_sids.admit(client.ip, now);
    let case = match &admission {
        Admission::Free => case,
        Admission::Once(_) => case.without_asking(),
        Admission::Denied => return Err(deny(gateway, settings, client)),
    };
    let Some(seat) = gateway.migrations.shares.seat(client.ip) else {
        return Ok(Ended::Unknown);
    };
    let work = gateway.core.spawn(async move {
        let _turn = seat.turn().await;
        Box::pin(case.end()).await
    });
    let worked = tokio::time::timeout(LIMITS.deadline, work).await;
    drop(admission);
    let Ok(Ok(ending)) = worked else {
        return Ok(Ended::Unknown);
    };
    let spent = (0..ending.misses).try_for_each(|_| count_miss(gateway, settings, client));
    if ending.is_cut_short {
        return Err(deny(gateway, settings, client));
    }
    match ending.ended {
        Ended::Sessions(keys) if !keys.is_empty() => Ok(Ended::Sessions(keys)),
        ended => spent.map(|()| ended),
    }
}

/// Joins a judgement of the same credentials, or starts one in a place of the client's share.
async fn on_the_board(gateway: &Arc<Gateway>, case: Case, client: &Client) -> Landed {
    let Some(seat) = gateway.migrations.shares.seat(client.ip) else {
        return Landed::unavailable(gateway, client, "the client has its share of places");
    };
    let joined = gateway
        .migrations
        .flights
        .join(case.digest(), || async move {
            let _turn = seat.turn().await;
            Box::pin(case.judge()).await
        });
    joined
        .await
        .unwrap_or_else(|grounded| Landed::unavailable(gateway, client, &format!("{grounded:?}")))
}

impl Landed {
    /// No judgement was possible, and nothing is charged to the client.
    pub(super) fn unavailable(gateway: &Gateway, client: &Client, why: &str) -> Self {
        unavailable(gateway, client, why);
        Self {
            outcome: Outcome::Unavailable,
            misses: 0,
            is_cut_short: false,
        }
    }
}
