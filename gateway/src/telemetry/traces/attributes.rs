//! Facts as OTLP writes them. Names are those of OpenTelemetry's semantic conventions where there is one.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// Facts about one thing.
#[derive(Debug, Default)]
pub(crate) struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// Adds a text.
    pub(crate) fn text(mut self, name: &str, text: impl Into<String>) -> Self {
        self.push(name, Value::StringValue(text.into()));
        self
    }

    /// Adds a text, if there is one.
    pub(crate) fn maybe(self, name: &str, text: Option<impl Into<String>>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    /// Adds a number.
    pub(crate) fn number(mut self, name: &str, number: impl Into<i64>) -> Self {
        self.push(name, Value::IntValue(number.into()));
        self
    }

    fn push(&mut self, name: &str, value: Value) {
        self.0.push(KeyValue {
            key: name.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
    }

    /// All of them.
    pub(crate) fn into_vec(self) -> Vec<KeyValue> {
        self.0
    }
}
