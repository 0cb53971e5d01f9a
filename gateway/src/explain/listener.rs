//! What did each question of the decision find?

use sidgate_policy::auth::cors::Cors;
use sidgate_policy::auth::csrf::Allowed;
use sidgate_policy::edge::scheme::Scheme;
use sidgate_policy::edge::{Breach, Cookies, Passed, Refused, SidCookie, Spoofed, headers};

use super::came::Came;
use super::keys::{self, Key};
use super::report::Line;
use super::shown::{self, shown};
use crate::config::{Config, Route};
use crate::decision::place::Place;
use crate::decision::{OwnSite, Sender, Step};
use crate::state::ActiveConfig;

/// The questions up to the one about the body, in their order. The first that is not answered is the one that refuses.
const OF_THE_EDGE: [&str; 8] = [
    "framing",
    "connection",
    "method",
    "target",
    "host",
    "header names",
    "cookies",
    "body",
];

/// Listens to a decision.
pub(super) struct Listener<'a> {
    settings: &'a ActiveConfig,
    came: &'a Came,
    /// How many questions of the edge were answered.
    passed: usize,
    /// Number of the site, once it is known.
    pub(super) site: usize,
    /// The route, once it is known.
    route: Option<&'a Route>,
    pub(super) lines: Vec<Line>,
}

impl<'a> Listener<'a> {
    /// Begins with who sent the request.
    pub(super) fn new(settings: &'a ActiveConfig, came: &'a Came, sender: Sender) -> Self {
        let client = sender.client.unwrap_or(came.peer);
        let found = match (sender.is_trusted_proxy, client == came.peer) {
            (true, false) => format!("{client}, says the trusted proxy {}", came.peer),
            (true, true) => format!("{client}, a trusted proxy that names no client"),
            (false, _) => format!("{client}, not a trusted proxy"),
        };
        let key = Key::of(&settings.config, "server.trusted_proxies");
        Self {
            settings,
            came,
            passed: 0,
            site: 0,
            route: None,
            lines: vec![Line::new("client", found, vec![key])],
        }
    }

    /// Writes down what a question has found.
    pub(super) fn hear(&mut self, step: Step<'_>) {
        let line = match step {
            Step::Edge(passed) => self.of_edge(passed),
            Step::Body => {
                self.passed += 1;
                if !self.came.is_chunked() {
                    return;
                }
                Line::new("body", "what has come of it is well formed", vec![])
            }
            Step::Scheme(told) => self.of_scheme(told),
            Step::Place(place) => self.of_place(place),
            Step::Cors(cors) => self.of_cors(cors),
            Step::OwnSite(own_site) => self.of_own_site(own_site),
        };
        self.lines.push(line);
    }

    /// Writes down that the edge refuses the request.
    pub(super) fn refused(&mut self, breach: &Breach) {
        let step = OF_THE_EDGE.get(self.passed).copied().unwrap_or("place");
        let keys = match self.route {
            Some(route) if breach.rule == Refused::BodyTooLarge => {
                vec![Key::of_body(self.config(), route)]
            }
            _ => keys::of_refusal(self.config(), breach.rule),
        };
        let found = match &breach.field {
            Some(field) => format!("{breach} (field {field})"),
            None => breach.to_string(),
        };
        let line = Line::new(step, found, keys);
        self.lines.push(line.deciding());
    }

    /// Says that the decision fell at the question that was answered last.
    pub(super) fn decided_here(&mut self) {
        if let Some(last) = self.lines.last_mut() {
            last.decided = true;
        }
    }

    pub(super) fn config(&self) -> &'a Config {
        &self.settings.config
    }

    fn of_edge(&mut self, passed: Passed<'_>) -> Line {
        let step = OF_THE_EDGE.get(self.passed).copied().unwrap_or_default();
        self.passed += 1;
        if let Passed::Host(host) = passed {
            self.site = host.site();
        }
        let config = self.config();
        let (found, keys) = match passed {
            Passed::Framing(None) => ("the head is well formed".to_owned(), vec![]),
            Passed::Framing(Some(bytes)) => (
                format!("a body of {bytes} bytes is announced"),
                vec![Key::of(config, "edge.max_body_bytes")],
            ),
            Passed::Connection(true) => ("a WebSocket handshake".to_owned(), vec![]),
            Passed::Connection(false) => ("an ordinary request".to_owned(), vec![]),
            Passed::Method => (self.came.method.clone(), vec![]),
            Passed::Target(path) => (shown(path), vec![]),
            Passed::Host(host) => (shown::host(host), vec![Key::of_hosts(config, self.site)]),
            Passed::HeaderNames(spoofed) => self.of_names(spoofed),
            Passed::Cookies(cookies) => (
                of_cookies(cookies),
                vec![Key::of_site(config, self.site, "cookie.name")],
            ),
        };
        Line::new(step, found, keys)
    }

    fn of_names(&self, spoofed: Spoofed) -> (String, Vec<Key>) {
        if spoofed.is_empty() {
            return ("none that apps must not get".to_owned(), vec![]);
        }
        let names = headers::to_remove(&self.came.headers, &self.settings.edge);
        let names: Vec<String> = names
            .iter()
            .map(|name| shown::name(name.as_str()))
            .collect();
        let found = format!("apps will not get {}", names.join(", "));
        (
            found,
            vec![Key::of(self.config(), "edge.passthrough_headers")],
        )
    }

    fn of_scheme(&self, told: Option<Scheme>) -> Line {
        let config = self.config();
        let over_tls = self.came.request().over_tls;
        let (found, key) = match (told, over_tls) {
            (Some(Scheme::Https), _) => (
                "https, says the trusted proxy",
                Key::of(config, "server.trusted_proxies"),
            ),
            (Some(Scheme::Http), _) => (
                "http, says the trusted proxy",
                Key::of_site(config, self.site, "origin"),
            ),
            (None, true) => (
                "https: it came to a TLS listener",
                Key::of(config, "server.tls"),
            ),
            (None, false) => (
                "it came in clear text, and no trusted proxy says how the visitor came",
                Key::of(config, "server.redirect_https"),
            ),
        };
        Line::new("scheme", found, vec![key])
    }

    fn of_place(&mut self, place: Place<'_>) -> Line {
        let config = self.config();
        let (found, key) = match place {
            Place::Endpoint(_) => (
                "an endpoint of the gateway".to_owned(),
                Key::of(config, "endpoints.base_path"),
            ),
            Place::Admin(_) => ("the admin API".to_owned(), Key::of(config, "admin.claim")),
            Place::Private => {
                let found = "reserved for calls from the gateway to its apps";
                return Line::new("place", found, vec![]);
            }
            Place::Nothing => (
                "no route covers this path".to_owned(),
                Key::of(config, "routes"),
            ),
            Place::Route(route) => {
                self.route = config.routes.iter().find(|own| own.index == route.index);
                (
                    format!("routes[{}], path \"{}\"", route.index, route.label),
                    Key::of_route(config, route, "path"),
                )
            }
        };
        Line::new("place", found, vec![key])
    }

    fn of_cors(&self, cors: &Cors) -> Line {
        let found = match cors {
            Cors::Unmanaged => "the app says what pages of other origins may read",
            Cors::Closed => "no page of another origin may read the answer",
            Cors::Open(_) => "the origin is on the list",
        };
        Line::new("cors", found, self.of_origins())
    }

    fn of_own_site(&self, own_site: OwnSite) -> Line {
        let found = match own_site {
            OwnSite::NotChecked => "not checked here: the app does",
            OwnSite::Safe => "it changes nothing",
            OwnSite::Listed => "the origin is on the route's list",
            OwnSite::Checked(Allowed::SameOrigin) => "a page of the public origin made it",
            OwnSite::Checked(Allowed::NonBrowser) => "no browser made it",
        };
        Line::new("cross-site", found, self.of_own_route("csrf"))
    }

    /// The list of origins whose pages may read the answer: that of the route, or of the site where the gateway answers.
    pub(super) fn of_origins(&self) -> Vec<Key> {
        match self.route {
            Some(_) => self.of_own_route("cors_origins"),
            None => vec![Key::of_site(self.config(), self.site, "trusted_origins")],
        }
    }

    /// A key of the route.
    pub(super) fn of_own_route(&self, key: &str) -> Vec<Key> {
        let route = self.route.into_iter();
        route
            .map(|route| Key::of_route(self.config(), route, key))
            .collect()
    }
}

fn of_cookies(cookies: &Cookies<'_>) -> String {
    let own = match cookies.sid() {
        SidCookie::One(_) => "the session cookie",
        SidCookie::None => "no session cookie",
    };
    let others = cookies.foreign().count();
    match cookies.dropped() {
        0 => format!("{own}, {others} others"),
        dropped => format!("{own}, {others} others, {dropped} that no app will get"),
    }
}
