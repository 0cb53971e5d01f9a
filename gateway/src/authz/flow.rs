//! What becomes of a request that an edge asks about. Each step is that of the proxy.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::{HeaderName, Method};
use sidgate_policy::edge::{Breach, Refused, Vetted, fields, headers};

use super::allowed::{self, Allowed};
use super::described::Described;
use super::issued::Issued;
use crate::answer::{Answer, Rejection};
use crate::decision::place::Place;
use crate::decision::{self, Decided, Sender};
use crate::passage::course::{self, Next};
use crate::passage::forward::{Doubt, Forward, Settled};
use crate::passage::rendered::rendered;
use crate::passage::{Answerer, Record, renew, told};
use crate::state::{ActiveConfig, Gateway, SessionHeaders};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::questions::Via;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What becomes of a request.
pub(super) enum Decision {
    /// The app gets it, with these fields.
    Allowed(Box<Allowed>),
    /// The visitor gets this answer.
    Refused(Box<Answer>),
}

/// One more request under way, as long as this lives.
pub(super) struct UnderWay(Arc<Gateway>);

impl UnderWay {
    pub(super) fn begin(gateway: &Arc<Gateway>) -> Self {
        gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(gateway))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Decides, and notes in `record` what its line will say.
pub(super) async fn decide(
    gateway: &Arc<Gateway>,
    record: &mut Record,
    described: &Described,
) -> Decision {
    let settings = Arc::clone(&record.settings);
    let next = next(gateway, &settings, record, described);
    let next = course::shed(gateway, &settings, record, &next)
        .map_or(next, |answer| Next::Answer(Box::new(answer)));
    let answer = match next {
        Next::Refuse(breach) => {
            record.answerer = Answerer::Edge;
            told::broken(gateway, record, described.head(), &breach);
            Answer::refused(&breach)
        }
        // The edge sends these to the public listener.
        Next::Endpoint(..) | Next::Admin(..) => Answer::not_found(),
        Next::Answer(answer) => *answer,
        Next::Forward(route, plan) => {
            record.answerer = Answerer::Route(Arc::clone(route));
            let settling = plan.settle(gateway, record, described.head());
            match Box::pin(settling).await {
                Settled::Onward(forward) => {
                    match allow(gateway, record, forward, described).await {
                        Ok(allowed) => return Decision::Allowed(Box::new(allowed)),
                        Err(answer) => *answer,
                    }
                }
                Settled::Answer(answer) => *answer,
            }
        }
    };
    record.outcome = answer.outcome;
    Decision::Refused(Box::new(answer))
}

/// Everything that needs no I/O.
fn next<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    record: &mut Record,
    described: &Described,
) -> Next<'a> {
    let head = described.head();
    let sender = described.sender(settings);
    record.client = sender.client;
    let request = described.request();
    let decided = decision::decide(&request, sender, settings, || Ok(()), |_step| {});
    let decided = match decided {
        Ok(decided) => decided,
        Err(breach) => return Next::Refuse(breach),
    };
    if let Some(breach) = cannot_be_removed(settings, record.via, described, sender) {
        return Next::Refuse(breach);
    }
    if is_ours(settings, described, &decided) {
        record.site = Some(decided.vetted.host.site());
        return Next::Answer(Box::new(Answer::not_found()));
    }
    course::follow(gateway, settings, (head, sender), record, decided, nowhere)
}

/// Nothing is served beside what is configured.
fn nowhere(_vetted: &Vetted<'_>) -> Option<Answer> {
    None
}

/// Whether the path is one of the gateway's own: an edge sends those to the public listener.
fn is_ours(settings: &ActiveConfig, described: &Described, decided: &Decided<'_, '_>) -> bool {
    let method = described.head().method.as_str();
    let vetted = &decided.vetted;
    let place = Place::as_written(&settings.config, method, vetted.host.name(), vetted.path);
    matches!(place, Place::Endpoint(_) | Place::Admin(_) | Place::Private)
}

/// Edges that only copy fields leave to the app what has no field of the same name in the answer.
fn cannot_be_removed(
    settings: &ActiveConfig,
    via: Option<Via>,
    described: &Described,
    sender: Sender,
) -> Option<Breach> {
    debug_assert!(sender.is_trusted_proxy, "an edge is believed");
    if !matches!(via, Some(Via::Nginx | Via::Forward)) {
        return None;
    }
    let fields = &described.head().headers;
    let is_overwritten = |name: &HeaderName| allowed::names(settings).any(|told| told == *name);
    headers::left_over(fields, &settings.edge, is_overwritten).map(|field| Breach {
        field: Some(field),
        ..Refused::HeaderNotRemovable.into()
    })
}

/// Whether cookies of ours go to the browser with the app's answer. The app may log somebody in or out by that answer, and its own
/// cookies must have the last word, which no edge can promise. Logins come by a form, or from another site that people log in
/// at. Cookies that are held back are due with the next request.
fn may_carry_cookies(described: &Described) -> bool {
    let head = described.head();
    let is_safe = matches!(head.method, Method::GET | Method::HEAD);
    let site = fields::only(&head.headers, &SEC_FETCH_SITE);
    is_safe && site.is_none_or(|site| site != "cross-site")
}

/// What the edge has to know to let the request through. What was found is checked a second time (DESIGN 5, R1) and signed.
///
/// # Errors
/// The answer, where the session has changed meanwhile.
async fn allow(
    gateway: &Arc<Gateway>,
    record: &mut Record,
    mut forward: Forward,
    described: &Described,
) -> Result<Allowed, Box<Answer>> {
    let doubt = forward
        .confirm(gateway)
        .await
        .err()
        .map(|doubt| match doubt {
            Doubt::Missing => Rejection::NoSession(None),
            Doubt::Unmet(why) => Rejection::Unmet(why),
            Doubt::Unavailable => Rejection::Unavailable,
        });
    if let Some(why) = doubt {
        return Err(Box::new(rendered(why, described.head(), record)));
    }
    let settings = Arc::clone(&record.settings);
    let (app, site) = (&forward.app, forward.visit.client.to.site);
    let told = (&*settings, &gateway.metrics);
    let told = SessionHeaders::of(
        &gateway.badges,
        told,
        (app, site),
        &forward.state,
        gateway.now(),
    )
    .map_err(|_not_signed| Box::new(Answer::from(Rejection::Internal)))?;
    let host = forward.host.to_str().unwrap_or_default();
    let issued = (&*app.name, host);
    if let Some(id) = Issued::issue(
        &settings.request_ids,
        &record.request_id,
        issued,
        forward.ticket,
    ) {
        record.request_id = id;
    }
    record.outcome = Outcome::from(&forward.state);
    let cookie = if may_carry_cookies(described) {
        renew::renew(gateway, record, &forward, |_key| {}).await
    } else {
        record.cookie_changes = None;
        None
    };
    Ok(Allowed::new(
        gateway,
        record,
        &forward,
        (&told, cookie),
        described,
    ))
}
