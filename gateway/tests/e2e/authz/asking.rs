//! A gateway that edges may ask, and what they ask.

use sidgate_testkit::client::Connection;
use sidgate_testkit::port::free_port;
use sidgate_testkit::{Request, Response, Stage};

/// A stage whose gateway takes questions.
pub(super) struct Asked {
    pub(super) stage: Stage,
    pub(super) port: u16,
}

/// Every name that an edge copies.
pub(crate) const NAMES: [&str; 9] = [
    "x-session-state",
    "x-session-id",
    "x-session-user-id",
    "x-session-tenant-id",
    "x-session-expires-at",
    "x-session-stale",
    "x-session-assertion",
    "x-session-client-subject",
    "x-session-email",
];

/// A route that other sites may not use.
pub(crate) const OWN_SITE: &str =
    "[[routes]]\npath = \"/own\"\nupstream = \"app\"\nsession = \"optional\"\ncsrf = \"check\"\n";

/// How an edge asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Nginx,
    Forward,
    Envoy,
}

pub(super) const WAYS: [Way; 3] = [Way::Nginx, Way::Forward, Way::Envoy];

impl Asked {
    pub(super) fn start() -> Self {
        Self::with("")
    }

    /// With this TOML over the configuration.
    pub(super) fn with(toml: &str) -> Self {
        let port = free_port();
        let authz = format!("[authz]\nlisten = [\"127.0.0.1:{port}\"]");
        Self {
            stage: Stage::with([&authz, toml]),
            port,
        }
    }

    /// Asks about a GET of `target` with these fields.
    pub(super) fn ask(&self, way: Way, target: &str, fields: &[(&str, &str)]) -> Response {
        self.about(way, ("GET", target), fields)
    }

    /// Asks about a request with this session.
    pub(super) fn ask_as(&self, way: Way, sid: &str, target: &str) -> Response {
        self.ask(way, target, &[("Cookie", &format!("sid={sid}"))])
    }

    /// Asks about a request.
    pub(super) fn about(
        &self,
        way: Way,
        (method, target): (&str, &str),
        fields: &[(&str, &str)],
    ) -> Response {
        self.send(&self.question(way, (method, target), "192.0.2.7", fields))
    }

    /// A question about a request of this client.
    pub(super) fn question(
        &self,
        way: Way,
        (method, target): (&str, &str),
        client: &str,
        fields: &[(&str, &str)],
    ) -> Request {
        let host = self.stage.host();
        let question = match way {
            Way::Nginx => Request::get("/authz/nginx")
                .header("X-Original-Method", method)
                .header("X-Original-URI", target)
                .header("X-Forwarded-Host", &host),
            Way::Forward => Request::get("/authz/forward")
                .header("X-Forwarded-Method", method)
                .header("X-Forwarded-Uri", target)
                .header("X-Forwarded-Host", &host),
            Way::Envoy => Request::new(method, &format!("/authz/envoy{target}")),
        };
        let question = question
            .header("X-Forwarded-Proto", "http")
            .header("X-Forwarded-For", client);
        let fields = fields.iter();
        fields.fold(question, |question, (name, value)| {
            question.header(name, value)
        })
    }

    /// Sends a question.
    pub(super) fn send(&self, question: &Request) -> Response {
        let mut connection = Connection::open(([127, 0, 0, 1], self.port).into());
        connection.write(&question.bytes(&self.stage.host()));
        connection.read(question.is_head())
    }
}
