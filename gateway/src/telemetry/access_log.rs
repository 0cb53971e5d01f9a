//! One line per request: who, what came of it, how long it took. No query, no cookie, and no value of a header but of those
//! that the configuration names.
//!
//! The line looks like every other line of the log and stands among them. It is written for each request, so it is not put
//! together by the machinery of the others: that took more time than the decision about the request.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::ser::{Serialize, SerializeMap, Serializer};
use sidgate_policy::edge::shown;
use tracing::{Level, enabled};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::audit_file::Opened;
use super::outcome::Outcome;
use super::queue::{Haste, Queue};
use super::traces::ids::TraceId;
use crate::config::{AccessField, AccessFields};

/// What `RUST_LOG` calls these lines.
const TARGET: &str = "sidgate::access";

thread_local! {
    /// Where a thread puts its lines together.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where the lines go.
#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    log: Arc<Queue>,
    /// Of the lines that have a file for themselves.
    own: Arc<Queue>,
    file: Arc<Opened>,
    /// Whether `RUST_LOG` asks for them. It is read once, at the start.
    is_asked_for: bool,
}

impl AccessLog {
    pub(super) fn new(log: Arc<Queue>, own: Arc<Queue>, file: Arc<Opened>) -> Self {
        Self {
            log,
            own,
            file,
            is_asked_for: enabled!(target: TARGET, Level::INFO),
        }
    }

    /// Appends the lines to this file from now on; `None`: they go to the log. A new file is readable by its owner alone.
    /// Calling it again opens the path afresh.
    ///
    /// # Errors
    /// When the file cannot be opened. Lines then go where they went before.
    pub(crate) fn write_to(&self, path: Option<&Path>) -> io::Result<()> {
        self.file.take(path, true)
    }

    /// Opens the path of the file in use afresh.
    ///
    /// # Errors
    /// Those of [`Self::write_to`].
    pub(crate) fn reopen(&self) -> io::Result<()> {
        self.file.again()
    }

    /// Whether a line would be written.
    pub(crate) const fn is_asked_for(&self) -> bool {
        self.is_asked_for
    }

    /// Writes a line.
    pub(crate) fn write(&self, line: &AccessLine<'_>) {
        if !self.is_asked_for {
            return;
        }
        LINE.with_borrow_mut(|bytes| {
            bytes.clear();
            line.append_to(bytes);
            let queue = if self.file.is_there() {
                &self.own
            } else {
                &self.log
            };
            queue.append(bytes, Haste::Soon);
        });
    }
}

/// What a line says, as far as the configuration asks for it.
#[derive(Debug)]
pub(crate) struct AccessLine<'a> {
    /// What is asked for.
    pub fields: AccessFields,
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// The trace that the request belongs to.
    pub trace_id: Option<TraceId>,
    /// Method; empty when the request was cut off before it was read.
    pub method: &'a str,
    /// Path without query and secrets; likewise.
    pub path: &'a str,
    /// Host, as the client has named it.
    pub host: Option<&'a str>,
    /// The site, where sites have names.
    pub site: Option<&'a str>,
    /// Version of HTTP.
    pub protocol: Option<&'a str>,
    /// Which edge asks about it.
    pub via: Option<&'static str>,
    /// Version of TLS.
    pub tls: Option<&'a str>,
    /// Route prefix, or the name of the part of the gateway that answered.
    pub route: &'a str,
    /// What came of it.
    pub outcome: Outcome,
    /// Status code; 0 when the client went away before one was sent.
    pub status: u16,
    /// Why it was refused.
    pub reason: Option<&'a str>,
    /// Name of the header or cookie because of which.
    pub field: Option<&'a str>,
    /// Handle of the session, if there was one.
    pub session: Option<&'a str>,
    /// Tier that answered for the session.
    pub tier: &'a str,
    /// Client address.
    pub client: Option<IpAddr>,
    /// What the client says that it is.
    pub user_agent: Option<&'a str>,
    /// The app.
    pub upstream: Option<&'a str>,
    /// The server of the app that was asked last.
    pub server: Option<&'a str>,
    /// Time from the request to that server to the head of its answer.
    pub first_byte: Option<Duration>,
    /// Bytes of the request's body.
    pub received: Option<u64>,
    /// Bytes of the answer's body.
    pub bytes: Option<u64>,
    /// Time from the first look at the request to the end of the answer.
    pub duration: Duration,
    /// Header fields of the request.
    pub headers: Option<Headers<'a>>,
}

/// Header fields that a line repeats.
#[derive(Clone, Copy)]
pub(crate) struct Headers<'a> {
    /// Which.
    pub names: &'a [HeaderName],
    /// Of which request.
    pub of: &'a HeaderMap,
    /// Recognises a session id.
    pub is_sid: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.fmt(f)
    }
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        for name in self.names {
            let value = self.of.get(name).map(HeaderValue::as_bytes);
            let value = value.map(|value| shown::text(value, self.is_sid));
            entry(&mut fields, name.as_str(), value)?;
        }
        fields.end()
    }
}

impl AccessLine<'_> {
    /// Appends it, with its newline.
    pub(crate) fn append_to(&self, bytes: &mut Vec<u8>) {
        // Writing to memory does not fail.
        let _written = serde_json::to_writer(&mut *bytes, self);
        bytes.push(b'\n');
    }
}

/// What does not apply is left out.
fn entry<M: SerializeMap>(
    line: &mut M,
    name: &str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    value.map_or(Ok(()), |value| line.serialize_entry(name, &value))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl AccessLine<'_> {
    /// Writes one thing, if it is asked for and applies.
    fn say<M: SerializeMap>(
        &self,
        line: &mut M,
        field: AccessField,
        value: Option<impl Serialize>,
    ) -> Result<(), M::Error> {
        if self.fields.has(field) {
            entry(line, field.into(), value)
        } else {
            Ok(())
        }
    }
}

impl Serialize for AccessLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use AccessField as F;

        let mut timestamp = String::new();
        // Writing to a string does not fail.
        let _written = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &timestamp)?;
        line.serialize_entry("level", "INFO")?;
        line.serialize_entry("message", "request")?;
        self.say(&mut line, F::RequestId, Some(self.request_id))?;
        let trace_id = self.trace_id.as_ref().map(TraceId::as_str);
        self.say(&mut line, F::TraceId, trace_id)?;
        self.say(&mut line, F::Method, Some(self.method))?;
        self.say(&mut line, F::Path, Some(self.path))?;
        self.say(&mut line, F::Host, self.host)?;
        self.say(&mut line, F::Site, self.site)?;
        self.say(&mut line, F::Protocol, self.protocol)?;
        self.say(&mut line, F::Via, self.via)?;
        self.say(&mut line, F::Tls, self.tls)?;
        self.say(&mut line, F::Route, Some(self.route))?;
        self.say(&mut line, F::Outcome, Some(self.outcome.into_str()))?;
        self.say(&mut line, F::Status, Some(self.status))?;
        self.say(&mut line, F::Reason, self.reason)?;
        self.say(&mut line, F::Field, self.field)?;
        self.say(&mut line, F::Session, self.session)?;
        self.say(&mut line, F::Tier, Some(self.tier))?;
        self.say(&mut line, F::Client, self.client)?;
        self.say(&mut line, F::UserAgent, self.user_agent)?;
        self.say(&mut line, F::Upstream, self.upstream)?;
        self.say(&mut line, F::Server, self.server)?;
        self.say(&mut line, F::FirstByteUs, self.first_byte.map(micros))?;
        self.say(&mut line, F::Received, self.received)?;
        self.say(&mut line, F::Bytes, self.bytes)?;
        self.say(&mut line, F::DurationUs, Some(micros(self.duration)))?;
        entry(&mut line, "headers", self.headers)?;
        line.serialize_entry("target", TARGET)?;
        line.end()
    }
}

#[cfg(test)]
mod tests;
