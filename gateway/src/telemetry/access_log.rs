//! One line per request: who, what came of it, how long it took. No query, no cookie, no header value.
//!
//! The line looks like every other line of the log and stands among them. It is written for each request, so it is not put
//! together by the machinery of the others: that took more time than the decision about the request.

use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracing::{Level, enabled};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::outcome::Outcome;
use super::queue::{Haste, Queue};

/// What `RUST_LOG` calls these lines.
const TARGET: &str = "sidgate::access";

thread_local! {
    /// Where a thread puts its lines together.
    static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where the lines go.
#[derive(Debug)]
pub(crate) struct AccessLog {
    queue: Arc<Queue>,
    /// Whether `RUST_LOG` asks for them. It is read once, at the start.
    is_asked_for: bool,
}

impl AccessLog {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            is_asked_for: enabled!(target: TARGET, Level::INFO),
        }
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
            self.queue.append(bytes, Haste::Soon);
        });
    }
}

/// What a line says.
#[derive(Debug)]
pub(crate) struct AccessLine<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// Method; empty when the request was cut off before it was read.
    pub method: &'a str,
    /// Path without query and secrets; likewise.
    pub path: &'a str,
    /// Host of a refused request, as the client has named it.
    pub host: Option<&'a str>,
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
    /// Time from the first look at the request to the end of the answer.
    pub duration: Duration,
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

impl Serialize for AccessLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut timestamp = String::new();
        // Writing to a string does not fail.
        let _written = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let micros = u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX);
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("timestamp", &timestamp)?;
        line.serialize_entry("level", "INFO")?;
        line.serialize_entry("message", "request")?;
        line.serialize_entry("request_id", self.request_id)?;
        line.serialize_entry("method", self.method)?;
        line.serialize_entry("path", self.path)?;
        entry(&mut line, "host", self.host)?;
        line.serialize_entry("route", self.route)?;
        line.serialize_entry("outcome", self.outcome.into_str())?;
        line.serialize_entry("status", &self.status)?;
        entry(&mut line, "reason", self.reason)?;
        entry(&mut line, "field", self.field)?;
        entry(&mut line, "session", self.session)?;
        line.serialize_entry("tier", self.tier)?;
        entry(&mut line, "client", self.client)?;
        line.serialize_entry("duration_us", &micros)?;
        line.serialize_entry("target", TARGET)?;
        line.end()
    }
}

#[cfg(test)]
mod tests;
