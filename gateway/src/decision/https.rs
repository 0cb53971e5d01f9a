//! Did a request come in the clear where that is not wanted?

use sidgate_policy::edge::Vetted;
use sidgate_policy::edge::scheme::Scheme;

use super::Request;
use crate::answer::Answer;
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
            Some(Scheme::Http) if server.public_origin.is_https() => Some(if is_page {
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

/// From the configured origin and the vetted target; nothing of it is the client's text but what was vetted.
fn location(settings: &ActiveConfig, vetted: &Vetted<'_>) -> String {
    let mut location = format!("{}{}", settings.origin, vetted.path);
    if let Some(query) = vetted.query {
        location.push('?');
        location.push_str(query);
    }
    location
}
