//! Shadow mode: judges old logins in the background, and counts what migration would have done. Requests pass
//! unchanged.

use std::convert::identity;
use std::sync::Arc;

use session_core::keys::legacy::LegacyLogin;
use session_core::service::Resolution;
use session_core::session::{Group, Text};
use session_core::sid::SessionKey;
use sidgate_policy::auth::decide::Finding;

use super::LegacyCookies;
use super::cookies::found::Found;
use super::judgement::{Standing, Verdict, judge};
use super::notes::{note, unavailable};
use super::question::ask;
use crate::apps::backend::{OldCookies, Recognised};
use crate::state::{ActiveConfig, Client, Gateway};
use crate::telemetry::labels::Judged;

/// Judges the logins of a request in the background, if a place is free and they were not judged lately.
pub(super) fn shadow(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    legacy_cookies: &LegacyCookies,
    client: &Client,
    finding: &Finding,
) {
    let found = &legacy_cookies.found;
    if !found.has_login() || !found.is_within(settings.config.migration.rollout_percent) {
        return;
    }
    let migrations = &gateway.migrations;
    let Some(seat) = migrations.shadows.seat(client.ip) else {
        return;
    };
    let Some(turn) = seat.turn_at_once() else {
        return;
    };
    let now = gateway.sessions.clock().boot();
    let group = &settings.site(client.to.site).config.group;
    if !migrations
        .shadowed
        .is_first(digest(gateway, group, found), (), now)
    {
        return;
    }
    if settings.unknown_sids.count_quietly(client.ip).is_err() {
        return;
    }
    let user: Option<Text> = match finding {
        Finding::Resolved(Resolution::Active(active)) => {
            Some(active.entry.session().identity.user_id().into())
        }
        _ => None,
    };
    let (gateway, settings, found, client) = (
        Arc::clone(gateway),
        Arc::clone(settings),
        Arc::clone(found),
        client.clone(),
    );
    let core = gateway.core.clone();
    core.spawn(async move {
        compare(&gateway, &settings, &found, &client, user.as_deref()).await;
        drop((turn, seat));
    });
}

/// A digest of all values together.
fn digest(gateway: &Gateway, group: &Group, found: &Found) -> SessionKey {
    let mut digest = blake3::Hasher::new();
    for value in &found.values {
        let login: LegacyLogin = gateway.sessions.legacy(value.credential(), group);
        digest.update(login.digest().as_bytes());
    }
    SessionKey::from_bytes(*digest.finalize().as_bytes())
}

async fn compare(
    gateway: &Gateway,
    settings: &ActiveConfig,
    found: &Found,
    client: &Client,
    user: Option<&str>,
) {
    let mut answers = Vec::new();
    for value in found.values.iter().filter(|_| !found.is_unclear) {
        let cookies = OldCookies {
            cookies: found.shown(value),
            ip: client.ip,
            user_agent: client.clipped_user_agent(),
        };
        match ask(gateway, settings, &cookies, client).await {
            Ok(Recognised::Yes { identity, .. }) => answers.push(Some(identity)),
            Ok(Recognised::No) => answers.push(None),
            Err(failed) => return unavailable(gateway, client, &failed.why),
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
        Judged::ShadowMatch
    } else {
        Judged::ShadowMismatch
    };
    note(gateway, client, result, identity);
}
