//! B sends a visitor to the site with the login page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use session_core::clock::Timestamp;
use session_core::entropy;
use session_core::keys::handover::Sealed;

use super::asked::Wish;
use super::sealed::{TICKET_LIFE, Ticket, digest, seal};
use crate::answer::{Answer, Rejection, set_cookie};
use crate::endpoints::Caller;
use crate::endpoints::browser::Browser;
use crate::state::{ActiveConfig, ActiveSite, Gateway, site};
use crate::telemetry::labels::Handover;

/// The redirect to the site with the login page. A browser that has a secret keeps it, so that two windows do not get into each
/// other's way.
///
/// # Errors
/// `404` where people log in on the site itself.
pub(super) fn begin(
    gateway: &Gateway,
    settings: &ActiveConfig,
    caller: &Caller,
    browser: &Browser,
    wish: Wish,
    now: Timestamp,
) -> Result<Answer, Rejection> {
    let own = caller.site(settings);
    let Some(at) = own.login_at else {
        return own.login.location(&wish.page, None).map_or_else(
            || Err(Rejection::NotFound),
            |location| Ok(Answer::login_page(&location)),
        );
    };
    let secret = match &browser.secret {
        Some(secret) => secret.clone(),
        None => fresh(gateway)?,
    };
    let ticket = Ticket {
        to: own.config.name.as_str().to_owned(),
        host: browser.host.clone(),
        page: wish.page,
        browser: digest(&secret),
        again: wish.again,
        silent: wish.silent,
        at: now.as_secs(),
    };
    let state = seal(gateway, &settings.handover, Sealed::Ticket, &ticket)?;
    let login = settings.site(at);
    let (origin, path) = (&login.origin, site::handover_path(&settings.config));
    gateway.metrics.handover(Handover::Begun);
    let answer = Answer::hand_over(&format!("{origin}{path}?to={}&state={state}", ticket.to));
    let cookie = state_cookie(own, &secret).ok_or(Rejection::Internal)?;
    Ok(answer.with_cookie(cookie))
}

fn fresh(gateway: &Gateway) -> Result<String, Rejection> {
    let bytes: [u8; 16] =
        entropy::bytes(gateway.entropy.as_ref()).map_err(|_no_entropy| Rejection::Unavailable)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Sent with the navigation that comes back from the other site, so never `Strict`.
fn state_cookie(own: &ActiveSite, secret: &str) -> Option<HeaderValue> {
    let secure = own.config.cookie.secure;
    set_cookie::short_lived(
        site::state_cookie_name(secure),
        secret,
        (secure, TICKET_LIFE),
    )
}
