//! Does an app believe what anybody can write?
//!
//! Pages of the app are asked for straight at its server: as nobody, and with an identity that nobody has signed for it. An app
//! that verifies assertions gives the same answer to all of them. All are `GET`, and all forged requests claim to be the same user,
//! who does not exist.

use http::{HeaderName, HeaderValue, Method};
use session_core::keys::{Keyring, MasterKey};
use sidgate_policy::auth::decide::SessionPolicy;
use sidgate_policy::auth::token::{AppKeys, SessionClaims};

use super::ask::{Asked, Asker, now_ms};
use crate::apps::server::Server;
use crate::config::{Config, Route, Upstream};
use crate::diagnosis::finding::{Finding, Question, Topic};

/// Who the forged requests claim to be: a name that stands out in a page and in a log.
const SOMEBODY: &str = "sidgate-doctor-forgery";
const HANDLE: &str = "00000000-0000-7000-8000-000000000000";
const ASSERTION: HeaderName = HeaderName::from_static("x-session-assertion");
/// Pages that are asked for.
const PAGES_MAX: usize = 3;
/// An assertion has ended by then, whatever the clocks say.
const LONG_AGO: i64 = 24 * 3600;

/// An identity that nobody has signed for this app.
struct Forgery {
    words: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Asks for pages of `app` at one of its servers, as nobody and as somebody.
pub(super) async fn judge(
    asker: &Asker,
    config: &Config,
    keys: &Keyring,
    app: &Upstream,
    server: &Server,
    subject: &str,
) -> Finding {
    let question = Question::new(
        Topic::Assertions,
        subject,
        "GET of its pages with identities that nobody has signed",
    );
    let forgeries = forgeries(config, keys, &app.name);
    let mut judged = Vec::new();
    for page in pages(config, app) {
        let ask = |headers| asker.ask(server, Method::GET, &page, headers, Vec::new());
        let (Ok(first), Ok(second)) = (ask(&[]).await, ask(&[]).await) else {
            continue;
        };
        if first.status >= 500 {
            continue;
        }
        for forgery in &forgeries {
            let Ok(answer) = ask(&forgery.headers).await else {
                continue;
            };
            if let Some(difference) = difference(&first, &second, &answer) {
                return question.fail(
                    format!("GET {page}: believes {} ({difference})", forgery.words),
                    "verify X-Session-Assertion and decide by it alone: docs/protocol.md, or the package for the app's framework",
                );
            }
        }
        judged.push(page);
    }
    if judged.is_empty() {
        return question.skipped("no page of it could be asked for");
    }
    question.ok(format!(
        "the same answer to nobody and to {} forged identities at {}",
        forgeries.len(),
        judged.join(", ")
    ))
}

/// Pages that require a session first: there an identity makes the largest difference.
fn pages(config: &Config, app: &Upstream) -> Vec<String> {
    let mut routes: Vec<_> = config
        .routes
        .iter()
        .filter(|route| route.is_served_by(app))
        .collect();
    routes.sort_by_key(|route| route.session != SessionPolicy::Required);
    let as_sent = |route: &&Route| match route.strip_prefix {
        true => "/".to_owned(),
        false => route.path.to_string(),
    };
    let paths = routes.iter().map(as_sent);
    paths.take(PAGES_MAX).collect()
}

fn forgeries(config: &Config, keys: &Keyring, app: &str) -> Vec<Forgery> {
    let now = now_ms().div_euclid(1_000);
    let claims = SessionClaims {
        sid: Some(HANDLE.to_owned()),
        sub: Some(SOMEBODY.to_owned()),
        auth_time: Some(now),
        ..SessionClaims::default()
    };
    let strangers = Keyring::new(MasterKey::from_bytes([0xA5; 32]), Vec::new());
    let stranger = AppKeys::new(app, &strangers.upstream(app));
    let own = AppKeys::new(app, &keys.upstream(app));
    let for_another = AppKeys::new("sidgate-doctor-nobody", &keys.upstream(app));
    let signed = [
        (
            "an assertion with a wrong signature",
            stranger.assertion("active", &claims, now),
        ),
        (
            "an assertion that has ended",
            own.assertion("active", &claims, now - LONG_AGO),
        ),
        (
            "an assertion for another app",
            for_another.assertion("active", &claims, now),
        ),
    ];
    let signed = signed.into_iter().filter_map(|(words, token)| {
        let token = HeaderValue::try_from(token.ok()?).ok()?;
        let headers = vec![(ASSERTION, token)];
        Some(Forgery { words, headers })
    });
    let plain = Forgery {
        words: "plain headers",
        headers: plain_headers(config),
    };
    std::iter::once(plain).chain(signed).collect()
}

/// Those that the gateway writes beside the assertion.
fn plain_headers(config: &Config) -> Vec<(HeaderName, HeaderValue)> {
    let somebody = HeaderValue::from_static(SOMEBODY);
    let fixed = [
        ("x-session-state", HeaderValue::from_static("active")),
        ("x-session-id", HeaderValue::from_static(HANDLE)),
        ("x-session-user-id", somebody.clone()),
    ];
    let fixed = fixed.map(|(name, value)| (HeaderName::from_static(name), value));
    let chosen = config.identity.headers.iter();
    let chosen = chosen.map(|(name, _)| (name.clone(), somebody.clone()));
    fixed.into_iter().chain(chosen).collect()
}

/// What in an answer to a forged request no answer to nobody has.
fn difference(first: &Asked, second: &Asked, forged: &Asked) -> Option<String> {
    let is_steady = first.status == second.status && first.location() == second.location();
    if is_steady && first.status != forged.status {
        return Some(format!("{} instead of {}", forged.status, first.status));
    }
    if is_steady && first.location() != forged.location() {
        return Some("it is sent elsewhere".to_owned());
    }
    let names_somebody = |answer: &Asked| contains(&answer.body, SOMEBODY.as_bytes());
    if names_somebody(forged) && !names_somebody(first) && !names_somebody(second) {
        return Some("the page names the user".to_owned());
    }
    (first.body == second.body && first.body != forged.body)
        .then(|| "it gets another page".to_owned())
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|part| part == word)
}

#[cfg(test)]
mod tests;
