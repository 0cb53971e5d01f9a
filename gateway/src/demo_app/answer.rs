//! What the app answers: a request and a time in, a response out.

use bytes::Bytes;
use form_urlencoded::parse;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
};
use http::request::Parts;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::{Value, json};
use session_core::clock::Timestamp;
use sidgate_policy::auth::app_side::{LEEWAY, Visitor};
use sidgate_policy::auth::login_redirect::is_local;

use super::DemoApp;
use super::pages::{self, ASSERTION};
use super::users::identity_of;

/// Where the gateway asks.
const QUESTIONS: &str = "/__sidgate__/";
const EVENT: HeaderName = HeaderName::from_static("x-session-event");
/// Nothing of another site, nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; \
     form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// An answer with its whole body.
pub(super) type Answer = Response<Bytes>;

impl DemoApp {
    /// The answer to one request. `peer` is who sent it.
    pub(super) fn answer(&self, head: &Parts, body: &[u8], peer: &str, now: Timestamp) -> Answer {
        let path = head.uri.path();
        if let Some(question) = path.strip_prefix(QUESTIONS) {
            return self.question(question, head, body, peer, now);
        }
        let assertion = only(&head.headers, ASSERTION).unwrap_or_default();
        let Some(visitor) = self.side.visitor(assertion.as_bytes(), now.as_secs()) else {
            return html(StatusCode::FORBIDDEN, pages::bypassed());
        };
        match (&head.method, path) {
            (&Method::GET | &Method::HEAD, _) => page(path, &visitor, head),
            (&Method::POST, "/login") => self.log_in(head, body, now),
            (&Method::POST, "/logout") => self.log_out(head, body, now),
            _ => html(
                StatusCode::NOT_FOUND,
                pages::sentence("There is nothing here"),
            ),
        }
    }

    /// The app's own login: the event makes the gateway begin a session with this answer.
    fn log_in(&self, head: &Parts, body: &[u8], now: Timestamp) -> Answer {
        let field = |name| form_field(body, name).unwrap_or_default();
        let (email, next) = (field("email"), place(&field("next")));
        match identity_of(&email, &field("password")) {
            Some(identity) => {
                let events = json!([{"type": "login", "identity": identity}]);
                self.and_event(head, &events, now, &next)
            }
            None => html(StatusCode::UNAUTHORIZED, pages::login(&next, Some(&email))),
        }
    }

    fn log_out(&self, head: &Parts, body: &[u8], now: Timestamp) -> Answer {
        let scope = match form_field(body, "scope").as_deref() {
            Some("all") => "all",
            _ => "this",
        };
        let events = json!([{"type": "logout", "scope": scope}]);
        self.and_event(head, &events, now, "/")
    }

    /// A redirect with a signed event for the gateway, which the browser never sees.
    fn and_event(&self, head: &Parts, events: &Value, now: Timestamp, next: &str) -> Answer {
        let request_id = only(&head.headers, "x-request-id").unwrap_or_default();
        let event = self.side.event(request_id, events, now.as_secs());
        let event = event.and_then(|event| HeaderValue::try_from(event).ok());
        let (Some(event), Ok(next)) = (event, HeaderValue::try_from(next)) else {
            return html(StatusCode::FORBIDDEN, pages::bypassed());
        };
        let mut answer = html(StatusCode::SEE_OTHER, String::new());
        answer.headers_mut().insert(EVENT, event);
        answer.headers_mut().insert(LOCATION, next);
        answer
    }

    /// What the gateway asks; to everybody else there is nothing here.
    fn question(
        &self,
        question: &str,
        head: &Parts,
        body: &[u8],
        peer: &str,
        now: Timestamp,
    ) -> Answer {
        let token = only(&head.headers, "x-sidgate-request").unwrap_or_default();
        let is_ours = self.side.is_question(token.as_bytes(), body, now.as_secs());
        match question {
            "authenticate" if is_ours => authenticate(body),
            "doctor" if is_ours => json_answer(StatusCode::OK, &self.facts(head, peer, now)),
            _ => html(
                StatusCode::NOT_FOUND,
                pages::sentence("There is nothing here"),
            ),
        }
    }

    /// What `sidgate doctor` wants to know.
    fn facts(&self, head: &Parts, peer: &str, now: Timestamp) -> Value {
        json!({
            "package": {"name": "sidgate demo-app", "version": env!("CARGO_PKG_VERSION")},
            "upstream": self.side.name(),
            "time_ms": now.as_micros().div_euclid(1_000),
            "leeway": LEEWAY,
            "assertions": "every_request",
            "unsigned": [],
            "bypass": "reject",
            "own_login": false,
            "calls": ["authenticate"],
            "debug": false,
            "seen": {
                "scheme": only(&head.headers, "x-forwarded-proto"),
                "host": only(&head.headers, "host"),
                "address": peer,
            },
            "findings": [],
        })
    }
}

/// The backend's login question.
fn authenticate(body: &[u8]) -> Answer {
    let asked: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| asked.get(name).and_then(Value::as_str).unwrap_or_default();
    match identity_of(text("email"), text("password")) {
        Some(identity) => json_answer(StatusCode::OK, &identity),
        None => json_answer(
            StatusCode::UNAUTHORIZED,
            &json!({"code": "invalid_credentials"}),
        ),
    }
}

fn page(path: &str, visitor: &Visitor, head: &Parts) -> Answer {
    match path {
        "/" => html(StatusCode::OK, pages::home(visitor, &head.headers)),
        // The gateway has looked already. An app that is reached by another route looks again.
        "/account" if visitor.state() == "active" => html(StatusCode::OK, pages::account(visitor)),
        "/account" => html(StatusCode::UNAUTHORIZED, pages::sentence("Log in first")),
        "/login" => {
            let query = head.uri.query().unwrap_or_default().as_bytes();
            let next = place(&form_field(query, "next").unwrap_or_default());
            html(StatusCode::OK, pages::login(&next, None))
        }
        "/whoami" => json_answer(StatusCode::OK, &pages::whoami(visitor, &head.headers)),
        "/demo-app.css" => file("text/css; charset=utf-8", include_str!("style.css")),
        "/demo-app.js" => file("text/javascript; charset=utf-8", include_str!("script.js")),
        _ => html(
            StatusCode::NOT_FOUND,
            pages::sentence("There is nothing here"),
        ),
    }
}

/// Where to go after a login: a page of this site, whatever was asked for.
fn place(next: &str) -> String {
    let is_sendable = next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_local(next) && is_sendable {
        next
    } else {
        "/"
    }
    .to_owned()
}

fn form_field(form: &[u8], name: &str) -> Option<String> {
    let mut fields = parse(form);
    let found = fields.find(|(field, _)| field == name);
    found.map(|(_, value)| value.into_owned())
}

/// The value of a field that is there exactly once.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok(),
        _ => None,
    }
}

fn html(status: StatusCode, body: String) -> Answer {
    let mut answer = whole(status, "text/html; charset=utf-8", body.into());
    answer
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

fn json_answer(status: StatusCode, value: &Value) -> Answer {
    whole(status, "application/json", format!("{value:#}\n").into())
}

fn file(kind: &'static str, text: &'static str) -> Answer {
    whole(StatusCode::OK, kind, Bytes::from_static(text.as_bytes()))
}

fn whole(status: StatusCode, kind: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    answer
}
