//! One event as a line of JSON.
//!
//! Lines that libraries write through the `log` crate come with the file and the line of their source code, and the file is
//! a path of the machine that built the program. They get what our own lines have, and no more.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_log::NormalizeEvent as _;
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Writes events.
pub(super) struct LineFormat(Format<Json>);

impl LineFormat {
    pub(super) fn new() -> Self {
        let json = Format::default().json().flatten_event(true);
        Self(json.with_current_span(false).with_span_list(false))
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(library) = event.normalized_metadata() else {
            return self.0.format_event(context, writer, event);
        };
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut message = Message::default();
        event.record(&mut message);
        let line = Map::from_iter([
            ("timestamp".to_owned(), Value::from(time)),
            ("level".to_owned(), library.level().as_str().into()),
            ("message".to_owned(), message.0.into()),
            ("target".to_owned(), library.target().into()),
        ]);
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// The text of a line, without the fields around it.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }
}

#[cfg(test)]
mod tests;
