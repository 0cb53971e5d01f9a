//! `[upstreams.NAME]` and `[backend]`: the apps behind the gateway, and which of them knows the users.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sidgate_policy::auth::event::EventKind;

use super::cookie::CookieName;
use super::duration::{days, hours, mins, ms, secs, within};
use super::reader::{Reader, Weighted};
use super::secret::Sources;
use super::suggest;

pub use self::health::{HealthConfig, PassiveConfig};
pub use self::retry::{RetryConfig, RetryOn};
pub use self::servers::{ServerAddress, UpstreamServer};
pub use self::way::{Balance, Http2Config, Protocol, UpstreamTls};

mod health;
mod retry;
mod servers;
mod way;

const MAX_NAME: usize = 32;
const MAX_WEIGHT: u16 = 100;

/// One app: where it runs and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Name in the configuration, audience of its assertions, context of its signing key.
    pub name: String,
    /// Its servers. Empty: an edge sends requests to it, and none goes through the gateway.
    pub servers: Vec<UpstreamServer>,
    /// What is spoken with it.
    pub protocol: Protocol,
    /// With HTTP/2: its connections.
    pub http2: Http2Config,
    /// Under TLS: whom to believe, and what to show.
    pub tls: UpstreamTls,
    /// Which server gets a request.
    pub balance: Balance,
    /// Requests under way at one server; 0: no limit.
    pub max_connections: usize,
    /// How long both sides of an upgraded connection may be silent.
    pub websocket_idle: Duration,
    /// The question by which its servers are found healthy; `None`: they are not asked.
    pub health: Option<HealthConfig>,
    /// What requests show of them.
    pub passive: PassiveConfig,
    /// What is tried again at another server.
    pub retry: RetryConfig,
    /// How long a connection may take to stand.
    pub connect_timeout: Duration,
    /// How long the app may be silent while it answers.
    pub read_timeout: Duration,
    /// How long it may take no bytes of a request.
    pub write_timeout: Duration,
    /// The cookie that shows this app whether a session is active; `None`: it is shown none.
    pub cookie_marker: Option<CookieName>,
    /// Whether redirects of the app to its own address lead to the public origin instead.
    pub rewrite_location: bool,
    /// How long an unused connection is kept; must be shorter than the app's own keep-alive.
    pub idle_timeout: Duration,
    /// Which events it may send; `None`: all if it is the app of `[backend]`, else `logout` and `rotate`.
    pub events: Option<Vec<EventKind>>,
}

/// `[backend]`: the app that authenticates users and recognises legacy cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendConfig {
    /// The app.
    pub upstream: Arc<Upstream>,
    /// How long one of its answers may take.
    pub timeout: Duration,
    /// Size of one of its answers.
    pub max_answer_bytes: usize,
}

/// The upstreams of a file by name, also those that are there but faulty.
pub(super) struct Upstreams(BTreeMap<String, Option<Arc<Upstream>>>);

impl Upstreams {
    /// `behind_edges`: whether an edge may have its requests, and so the servers.
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>, behind_edges: bool) -> Self {
        let read = root.named("upstreams", check_name, |upstream, name| {
            Upstream::read(upstream, (name, behind_edges), sources)
        });
        Self(read.into_iter().collect())
    }

    /// The upstream that a key refers to; `None` when its own table has the fault.
    pub(super) fn find(&self, name: &str) -> Result<Option<Arc<Upstream>>, String> {
        match self.0.get(name) {
            Some(upstream) => Ok(upstream.clone()),
            None if self.0.is_empty() => {
                Err(format!("names upstream {name:?}, and there are none"))
            }
            None => {
                let known: Vec<_> = self.0.keys().map(String::as_str).collect();
                let all = known.join(", ");
                Err(match suggest::nearest(name, &known) {
                    Some(meant) => {
                        format!("names upstream {name:?}; did you mean {meant:?}? There are: {all}")
                    }
                    None => format!("names upstream {name:?}; there are: {all}"),
                })
            }
        }
    }

    pub(super) fn into_all(self) -> Vec<Arc<Upstream>> {
        self.0.into_values().flatten().collect()
    }
}

impl Upstream {
    fn read(
        upstream: &mut Reader<'_>,
        (name, behind_edges): (&str, bool),
        sources: &Sources<'_>,
    ) -> Option<Arc<Self>> {
        let servers = match read_servers(upstream) {
            None if behind_edges && !upstream.has("servers") => Some(vec![]),
            servers => {
                upstream.demand("servers");
                servers
            }
        };
        let protocol = upstream.choice("protocol", &Protocol::WORDS);
        let balance = upstream.choice("balance", &Balance::WORDS);
        let (http2, http2_key) = Http2Config::read(upstream);
        if let (Some(key), false) = (http2_key, protocol == Some(Protocol::Http2)) {
            let message = "has a meaning only with protocol = \"h2\"";
            upstream.contradiction(&[key, "protocol"], message);
        }
        let tls = UpstreamTls::read(upstream, sources);
        let nameless = servers.iter().flatten();
        if let Some(why) = nameless
            .filter_map(|server| tls.unverifiable(server))
            .next()
        {
            upstream.contradiction(&["servers", "tls.server_name"], why);
        }
        if let (Some(servers), Some(key)) = (&servers, tls.some_key())
            && !servers.iter().any(|server| server.tls)
        {
            let message = format!("{key} has a meaning only for servers with \"https://\"");
            upstream.contradiction(&["tls", "servers"], message);
        }
        let upstream = Self {
            name: name.to_owned(),
            protocol: protocol.unwrap_or(Protocol::Http1),
            http2,
            tls,
            balance: balance.unwrap_or(Balance::RoundRobin),
            max_connections: upstream
                .number("max_connections", 0..=1_000_000)
                .unwrap_or(0),
            websocket_idle: upstream
                .text("websocket_idle", within(secs(1)..=days(1)))
                .unwrap_or(hours(1)),
            health: HealthConfig::read(upstream),
            passive: PassiveConfig::read(upstream),
            retry: RetryConfig::read(upstream),
            connect_timeout: upstream
                .text("connect_timeout", within(ms(1)..=mins(1)))
                .unwrap_or(secs(2)),
            read_timeout: upstream
                .text("read_timeout", within(ms(1)..=hours(24)))
                .unwrap_or(secs(60)),
            write_timeout: upstream
                .text("write_timeout", within(ms(1)..=hours(24)))
                .unwrap_or(secs(30)),
            idle_timeout: upstream
                .text("idle_timeout", within(ms(1)..=hours(1)))
                .unwrap_or(ms(1500)),
            cookie_marker: upstream.text("cookie_marker", marker).flatten(),
            rewrite_location: upstream.flag("rewrite_location").unwrap_or(true),
            events: upstream.texts("events", EventKind::parse),
            servers: servers?,
        };
        Some(Arc::new(upstream))
    }
}

fn read_servers(upstream: &mut Reader<'_>) -> Option<Vec<UpstreamServer>> {
    let keys = Weighted {
        text: "address",
        weight: "weight",
        range: 1..=MAX_WEIGHT,
    };
    let servers = upstream.weighted("servers", &keys, UpstreamServer::parse)?;
    if servers.is_empty() {
        upstream.contradiction(&["servers"], "is empty");
    }
    let weighed = servers.into_iter().map(|(server, weight)| match weight {
        Some(weight) => server.weighing(weight),
        None => server,
    });
    Some(weighed.collect())
}

impl BackendConfig {
    pub(super) fn read(root: &mut Reader<'_>, upstreams: &Upstreams) -> Option<Self> {
        root.section("backend", |backend| {
            backend.require("upstream");
            let upstream = backend
                .text("upstream", |name| upstreams.find(name))
                .flatten();
            let timeout = backend
                .text("timeout", within(ms(10)..=mins(1)))
                .unwrap_or(secs(3));
            let max_answer_bytes = backend
                .size("max_answer_bytes", 1_024..=1024 * 1024)
                .and_then(|bytes| usize::try_from(bytes).ok())
                .unwrap_or(64 * 1024);
            Some(Self {
                upstream: upstream?,
                timeout,
                max_answer_bytes,
            })
        })
    }
}

/// The empty text is no marker, so that a file can say so.
fn marker(text: &str) -> Result<Option<CookieName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let name = CookieName::parse(text)?;
    if name.demands_secure() {
        return Err(format!(
            "the prefix of {text:?} promises what browsers check, and no browser sets this cookie"
        ));
    }
    Ok(Some(name))
}

fn check_name(name: &str) -> Result<(), String> {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-'
    };
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(is_plain) {
        Ok(())
    } else {
        Err(format!(
            "an upstream's name is 1 to {MAX_NAME} of a-z, 0-9, \"_\" and \"-\""
        ))
    }
}
