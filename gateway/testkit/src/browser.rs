//! A browser as far as logging in needs one: keeps cookies, sends what browsers send, fills in forms.

use std::collections::BTreeMap;

use super::edge::RunningEdge;
use super::gateway::Gateway;
use super::http::{Request, Response};

/// A browser with a jar of its own.
pub struct Browser<'a> {
    gateway: &'a Gateway,
    edge: Option<&'a RunningEdge>,
    jar: BTreeMap<String, String>,
}

impl<'a> Browser<'a> {
    pub fn of(gateway: &'a Gateway) -> Self {
        Self {
            gateway,
            edge: None,
            jar: BTreeMap::new(),
        }
    }

    /// The same through an edge that asks the gateway.
    pub fn through(edge: &'a RunningEdge, gateway: &'a Gateway) -> Self {
        Self {
            edge: Some(edge),
            ..Self::of(gateway)
        }
    }

    /// The sid in the jar.
    pub fn sid(&self) -> Option<&str> {
        self.jar.get("sid").map(String::as_str)
    }

    /// Follows a link.
    pub fn open(&mut self, target: &str) -> Response {
        self.send(navigation(Request::get(target)))
    }

    /// Opens the page at `target` and submits its form with these fields.
    pub fn submit(&mut self, target: &str, fields: &[(&str, &str)]) -> Response {
        let page = self.open(target);
        assert_eq!(page.status, 200, "{page:?}");
        self.submit_to(target, &page, fields)
    }

    /// Submits a form of `page` to `target`.
    pub fn submit_to(
        &mut self,
        target: &str,
        page: &Response,
        fields: &[(&str, &str)],
    ) -> Response {
        let token = csrf_token(&page.text());
        let mut form = vec![("csrfmiddlewaretoken", &*token)];
        form.extend(fields);
        let form: Vec<_> = form
            .iter()
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        let request = Request::post(target)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Origin", &self.gateway.origin())
            .body(form.join("&"));
        self.send(navigation(request))
    }

    /// Sends a request with the cookies of the jar, and keeps those that come back.
    pub fn send(&mut self, request: Request) -> Response {
        let pairs = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let line = pairs.collect::<Vec<_>>().join("; ");
        let request = request.cookies(&line);
        let response = match self.edge {
            Some(edge) => edge.send(&request, &self.gateway.host()),
            None => self.gateway.send(&request),
        };
        for cookie in response.all("set-cookie") {
            self.keep(cookie);
        }
        response
    }

    fn keep(&mut self, cookie: &str) {
        let mut parts = cookie.split(';').map(str::trim);
        let pair = parts.next().unwrap_or_default();
        let (name, value) = pair.split_once('=').expect("a pair");
        if parts.any(|attribute| attribute == "Max-Age=0") {
            self.jar.remove(name);
        } else {
            self.jar.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn navigation(request: Request) -> Request {
    request.navigation().header("Sec-Fetch-Site", "same-origin")
}

fn csrf_token(page: &str) -> String {
    let marker = "name=\"csrfmiddlewaretoken\" value=\"";
    let (_, rest) = page.split_once(marker).expect("a form with a token");
    let (token, _) = rest.split_once('"').unwrap();
    token.to_owned()
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
