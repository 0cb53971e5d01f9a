//! Shadow mode: judges logins beside the requests, which go their way untouched. What would have happened?

use std::sync::Arc;

use session_core::keys::legacy::LegacyLogin;
use session_core::service::Resolution;
use session_core::session::Text;
use session_core::sid::SessionKey;

use super::found::Found;
use super::judgement::{Standing, Verdict, judge};
use super::migrate::{facts, note, unavailable};
use super::question::ask;
use super::{Offer, Visitor};
use crate::auth::decide::Finding;
use crate::backend::{OldCookies, Recognised};
use crate::gate::Gate;
use crate::site::Site;

/// Judges the logins of a request if it is their turn.
pub(super) fn shadow(
    gate: &Arc<Gate>,
    site: &Arc<Site>,
    offer: &Offer,
    visitor: &Visitor,
    finding: &Finding,
) {
    let found = &offer.found;
    if !found.has_login() || !found.is_within(site.config.migration.rollout_percent) {
        return;
    }
    let migrations = &gate.migrations;
    let Some(seat) = migrations.shadows.seat(visitor.ip) else {
        return;
    };
    let Some(turn) = seat.turn_at_once() else {
        return;
    };
    let now = gate.sessions.clock().boot();
    if !migrations.shadowed.is_first(digest(gate, found), (), now) {
        return;
    }
    if site.misses.count_quietly(visitor.ip).is_err() {
        return;
    }
    let user: Option<Text> = match finding {
        Finding::Resolved(Resolution::Active(active)) => {
            Some(active.entry.session().identity.user_id().into())
        }
        _ => None,
    };
    let (gate, site, found, visitor) = (
        Arc::clone(gate),
        Arc::clone(site),
        Arc::clone(found),
        visitor.clone(),
    );
    let core = gate.core.clone();
    core.spawn(async move {
        compare(&gate, &site, &found, &visitor, user.as_deref()).await;
        drop((turn, seat));
    });
}

/// All values together.
fn digest(gate: &Gate, found: &Found) -> SessionKey {
    let mut digest = blake3::Hasher::new();
    for value in &found.values {
        let login: LegacyLogin = gate.sessions.legacy(value.credential());
        digest.update(login.digest().as_bytes());
    }
    SessionKey::from_bytes(*digest.finalize().as_bytes())
}

async fn compare(gate: &Gate, site: &Site, found: &Found, visitor: &Visitor, user: Option<&str>) {
    let mut answers = Vec::new();
    for value in found.values.iter().filter(|_| !found.is_unclear) {
        let cookies = OldCookies {
            cookies: found.shown(value),
            ip: visitor.ip,
            user_agent: visitor.user_agent.clone(),
        };
        match ask(gate, site, &cookies, visitor).await {
            Ok(Recognised::Yes { identity, .. }) => answers.push(Some(identity)),
            Ok(Recognised::No) => answers.push(None),
            Err(failed) => return unavailable(gate, visitor, &failed.why),
        }
    }
    let standings = answers.iter().map(|answer| match answer {
        Some(identity) => Standing::Accepted {
            user: identity.user_id(),
        },
        None => Standing::Dead,
    });
    let standings: Vec<_> = standings.collect();
    let same = |of: &[usize]| {
        let first = of.first().and_then(|at| answers.get(*at));
        let first = first.and_then(Option::as_ref);
        first.is_some_and(|first| user.is_none_or(|user| user == first.user_id()))
    };
    let matches = matches!(judge(&standings), Verdict::NewSession { of } if same(&of));
    let result = if matches {
        "shadow_match"
    } else {
        "shadow_mismatch"
    };
    note(gate, facts(visitor, result));
}
