//! `[upstreams.NAME]` and `[backend]`: the apps behind the gateway, and which of them knows the users.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sidgate_policy::auth::event::EventKind;

use super::cookie::CookieName;
use super::duration::{hours, mins, ms, secs, within};
use super::host::HostPort;
use super::reader::Reader;
use super::suggest;

const MAX_NAME: usize = 32;

/// One app: where it runs and how long it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Name in the configuration, audience of its assertions, context of its signing key.
    pub name: String,
    /// Its servers; never empty.
    pub servers: Vec<HostPort>,
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
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        Self(
            root.named("upstreams", check_name, Upstream::read)
                .into_iter()
                .collect(),
        )
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
    fn read(upstream: &mut Reader<'_>, name: &str) -> Option<Arc<Self>> {
        upstream.require("servers");
        let servers = upstream.texts("servers", HostPort::parse);
        if servers.as_ref().is_some_and(Vec::is_empty) {
            let key = upstream.child("servers");
            upstream.document().contradiction(&[&key], "is empty");
        }
        let upstream = Self {
            name: name.to_owned(),
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
