//! `GET /handover`: a login at one site of a group becomes the cookie of another one, on another domain.
//!
//! A is the site with the login page, B one that sends its visitors there. All of it are redirects that a browser follows; no
//! page of either site takes part.
//!
//! | asked | of | answer |
//! |---|---|---|
//! | `?next=/page` | B | the browser gets a secret in a cookie, and is sent to A with a sealed *ticket* that knows it |
//! | `?to=B&state=ticket` | A | with a session: back to B with a sealed *code*; without: to the login page, and then here again |
//! | `?code=code` | B | the session cookie, and on to the page |
//! | `?none=ticket` | B | there was no session, and nobody is asked to log in: on to the page |
//!
//! What each of them is worth to somebody else: the ticket names a page and a browser, and opens nothing. The code is good for
//! 30 seconds, once on all nodes, for the browser whose cookie the ticket knows, at the host that asked. So a link to either of
//! them logs nobody in (login CSRF), and no redirect leads anywhere but to a host of the site and a path on it.

mod asked;
mod begin;
mod give;
mod sealed;
mod take;

use std::sync::Arc;

use self::asked::Asked;
use super::Caller;
use super::browser::Browser;
use crate::answer::{Answer, Rejection};
use crate::state::{ActiveConfig, Gateway};

/// Answers.
pub(crate) async fn serve(
    gateway: &Arc<Gateway>,
    settings: &Arc<ActiveConfig>,
    caller: &Caller,
    browser: &Browser,
) -> Answer {
    let asked = match Asked::parse(&caller.query) {
        Some(asked) => asked,
        None => return Rejection::invalid("Nothing that a handover asks").into(),
    };
    // A code is spent by whoever brings it, and a page in a frame or one that nobody has opened is no visit.
    if !browser.is_page || browser.is_prefetch {
        return Rejection::invalid("A handover is for a page that somebody opens").into();
    }
    let now = gateway.sessions.clock().wall();
    let answered = match asked {
        Asked::Begin(wish) => begin::begin(gateway, settings, caller, browser, wish, now),
        Asked::Give { to, ticket } => {
            give::give(gateway, settings, caller, browser, (&to, &ticket), now).await
        }
        Asked::Take(code) => take::take(gateway, settings, caller, browser, &code, now).await,
        Asked::GoOn(ticket) => take::go_on(settings, caller, browser, &ticket, now),
    };
    answered.unwrap_or_else(Answer::from)
}
