//! What an edge has to know to send a request to its app.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use sidgate_policy::edge::headers;

use super::described::Described;
use crate::apps::app::App;
use crate::passage::cookie_line::cookie_line;
use crate::passage::{Forward, Record};
use crate::state::{Gateway, SessionHeaders};

/// What an app gets, and what its visitor gets beside the app's answer.
pub(super) struct Allowed {
    /// Every name that says something about a session; empty where there is nothing to say.
    pub identity: Vec<(HeaderName, HeaderValue)>,
    /// The one `Cookie` line; empty: the app gets none.
    pub cookie: HeaderValue,
    /// The id of the request.
    pub request_id: HeaderValue,
    /// The trace that the app's work belongs to; empty: requests are not traced.
    pub trace: HeaderMap,
    /// Cookies for the browser, that of the session first.
    pub set_cookies: Vec<HeaderValue>,
    /// Further fields for the browser.
    pub for_browser: Vec<(HeaderName, HeaderValue)>,
    /// Names that the client must not say anything by.
    reserved: Vec<HeaderName>,
    /// The app.
    pub app: Arc<App>,
}

impl Allowed {
    pub(super) fn new(
        gateway: &Gateway,
        record: &mut Record,
        forward: &Forward,
        (told, cookie): (&SessionHeaders, Option<HeaderValue>),
        described: &Described,
    ) -> Self {
        let settings = &record.settings;
        let mut fields = HeaderMap::new();
        told.write(&mut fields);
        let identity = settings.config.identity.names().map(|name| {
            let value = fields.get(&name).cloned();
            (name, value.unwrap_or_else(nothing))
        });
        let identity = identity.collect();
        let mut traced = HeaderMap::new();
        if let Some(trace) = &record.trace {
            trace.write(&mut traced, trace.span_id());
        }
        let reserved = headers::to_remove(&described.head().headers, &settings.edge);
        let mut for_browser = record.cors.fields();
        let changes = record.cookie_changes.take();
        let changes = changes.map(|changes| changes.lines(gateway, settings, cookie.is_none()));
        let set_cookies: Vec<_> = cookie
            .into_iter()
            .chain(changes.into_iter().flatten())
            .collect();
        if !set_cookies.is_empty() {
            for_browser.push((CACHE_CONTROL, HeaderValue::from_static("private, no-store")));
        }
        Self {
            identity,
            cookie: cookie_line(forward).unwrap_or_else(nothing),
            request_id: record.request_id.header(),
            trace: traced,
            set_cookies,
            for_browser,
            reserved,
            app: Arc::clone(&forward.app),
        }
    }
}

impl Allowed {
    /// What has to be taken away of the request, for an edge that can: what the client must not say, and what there is nothing to
    /// say about.
    pub(super) fn to_remove(&self) -> Vec<HeaderName> {
        let empty = self.identity.iter().filter(|(_, value)| value.is_empty());
        let empty = empty.map(|(name, _)| name.clone());
        let is_told = |name: &&HeaderName| self.identity.iter().any(|(told, _)| told == *name);
        let seen = self.reserved.iter().filter(|name| !is_told(name));
        let seen = seen.filter(|name| !is_of_edge(name.as_str())).cloned();
        let cookie = self.cookie.is_empty().then_some(COOKIE);
        empty.chain(seen).chain(cookie).collect()
    }
}

/// What Envoy itself writes about the request that it passes on.
fn is_of_edge(name: &str) -> bool {
    matches!(name, "x-forwarded-for" | "x-forwarded-proto") || name.starts_with("x-envoy-")
}

fn nothing() -> HeaderValue {
    HeaderValue::from_static("")
}
