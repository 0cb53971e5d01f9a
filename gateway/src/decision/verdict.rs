//! What happens with a request, as far as no session is asked for.

use std::sync::Arc;

use http::HeaderValue;
use sidgate_policy::auth::cors::Preflight;
use sidgate_policy::auth::csrf::CrossSite;
use sidgate_policy::edge::Refused;

use super::https::Insecure;
use super::onward::Onward;
use crate::admin::call::Call;
use crate::answer::{Answer, Rejection};
use crate::config::Route;
use crate::endpoints::{self, Endpoint};

/// What happens, as far as no session is asked for.
pub(crate) enum Verdict<'s> {
    /// A rule of the edge that depends on where it leads: its path leads elsewhere once it is decoded, or its body is larger than
    /// its route takes.
    Refused(Refused),
    /// It came in clear text.
    Insecure(Insecure),
    /// An endpoint of the gateway does not take it.
    Rejected(Endpoint, Rejection),
    /// An endpoint of the gateway answers.
    Endpoint(Endpoint),
    /// The admin API answers.
    Admin(Call),
    /// There is nothing at its path.
    NotFound,
    /// Its route does not take its method.
    MethodNotAllowed(&'s Arc<Route>),
    /// Its route sends it elsewhere: with this status, to this address.
    Redirect(&'s Arc<Route>, u16, HeaderValue),
    /// A page of another origin is told what it may do on this route.
    Preflight(Preflight, &'s Arc<Route>),
    /// A page of another origin is told what it may do with the endpoints of the gateway.
    EndpointPreflight(Preflight),
    /// A page of another origin may do nothing here.
    OriginNotAllowed,
    /// Another site made the browser send it.
    CrossSite(CrossSite),
    /// The apps are out of service. Holds when to try again, in seconds.
    Maintenance(u64),
    /// It goes to an app, if its session allows.
    Onward(Onward<'s>),
}

impl<'s> Verdict<'s> {
    /// The route on whose behalf the gateway itself answers.
    pub(crate) const fn answering_route(&self) -> Option<&'s Arc<Route>> {
        match self {
            Self::MethodNotAllowed(route)
            | Self::Redirect(route, ..)
            | Self::Preflight(_, route) => Some(route),
            _ => None,
        }
    }

    /// The answer, where the gateway gives it without asking anybody.
    pub(crate) fn answer(&self) -> Option<Answer> {
        Some(match self {
            Self::Refused(why) => Answer::refused(&(*why).into()),
            Self::Insecure(insecure) => insecure.answer(),
            Self::Rejected(_, why) => why.clone().into(),
            Self::NotFound => Answer::not_found(),
            Self::MethodNotAllowed(route) => {
                Answer::method_not_allowed(route.methods.allow().clone())
            }
            Self::Redirect(_, status, location) => Answer::redirect(*status, location.clone()),
            Self::Preflight(asked, route) => {
                Answer::preflight(asked.headers.as_ref(), route.methods.allow())
            }
            Self::EndpointPreflight(asked) => {
                Answer::preflight(asked.headers.as_ref(), &endpoints::METHODS)
            }
            Self::OriginNotAllowed => Answer::origin_not_allowed(),
            Self::CrossSite(why) => Answer::cross_site(*why),
            Self::Maintenance(seconds) => Answer::maintenance(*seconds),
            Self::Endpoint(_) | Self::Admin(_) | Self::Onward(_) => return None,
        })
    }
}
