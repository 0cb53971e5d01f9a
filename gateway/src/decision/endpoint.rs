//! May this request call an endpoint of the gateway?
//!
//! Endpoints are for the pages of their own site, and for origins that the site trusts: apps that are wrapped for a phone, or
//! another site of the house. For those the gateway answers preflights, and says what they may read.

use sidgate_policy::auth::cors::{Cors, Preflight};
use sidgate_policy::edge::Vetted;

use super::place::Place;
use super::{Request, Sender, Step, Verdict, maintenance};
use crate::endpoints::{self, Endpoint};
use crate::state::ActiveConfig;

/// What happens with a vetted request to `endpoint`.
pub(super) fn judge<'s>(
    settings: &'s ActiveConfig,
    (request, sender): (&Request<'_>, Sender),
    (endpoint, vetted): (Endpoint, &Vetted<'_>),
    cors: &mut Cors,
    tell: &mut impl FnMut(Step<'_>),
) -> Verdict<'s> {
    let site = settings.site(vetted.host.site());
    let endpoint = endpoint.as_configured(&settings.config, site);
    *cors = Cors::of(&site.config.trusted_origins, request.headers);
    if *cors != Cors::Unmanaged {
        tell(Step::Cors(cors));
        if let Some(asked) = Preflight::of(request.method, request.headers) {
            return if cors.is_open() {
                Verdict::EndpointPreflight(asked)
            } else {
                Verdict::OriginNotAllowed
            };
        }
    }
    if let Some(waits) = maintenance::verdict(settings, sender, Place::Endpoint(endpoint)) {
        return waits;
    }
    let origin = site.origin_at(&vetted.host);
    match endpoints::admit(endpoint, request.headers, (&origin, cors)) {
        Ok(()) => Verdict::Endpoint(endpoint),
        Err(why) => Verdict::Rejected(endpoint, why),
    }
}
