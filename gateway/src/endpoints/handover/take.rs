//! B takes the session that another site has handed over.

use std::sync::Arc;

use session_core::clock::Timestamp;
use session_core::keys::handover::Sealed;
use session_core::service::{Absence, Query, Resolution};
use session_core::sid::Sid;

use super::sealed::{CODE_LIFE, Code, TICKET_LIFE, Ticket, digest, is_recent, open};
use crate::answer::{Answer, Rejection, set_cookie};
use crate::endpoints::Caller;
use crate::endpoints::browser::Browser;
use crate::state::{ActiveConfig, Gateway};
use crate::telemetry::labels::Handover;
use crate::telemetry::security::{self, Kind};

/// The session cookie and the way to the page.
///
/// # Errors
/// `400` for what is no code of ours, `403` for one that was given to another browser, host or tenant, `503` while the store
/// cannot say whether it was used before.
pub(super) async fn take(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
    browser: &Browser,
    text: &str,
    now: Timestamp,
) -> Result<Answer, Rejection> {
    let code: Option<Code> = open(&settings.handover, Sealed::Code, text);
    let Some(code) = code else {
        gateway.metrics.handover(Handover::Invalid);
        return Err(Rejection::invalid("The code is none of this installation"));
    };
    if !is_ours(settings, caller, browser, &code.ticket) {
        gateway.metrics.handover(Handover::Elsewhere);
        let facts = caller.client().facts("handover_elsewhere");
        security::note(Kind::LoginFailed, facts);
        return Err(Rejection::HandedElsewhere);
    }
    let page = Answer::hand_over(&code.ticket.page);
    // From here on it is the right browser: whatever is wrong, the page begins anew.
    if !is_recent(code.at, now, CODE_LIFE) {
        gateway.metrics.handover(Handover::Expired);
        return Ok(page);
    }
    let is_first = gateway.sessions.redeem(text).await;
    if !is_first.map_err(|_failed| Rejection::Unavailable)? {
        gateway.metrics.handover(Handover::Replayed);
        return Ok(page);
    }
    let active = match session(gateway, settings, caller, &code.sid).await {
        Resolution::Active(active) => active,
        Resolution::Absent(Absence::OtherTenant) => {
            gateway.metrics.handover(Handover::OtherTenant);
            return Err(Rejection::WrongTenant);
        }
        Resolution::Absent(_) => {
            gateway.metrics.handover(Handover::NoSession);
            return Ok(page);
        }
        Resolution::Unknown(_) => return Err(Rejection::Unavailable),
    };
    let sid = Sid::parse(code.sid.as_bytes()).ok_or(Rejection::Internal)?;
    let config = &caller.site(settings).config.cookie;
    let session = active.entry.session();
    caller.saw(active.tier.as_str(), Some(session));
    let cookie = set_cookie::issue(config, &sid, session, now).ok_or(Rejection::Internal)?;
    gateway.metrics.handover(Handover::Taken);
    security::note(
        Kind::HandedOver,
        caller.client().facts("handover").by_owner(session),
    );
    Ok(page.with_cookie(cookie))
}

/// On to the page without a session. What the browser has in the place of one is of no use any more.
///
/// # Errors
/// `400` for what is no ticket of this browser.
pub(super) fn go_on(
    settings: &ActiveConfig,
    caller: &Caller,
    browser: &Browser,
    text: &str,
    now: Timestamp,
) -> Result<Answer, Rejection> {
    let ticket: Option<Ticket> = open(&settings.handover, Sealed::Ticket, text);
    let is_good = |ticket: &Ticket| {
        is_recent(ticket.at, now, TICKET_LIFE) && is_ours(settings, caller, browser, ticket)
    };
    let Some(ticket) = ticket.filter(is_good) else {
        return Err(Rejection::invalid("The ticket is none of this browser"));
    };
    Ok(caller.forgetting(settings, Answer::hand_over(&ticket.page)))
}

/// Whether a ticket was given to this browser, at this host.
fn is_ours(settings: &ActiveConfig, caller: &Caller, browser: &Browser, ticket: &Ticket) -> bool {
    let is_here =
        ticket.to == caller.site(settings).config.name.as_str() && ticket.host == browser.host;
    let secret = browser.secret.as_deref();
    // Digests are compared, so that the time says nothing about the secret.
    is_here && secret.is_some_and(|secret| digest(secret) == ticket.browser)
}

/// The session of the sid that was handed over, as it counts at this host.
async fn session(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    sid: &str,
) -> Resolution {
    let to = &caller.client().to;
    let groups = &caller.site(settings).groups;
    let query = Query::default();
    to.judge(
        gateway
            .sessions
            .resolve(sid.as_bytes(), groups, query)
            .await,
    )
}
