//! What becomes of a request that an edge asks about. Each step is that of the proxy.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};
use sidgate_policy::edge::{self, Breach, Vetted, fields, headers};

use super::allowed::Allowed;
use super::described::Described;
use super::issued::Issued;
use super::refused::Refused;
use crate::answer::{Answer, Rejection};
use crate::decision::place::Place;
use crate::decision::{self, Decided};
use crate::passage::course::{self, Next};
use crate::passage::forward::{Doubt, Forward, Settled};
use crate::passage::line::{self, Sent, Wire};
use crate::passage::rendered::rendered;
use crate::passage::told::{self, Told};
use crate::passage::{Answerer, Record, Refusal, renew, spans};
use crate::state::{ActiveConfig, Gateway, SessionHeaders};
use crate::telemetry::outcome::Outcome;
use crate::telemetry::questions::Via;
use crate::telemetry::traces::noting;

/// How long the former sid counts where an edge passes the new one on: with an app's answer, which may take its time, or never if the
/// visitor does not wait for it.
const ASKED_GRACE: Duration = Duration::from_secs(120);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What becomes of a request.
pub(super) enum Decision {
    /// The app gets it, with these fields.
    Allowed(Box<Allowed>),
    /// The visitor gets this answer.
    Refused(Box<Refused>),
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

/// What becomes of a request that was described, or of one that breaks a rule however it is described. Its line is written.
pub(super) async fn answer(
    gateway: &Arc<Gateway>,
    via: Via,
    described: Result<Box<Described>, edge::Refused>,
) -> Decision {
    let _under_way = UnderWay::begin(gateway);
    let mut record = Record::begin(gateway, Some(via));
    let described = match described {
        Ok(described) => described,
        Err(rule) => {
            record.answerer = Answerer::Edge;
            gateway.metrics.refused(rule);
            record.refusal = Some(Refusal {
                reason: rule.reason(),
                field: None,
            });
            let answer = Answer::refused(&rule.into());
            let refused = Refused::new(gateway, &mut record, None, answer);
            write_line(gateway, &record, None, (refused.status, None));
            return Decision::Refused(Box::new(refused));
        }
    };
    match decide(gateway, &mut record, &described).await {
        Ok(allowed) => {
            let upstream = Some(&*allowed.app.name);
            write_line(gateway, &record, Some(&described), (200, upstream));
            Decision::Allowed(Box::new(allowed))
        }
        Err(answer) => {
            let refused = Refused::new(gateway, &mut record, Some(&described), *answer);
            write_line(gateway, &record, Some(&described), (refused.status, None));
            Decision::Refused(Box::new(refused))
        }
    }
}

/// Decides, and notes in `record` what its line will say.
///
/// # Errors
/// The answer for the visitor, where the app does not get the request.
async fn decide(
    gateway: &Arc<Gateway>,
    record: &mut Record,
    described: &Described,
) -> Result<Allowed, Box<Answer>> {
    let settings = Arc::clone(&record.settings);
    let next = next(gateway, &settings, record, described);
    record.vetted(gateway);
    let next = course::shed(gateway, &settings, record, &next)
        .map_or(next, |answer| Next::Answer(Box::new(answer)));
    match next {
        Next::Refuse(breach) => {
            record.answerer = Answerer::Edge;
            told::broken(gateway, record, described.head(), &breach);
            Err(Box::new(Answer::refused(&breach)))
        }
        // The edge sends these to the public listener.
        Next::Endpoint(..) | Next::Admin(..) => Err(Box::new(Answer::not_found())),
        Next::Answer(answer) => Err(answer),
        Next::Forward(route, plan) => {
            record.answerer = Answerer::Route(Arc::clone(route));
            let trace = record.trace.clone();
            let settling = plan.settle(gateway, record, described.head());
            match Box::pin(noting(trace.as_deref(), settling)).await {
                Settled::Onward(forward) => {
                    let allowing = allow(gateway, record, forward, described);
                    noting(trace.as_deref(), allowing).await
                }
                Settled::Answer(answer) => Err(answer),
            }
        }
    }
}

/// The request is over for us: its counters and its line.
fn write_line(
    gateway: &Gateway,
    record: &Record,
    described: Option<&Described>,
    (status, upstream): (u16, Option<&str>),
) {
    let duration = line::count(gateway, record);
    let is_logged = line::is_asked_for(gateway, record, status);
    if !is_logged && record.recording().is_none() {
        return;
    }
    let head = described.map(Described::head);
    let told = head.map_or_else(Told::default, |head| {
        Told::of(gateway, &record.settings, &record.answerer, head)
    });
    let wire = Wire {
        head,
        upstream,
        ..Wire::default()
    };
    let sent = Sent {
        status,
        received: None,
        bytes: None,
        duration,
    };
    if is_logged {
        line::write(gateway, record, &told, &wire, &sent);
    }
    spans::finish(gateway, record, &told, &wire, &sent);
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
    record.begin_trace(gateway, &head.headers, sender.is_trusted_proxy);
    let request = described.request();
    let decided = decision::decide(&request, sender, settings, || Ok(()), |_step| {});
    let decided = match decided {
        Ok(decided) => decided,
        Err(breach) => return Next::Refuse(breach),
    };
    if let Some(breach) = cannot_be_removed(settings, record.via, described) {
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

/// An edge that only copies fields leaves to the app what the client has written under other names.
fn cannot_be_removed(
    settings: &ActiveConfig,
    via: Option<Via>,
    described: &Described,
) -> Option<Breach> {
    if !matches!(via, Some(Via::Nginx | Via::ForwardAuth)) {
        return None;
    }
    let field = headers::left_over(&described.head().headers, &settings.edge)?;
    Some(Breach {
        field: Some(field),
        ..edge::Refused::HeaderNotRemovable.into()
    })
}

/// Whether cookies of ours go to the browser with the app's answer. The app may log somebody in or out by that answer, and its own
/// cookies must have the last word, which no edge can promise. Logins come by a form, or from another place that people log in
/// at, which may be a sibling. Cookies that are held back are due with the next request.
fn may_carry_cookies(described: &Described) -> bool {
    let head = described.head();
    let is_safe = matches!(head.method, Method::GET | Method::HEAD);
    let site = fields::only(&head.headers, &SEC_FETCH_SITE);
    let is_own = |site: &HeaderValue| site == "same-origin" || site == "none";
    is_safe && site.is_none_or(is_own)
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
        renew::renew(gateway, record, &forward, ASKED_GRACE, |_key| {}).await
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
