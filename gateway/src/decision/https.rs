//! Did a request come in the clear where that is not wanted?

use sidgate_policy::edge::scheme::{self, Scheme};
use sidgate_policy::edge::{self, Breach, RawRequest, Refused, Vetted};

use super::{Request, Sender};
use crate::answer::Answer;
use crate::config::Origin;
use crate::state::ActiveConfig;

/// What becomes of a request that came in clear text where that is not wanted.
pub(crate) enum Insecure {
    /// It is asked for again, at this address.
    Redirect(String),
    /// It is refused.
    Refuse,
}

impl Insecure {
    /// Judges a vetted request. `told` is what a proxy that we trust says about the visitor's connection. A page is asked for
    /// again; everything else may carry secrets, and is refused so that somebody notices.
    pub(super) fn judge(
        settings: &ActiveConfig,
        request: &Request<'_>,
        vetted: &Vetted<'_>,
        told: Option<Scheme>,
    ) -> Option<Self> {
        let server = &settings.config.server;
        let is_page = matches!(request.method, "GET" | "HEAD");
        match told {
            Some(Scheme::Https) => None,
            Some(Scheme::Http) if origin_of(settings, vetted).is_https() => Some(if is_page {
                Self::Redirect(location(settings, vetted))
            } else {
                Self::Refuse
            }),
            _ if server.redirect_https && !request.over_tls => {
                Some(Self::Redirect(location(settings, vetted)))
            }
            _ => None,
        }
    }

    /// The answer.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Redirect(location) => Answer::over_tls(location),
            Self::Refuse => Answer::https_required(),
        }
    }
}

/// What a proxy that we trust says about the visitor's connection.
pub(super) fn told(request: &Request<'_>, sender: Sender) -> Option<Scheme> {
    if sender.is_trusted_proxy {
        scheme::told(request.headers)
    } else {
        None
    }
}

/// Vets a request anew whose host is not known at the port that it was sent to, if all that it gets is a redirect to the port
/// of https: there the name counts.
///
/// # Errors
/// The rule that it breaks all the same.
pub(super) fn vet_by_name<'s: 'r, 'r>(
    (request, raw): (&Request<'r>, &RawRequest<'r>),
    sender: Sender,
    settings: &'s ActiveConfig,
    breach: Breach,
) -> Result<Vetted<'r>, Breach> {
    let is_sent_on = breach.rule == Refused::HostUnknown
        && !request.over_tls
        && told(request, sender) != Some(Scheme::Https);
    match &settings.edge_by_name {
        Some(policy) if is_sent_on => edge::vet(raw, policy),
        _ => Err(breach),
    }
}

/// What browsers have in their address bar on the site of a request.
fn origin_of<'s>(settings: &'s ActiveConfig, vetted: &Vetted<'_>) -> &'s Origin {
    &settings.site(vetted.host.site()).config.origin
}

/// The same host over https, at the port of its site's origin if it is served there. From the configuration and the vetted
/// target; nothing of it is the client's text but what was vetted.
fn location(settings: &ActiveConfig, vetted: &Vetted<'_>) -> String {
    let port = origin_of(settings, vetted).port;
    let host = settings.edge.hosts.at_port(&vetted.host, port);
    let mut location = format!("https://{}{}", &**host, vetted.path);
    if let Some(query) = vetted.query {
        location.push('?');
        location.push_str(query);
    }
    location
}
