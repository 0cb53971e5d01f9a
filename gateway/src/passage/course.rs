//! What has to be done about a request for which something was decided.

use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use pingora_http::RequestHeader;
use sidgate_policy::edge::{self, Vetted, headers};

use super::forward::{Plan, kind_of};
use super::told;
use super::{Answerer, Record, Refusal};
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::config::Route;
use crate::decision::https::Insecure;
use crate::decision::{Decided, Sender, Verdict};
use crate::endpoints::browser::Browser;
use crate::endpoints::{Caller, Endpoint};
use crate::limits::shedding;
use crate::state::{ActiveConfig, Addressed, Gateway};
use crate::telemetry::labels::Shed;
use crate::telemetry::security;
use crate::visit::Visit;

/// What a request needs next. Owns what it needs, so that the request can be read from again.
pub(crate) enum Next<'a> {
    /// It breaks a rule of the edge.
    Refuse(edge::Breach),
    /// An endpoint of the gateway answers.
    Endpoint(Endpoint, Box<Caller>),
    /// The admin API answers.
    Admin(Call, Box<Caller>),
    /// This is the answer.
    Answer(Box<Answer>),
    /// It goes to an app, if its session allows.
    Forward(&'a Arc<Route>, Box<Plan>),
}

/// What has to be done about a request for which this was decided.
///
/// `elsewhere` may answer where nothing is served.
pub(crate) fn follow<'a>(
    gateway: &Gateway,
    settings: &'a ActiveConfig,
    (head, sender): (&RequestHeader, Sender),
    record: &mut Record,
    decided: Decided<'a, '_>,
    elsewhere: impl FnOnce(&Vetted<'_>) -> Option<Answer>,
) -> Next<'a> {
    let Decided {
        vetted,
        cors,
        verdict,
    } = decided;
    record.cors = cors;
    record.site = Some(vetted.host.site());
    if matches!(verdict, Verdict::NotFound)
        && let Some(answer) = elsewhere(&vetted)
    {
        return Next::Answer(Box::new(answer));
    }
    if !matches!(verdict, Verdict::Insecure(_)) {
        count_oddities(gateway, settings, record, head, &vetted, sender);
    }
    match &verdict {
        Verdict::Insecure(Insecure::Refuse) => {
            record.refusal = Some(Refusal::by("https_required", "x-forwarded-proto"));
        }
        Verdict::Rejected(endpoint, Rejection::CrossSite(why)) => {
            told::cross_site(gateway, record, head, endpoint.label(), *why);
        }
        Verdict::CrossSite(why) => told::cross_site(gateway, record, head, "route", *why),
        _ => {}
    }
    if let Some(route) = verdict.answering_route() {
        record.answerer = Answerer::Route(Arc::clone(route));
    }
    let visit = || {
        let sent = (head.method.as_str(), &head.headers);
        let to = Addressed::at(settings.site(vetted.host.site()), &vetted.host);
        Visit::of(
            gateway,
            settings,
            &vetted,
            sent,
            record.client(&head.headers, to),
        )
    };
    match verdict {
        Verdict::Refused(why) => Next::Refuse(why.into()),
        Verdict::Endpoint(endpoint) => {
            let mut caller = caller(visit(), &vetted);
            if endpoint == Endpoint::Handover {
                caller.browser = Some(Box::new(Browser::of(settings, &vetted, &head.headers)));
            }
            Next::Endpoint(endpoint, caller)
        }
        Verdict::Admin(call) => Next::Admin(call, caller(visit(), &vetted)),
        // An edge sends this app its requests, and the gateway knows no way to it.
        Verdict::Onward(onward) if record.via.is_none() && onward.app.is_elsewhere() => {
            Next::Answer(Box::new(Answer::not_found()))
        }
        Verdict::Onward(onward) => {
            Next::Forward(onward.route, Box::new(Plan::new(gateway, onward, visit())))
        }
        answered => Next::Answer(Box::new(
            answered.answer().unwrap_or_else(Answer::not_found),
        )),
    }
}

/// What a client has sent that goes no further.
fn count_oddities(
    gateway: &Gateway,
    settings: &ActiveConfig,
    record: &Record,
    head: &RequestHeader,
    vetted: &Vetted<'_>,
    sender: Sender,
) {
    for (kind, times) in vetted.spoofed.iter() {
        gateway.metrics.spoof(kind, u64::from(times));
        let policy = &settings.edge;
        let field = headers::first_of(kind, &head.headers, sender.is_trusted_proxy, policy);
        let event = (security::Kind::Spoof, kind.label());
        told::note(gateway, record, head, event, field.as_ref());
    }
    gateway.metrics.cookies_dropped(vetted.cookies.dropped());
}

fn caller(visit: Visit, vetted: &Vetted<'_>) -> Box<Caller> {
    Box::new(Caller {
        visit,
        query: vetted.query.unwrap_or_default().to_owned(),
        seen: OnceLock::new(),
        cookie_changes: OnceLock::new(),
        browser: None,
    })
}

/// The answer to a request that is turned away because there are too many.
pub(crate) fn shed(
    gateway: &Gateway,
    settings: &ActiveConfig,
    record: &Record,
    next: &Next<'_>,
) -> Option<Answer> {
    let (busy, max) = (
        gateway.in_flight.load(Ordering::Relaxed),
        settings.config.edge.max_requests,
    );
    if shedding::is_calm(busy, max) {
        return None;
    }
    let kind = match next {
        // Costs nothing more.
        Next::Refuse(_) | Next::Answer(_) => return None,
        Next::Endpoint(Endpoint::Logout | Endpoint::EndDevice(_) | Endpoint::EndDevices, _) => {
            shedding::Kind::Leaving
        }
        Next::Endpoint(_, caller) | Next::Admin(_, caller) => {
            let (key, group) = (caller.visit.key(), &caller.client().to.group);
            key.map_or(shedding::Kind::Anonymous, |key| {
                kind_of(gateway, &key, group)
            })
        }
        Next::Forward(_, plan) => plan.kind(gateway),
    };
    if shedding::admits(kind, busy, max) {
        return None;
    }
    gateway.metrics.shed(Shed::Request(kind));
    Some(Answer::overloaded(&record.request_id))
}
