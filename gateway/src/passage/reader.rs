//! Who reads an answer of the gateway: a program, or a person whose browser shows it as a page?
//!
//! Whatever somebody has done to get it, following a link or sending a form. `fetch()` is a program.

use http::Method;
use http::header::ACCEPT_LANGUAGE;
use pingora_http::RequestHeader;
use sidgate_policy::auth::login_redirect::{LoginUrl, page_of_form};
use sidgate_policy::auth::on_missing::is_navigation;
use sidgate_policy::edge::{ServedHost, Target};

use super::told;
use crate::answer::{Answer, OwnPage, Person, Reader};
use crate::config::pages::{Languages, PageFor};
use crate::decision::place::Place;
use crate::state::ActiveConfig;
use crate::telemetry::outcome::Outcome;

/// Who reads `answer`.
pub(crate) fn of(head: &RequestHeader, settings: &ActiveConfig, answer: &Answer) -> Reader {
    if !is_navigation(&head.headers) {
        return Reader::Program;
    }
    let login = match answer.outcome {
        Outcome::Unauthenticated | Outcome::SessionEvicted => {
            login(settings, head, LoginUrl::location)
        }
        // Operators whose login is too old are refused with another status.
        Outcome::ReauthenticationRequired if answer.status == 401 => {
            login(settings, head, LoginUrl::location_again)
        }
        _ => None,
    };
    Reader::Person(Person {
        has_sent: !is_read(&head.method),
        own: own_page(settings, head, answer, login.as_deref()),
        login,
    })
}

/// The operator's page for `answer`, in the best of the languages that the browser asks for. `needed`: where to log in, for
/// whoever has to.
fn own_page(
    settings: &ActiveConfig,
    head: &RequestHeader,
    answer: &Answer,
    needed: Option<&str>,
) -> Option<OwnPage> {
    let pages = &settings.config.pages;
    if pages.is_empty() {
        return None;
    }
    let asked = head.headers.get(ACCEPT_LANGUAGE);
    let asked = asked.and_then(|value| value.to_str().ok());
    let languages = asked.map(Languages::of).unwrap_or_default();
    let of_status = [PageFor::Status(answer.status), PageFor::Error];
    let found = match answer.outcome {
        Outcome::Maintenance => pages
            .find(&[PageFor::Maintenance], &languages)
            .or_else(|| pages.find(&of_status, &languages)),
        _ => pages.find(&of_status, &languages),
    };
    let found = found?;
    let login = match needed {
        Some(needed) => Some(needed.to_owned()),
        None => login(settings, head, LoginUrl::location),
    };
    Some(OwnPage::new(found, login.unwrap_or_default()))
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// The login page, with the way back: to the page that was asked for, or to the one that held the form. What a form is
/// sent to is often no page.
fn login(
    settings: &ActiveConfig,
    head: &RequestHeader,
    location: impl Fn(&LoginUrl, &str, Option<&str>) -> Option<String>,
) -> Option<String> {
    let (max, slashes) = (settings.edge.max_target_bytes, settings.edge.slashes);
    let asked_for = Target::parse_with(head.raw_path(), max, slashes).ok();
    let host = told::served_host(settings, head);
    let site = settings.site(host.as_deref().map_or(0, ServedHost::site));
    let ways_back = if is_read(&head.method) {
        [asked_for, None]
    } else {
        let without_query = asked_for.map(|target| Target {
            query: None,
            ..target
        });
        let origin = site.origin_at(host.as_deref().map_or("", |host| &**host));
        [page_of_form(&head.headers, &origin), without_query]
    };
    let start = Target {
        path: "/",
        query: None,
    };
    let mut ways_back = ways_back
        .into_iter()
        .flatten()
        .filter(|target| is_of_an_app(settings, host.as_deref(), target.path))
        .chain([start]);
    ways_back.find_map(|target| location(&site.login, target.path, target.query))
}

/// What the gateway answers itself is no page to come back to.
fn is_of_an_app(settings: &ActiveConfig, host: Option<&ServedHost>, path: &str) -> bool {
    let host = host.map_or("", ServedHost::name);
    Place::of(&settings.config, "GET", host, path)
        .is_ok_and(|place| place.route().is_some_and(|route| route.app().is_some()))
}
