//! The receiver of spans: does it take a message? One without spans, which leaves no trace behind.

use super::finding::{Finding, Question, Topic};
use crate::config::Config;
use crate::otlp::Tracing;

/// `None` without a receiver.
pub(super) async fn examine(config: &Config) -> Option<Finding> {
    let otlp = config.telemetry.otlp.as_ref()?;
    let (form, key) = if otlp.is_grpc {
        ("gRPC", "http")
    } else {
        ("HTTP", "grpc")
    };
    let question = Question::new(Topic::Telemetry, "telemetry", "a message without spans");
    let remedy = format!(
        "mend telemetry.otlp, [telemetry.headers] or telemetry.ca, start the receiver, or say protocol = \"{key}\" if that is what it speaks"
    );
    let tracing = match Tracing::open(config) {
        Ok(tracing) => tracing?,
        Err(why) => return Some(question.fail(why.to_string(), &remedy)),
    };
    Some(match tracing.receiver.send(Vec::new()).await {
        Ok(_) => question.ok(format!("takes it by {form}")),
        Err(why) => question.fail(format!("{why} (by {form})"), &remedy),
    })
}
