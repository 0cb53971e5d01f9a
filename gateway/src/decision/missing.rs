//! What does a visitor get without the session that is required? Reads the vetted request again: this is not the hot path.

use http::HeaderMap;
use http::header::UPGRADE;
use session_core::service::Absence;
use sidgate_policy::auth::on_missing::Answer as MissingAnswer;
use sidgate_policy::auth::requirements::Unmet;
use sidgate_policy::edge::Target;

use crate::admin::call::Call;
use crate::answer::Answer;
use crate::config::{OnMissing, Route};
use crate::state::{ActiveConfig, ActiveSite};

/// The answer where `route` requires a session and there is none; `why` not, if there was one.
pub(crate) fn on_route(
    (settings, site): (&ActiveConfig, &ActiveSite),
    route: &Route,
    (method, target): (&str, &[u8]),
    headers: &HeaderMap,
    why: Option<Absence>,
) -> Answer {
    let location = |target: Target<'_>| site.login.location(target.path, target.query);
    to_login_page(settings, route, (method, target), headers, location).map_or_else(
        || Answer::unauthenticated(why),
        |location| Answer::login_page(&location),
    )
}

/// The answer where there is a session that is not all that `route` asks for.
pub(crate) fn unmet(
    (settings, site): (&ActiveConfig, &ActiveSite),
    route: &Route,
    (method, target): (&str, &[u8]),
    headers: &HeaderMap,
    why: Unmet,
) -> Answer {
    match why {
        Unmet::NotAllowed => Answer::not_allowed(),
        Unmet::Stale => {
            let location =
                |target: Target<'_>| site.login.location_again(target.path, target.query);
            to_login_page(settings, route, (method, target), headers, location)
                .map_or_else(Answer::login_too_old, |location| {
                    Answer::login_page(&location)
                })
        }
    }
}

/// Where somebody is sent to log in; `None`: they are told so instead.
fn to_login_page(
    settings: &ActiveConfig,
    route: &Route,
    (method, target): (&str, &[u8]),
    headers: &HeaderMap,
    location: impl FnOnce(Target<'_>) -> Option<String>,
) -> Option<String> {
    // What is left of upgrades after vetting are WebSocket handshakes.
    let websocket = headers.contains_key(UPGRADE);
    match route.on_missing.answer(method, websocket, headers) {
        MissingAnswer::Unauthorized => None,
        MissingAnswer::LoginPage => {
            let max = settings.edge.max_target_bytes;
            Target::parse_with(target, max, route.slashes)
                .ok()
                .and_then(location)
        }
    }
}

/// Where somebody goes who opens a page of the admin API without a session.
pub(crate) fn on_admin_page(
    site: &ActiveSite,
    (method, path): (&str, &str),
    headers: &HeaderMap,
    call: Call,
) -> Option<Answer> {
    let is_page = matches!(call, Call::Page(asset) if asset.is_page());
    let wanted = OnMissing::Auto.answer(method, false, headers);
    if !is_page || wanted != MissingAnswer::LoginPage {
        return None;
    }
    let location = site.login.location(path, None)?;
    Some(Answer::login_page(&location))
}
