//! A, where people log in, answers another site of its group.

use std::sync::Arc;

use session_core::clock::Timestamp;
use session_core::keys::handover::Sealed;
use session_core::service::{Active, Query};

use super::sealed::{Code, TICKET_LIFE, Ticket, is_recent, open, seal};
use crate::answer::{Answer, Rejection};
use crate::endpoints::Caller;
use crate::endpoints::browser::Browser;
use crate::state::{ActiveConfig, ActiveSite, Gateway, site};
use crate::telemetry::labels::Handover;

/// A code for the site that asks, where there is a session; otherwise the way to the login page, and from there to here again.
///
/// # Errors
/// `400` for a ticket that is none of ours, or of another group; `503` while it is unknown whether there is a session.
pub(super) async fn give(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
    browser: &Browser,
    (to, state): (&str, &str),
    now: Timestamp,
) -> Result<Answer, Rejection> {
    let own = caller.site(settings);
    let ticket: Option<Ticket> = open(&settings.handover, Sealed::Ticket, state);
    let asking = ticket.filter(|ticket| ticket.to == to).and_then(|ticket| {
        let site = asking_site(settings, own, &ticket)?;
        Some((ticket, site))
    });
    let Some((ticket, asking)) = asking else {
        gateway.metrics.handover(Handover::Invalid);
        return Err(Rejection::invalid(
            "The ticket is none of this installation",
        ));
    };
    let back = |rest: &str| {
        let scheme = asking.config.origin.scheme.as_str();
        format!("{scheme}://{}{rest}", ticket.host)
    };
    if !is_recent(ticket.at, now, TICKET_LIFE) {
        gateway.metrics.handover(Handover::Expired);
        return Ok(Answer::hand_over(&back(&ticket.page)));
    }
    let path = site::handover_path(&settings.config);
    let active = match caller.session(gateway, settings, Query::default()).await {
        Ok(active) => Some(active).filter(|active| is_fresh_enough(active, &ticket)),
        Err(Rejection::NoSession(_)) => None,
        Err(why) => return Err(why),
    };
    match (active.is_some(), &browser.sid) {
        (true, Some(sid)) => {
            let code = Code {
                sid: sid.expose().as_str().to_owned(),
                ticket: ticket.clone(),
                at: now.as_secs(),
            };
            let code = seal(gateway, &settings.handover, Sealed::Code, &code)?;
            gateway.metrics.handover(Handover::Given);
            Ok(Answer::hand_over(&back(&format!("{path}?code={code}"))))
        }
        _ if ticket.silent => {
            gateway.metrics.handover(Handover::NoSession);
            Ok(Answer::hand_over(&back(&format!("{path}?none={state}"))))
        }
        _ => {
            gateway.metrics.handover(Handover::SentToLogin);
            let query = format!("to={to}&state={state}");
            let location = if ticket.again {
                own.login.location_again(&path, Some(&query))
            } else {
                own.login.location(&path, Some(&query))
            };
            location.map_or(Err(Rejection::NotFound), |location| {
                Ok(Answer::login_page(&location))
            })
        }
    }
}

/// The site that asks: one that sends its visitors here, by a host that it still has.
fn asking_site<'s>(
    settings: &'s ActiveConfig,
    own: &ActiveSite,
    ticket: &Ticket,
) -> Option<&'s ActiveSite> {
    let host = settings.edge.hosts.named(ticket.host.as_bytes())?;
    let asking = settings.site(host.site());
    let at = settings.site(asking.login_at?);
    let is_here = at.config.name == own.config.name && asking.config.name.as_str() == ticket.to;
    is_here.then_some(asking)
}

/// Whether a session will do for somebody who has to prove again who they are.
fn is_fresh_enough(active: &Active, ticket: &Ticket) -> bool {
    !ticket.again || active.entry.session().auth_time.as_secs() >= ticket.at
}
