//! Where am I logged in, and how do I end that? `GET` and `DELETE /sessions`, `DELETE /sessions/{id}`.
//!
//! A session of another user is treated as none. The store is asked for "this id of this user", so the answer takes the
//! same time whether the id is unused or somebody else's.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use session_core::service::{Active, Receipt, Wait};
use session_core::session::{RevokeReason, Session, Text};
use session_core::store::{Device, Scope};
use tracing::warn;
use uuid::Uuid;

use super::query::{self, DeviceScope};
use super::{Caller, parting};
use crate::answer::{Answer, Rejection};
use crate::limits::buckets::TooMany;
use crate::limits::unknown_sids::Admission;
use crate::risk::flags::Flags;
use crate::risk::refusals::{count_miss, deny};
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::labels::Refusal;
use crate::telemetry::outcome::Outcome;
use crate::telemetry::security::{self, Facts, Kind};
use crate::views::device_label::device_label;
use crate::views::receipt::receipt_view;
use crate::views::session::{add_site, rfc3339};
use crate::visit::old_cookies::{CookieChanges, take_back};

/// A page of the live sessions of whoever asks, newest activity first.
pub(crate) async fn list(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
) -> Result<Answer, Rejection> {
    let active = caller.session_or_old_login(gateway, settings).await?;
    let current = active.entry.session();
    let (limit, after) = (query::limit(&caller.query)?, query::after(&caller.query)?);
    let user_id = current.identity.user_id();
    let Some(_turn) = gateway.lists.enter(user_id, current.key) else {
        gateway.metrics.refused(Refusal::Lists);
        return Err(TooMany(1).into());
    };
    let group = &caller.site(settings).config.group;
    let listed = gateway.sessions.list(user_id, group, after, limit).await;
    let (devices, next) = listed.map_err(|failed| {
        warn!(request_id = &*caller.client().request_id, cause = %failed, "sessions not listed");
        Rejection::Unavailable
    })?;
    let flags = Flags::of(gateway, settings, devices.iter().map(|device| device.id))
        .await
        .map_err(|failed| {
            warn!(request_id = &*caller.client().request_id, cause = %failed, "flags not read");
            Rejection::Unavailable
        })?;
    let mut labels = HashMap::new();
    let views: Vec<Value> = devices
        .iter()
        .map(|device| {
            let label: &mut String = labels
                .entry(&*device.user_agent)
                .or_insert_with_key(|user_agent| device_label(user_agent));
            let mut view = device_view(device, label, &active);
            add_site(&mut view, &device.site);
            flags.add_to(&mut view, settings, (device.id, device.ip));
            view
        })
        .collect();
    let mut page = json!({ "sessions": views });
    if let Some((next, page)) = next.zip(page.as_object_mut()) {
        page.insert("next".to_owned(), json!(next.to_string()));
    }
    Ok(Answer::json(200, Outcome::Devices, &page))
}

fn device_view(device: &Device, label: &str, active: &Active) -> Value {
    let is_current = device.id == active.entry.session().id;
    // The store learns of a use with a delay. For the session that asks this process knows better.
    let last_activity = if is_current {
        device.last_activity.max(active.entry.last_activity())
    } else {
        device.last_activity
    };
    json!({
        "id": device.id,
        "current": is_current,
        "device": { "label": label, "user_agent": device.user_agent },
        "ip": device.ip,
        "createdAt": rfc3339(device.created_at),
        "lastActivity": rfc3339(last_activity),
        "expiresAt": rfc3339(device.expires_at),
    })
}

/// Ends one session of whoever asks.
pub(crate) async fn end_one(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
    id: Option<Uuid>,
) -> Result<Answer, Rejection> {
    let active = caller.session_or_old_login(gateway, settings).await?;
    let current = active.entry.session();
    let wait = query::wait(&caller.query)?;
    let Some(id) = id else {
        return Err(Rejection::NotFound);
    };
    let scope = Scope::Handle {
        id,
        user_id: Some(Text::from(current.identity.user_id())),
        group: Some(caller.site(settings).config.group.clone()),
    };
    let returned = take_back(gateway, settings, (current.key, caller.client().to.site)).await;
    let how = (RevokeReason::Device, wait);
    let receipt = end(gateway, settings, caller, current, scope, how).await?;
    if receipt.revoked == 0 {
        count_miss(gateway, settings, caller.client()).map_err(Rejection::from)?;
        return Err(Rejection::NotFound);
    }
    let answer = Answer::no_content(Outcome::DeviceEnded);
    Ok(if id == current.id {
        without_cookies(gateway, settings, caller, answer, returned)
    } else {
        answer
    })
}

/// Ends all sessions of whoever asks, or all but the one that asks.
pub(crate) async fn end_many(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
) -> Result<Answer, Rejection> {
    let active = caller.session_or_old_login(gateway, settings).await?;
    let current = active.entry.session();
    let (which, wait) = (query::scope(&caller.query)?, query::wait(&caller.query)?);
    let user_id = Text::from(current.identity.user_id());
    let scope = match which {
        DeviceScope::Others => Scope::Others {
            user_id,
            keep: current.key,
            group: Some(caller.site(settings).config.group.clone()),
        },
        DeviceScope::All => caller.site(settings).all_of(user_id),
    };
    let returned = take_back(gateway, settings, (current.key, caller.client().to.site)).await;
    let how = (RevokeReason::LogoutEverywhere, wait);
    let receipt = end(gateway, settings, caller, current, scope, how).await?;
    if receipt.revoked == 0 && which == DeviceScope::Others {
        // The call has succeeded all the same. Only the next one may have to wait.
        let _spent = count_miss(gateway, settings, caller.client());
    }
    let answer = Answer::json(200, Outcome::DevicesEnded, &receipt_view(&receipt));
    Ok(match which {
        DeviceScope::Others => answer,
        DeviceScope::All => without_cookies(gateway, settings, caller, answer, returned),
    })
}

/// Ends sessions. Each call costs a transaction, so the callers charge one that ends nothing to the miss budget of its
/// client.
async fn end(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    current: &Session,
    scope: Scope,
    (reason, wait): (RevokeReason, Wait),
) -> Result<Receipt, Rejection> {
    let now = gateway.sessions.clock().boot();
    let admission = settings
        .unknown_sids
        .admit_in_turn(caller.client().ip, now)
        .await;
    if matches!(admission, Admission::Denied) {
        return Err(deny(gateway, settings, caller.client()).into());
    }
    match gateway.sessions.revoke(scope.clone(), reason, wait).await {
        Ok(receipt) => {
            gateway.metrics.revoked(reason, receipt.revoked);
            // With a handle the count is exact, so zero means that nothing ended. For wider scopes the count is not
            // always known.
            if receipt.revoked > 0 || !matches!(scope, Scope::Handle { .. }) {
                let facts = Facts {
                    acting: Some(current.id),
                    session: None,
                    receipt: Some(&receipt),
                    ..caller.client().facts(reason.as_str()).by_owner(current)
                };
                security::note(Kind::Revoked, facts.concerning(&scope));
            }
            Ok(receipt)
        }
        Err(failed) => {
            warn!(request_id = &*caller.client().request_id, cause = %failed, "revocation not committed");
            Err(Rejection::not_committed(&failed))
        }
    }
}

/// Clears the session cookie, and the old cookies that were returned to the browser.
fn without_cookies(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    answer: Answer,
    returned: Option<CookieChanges>,
) -> Answer {
    let answer = parting(answer, gateway, settings, returned.as_ref());
    caller.forgetting(settings, answer)
}
