//! A receiver of spans, and a real collector (Rotel) that may stand before it.
//!
//! The receiver keeps every byte that it is sent, and reads it with the messages that OpenTelemetry publishes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use flate2::read::GzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message as _;
use tempfile::TempDir;

use super::gateway::is_open;
use super::places::repository;
use super::port::free_port;
use super::process::{Process, guarded};
use super::upstream::{Received, RecordingUpstream, Reply};
use super::wait::{LONG, until, until_true};

/// A span as it was received.
#[derive(Clone, Debug)]
pub struct Span {
    pub trace_id: String,
    pub id: String,
    /// Empty: it has no parent.
    pub parent: String,
    pub name: String,
    /// `SPAN_KIND_SERVER` and the like.
    pub kind: &'static str,
    pub attributes: BTreeMap<String, String>,
    pub events: Vec<BTreeMap<String, String>>,
    pub is_error: bool,
    pub start: u64,
    pub end: u64,
    /// Of the service.
    pub resource: BTreeMap<String, String>,
}

impl Span {
    /// The value of an attribute.
    #[track_caller]
    pub fn get(&self, name: &str) -> &str {
        let value = self.attributes.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {self:#?}"))
    }
}

/// A receiver of OTLP over HTTP.
pub struct SpanReceiver {
    server: RecordingUpstream,
}

impl SpanReceiver {
    /// One that takes everything.
    pub fn start() -> Self {
        Self::answering(|_| Reply::new(200, &[("Content-Type", "application/x-protobuf")], ""))
    }

    /// One that answers like that.
    pub fn answering(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            server: RecordingUpstream::start(answer),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Messages as they came.
    pub fn messages(&self) -> Vec<Received> {
        self.server.received()
    }

    /// All spans so far.
    pub fn spans(&self) -> Vec<Span> {
        self.messages()
            .iter()
            .flat_map(|it| spans_in(&it.body))
            .collect()
    }

    /// Waits for the span of a request with this name, and gives all spans of its trace, that one first.
    pub fn trace_of(&self, name: &str) -> Vec<Span> {
        self.trace_where(name, |root| root.name == name)
    }

    /// The same, of the request whose span has this attribute.
    pub fn trace_with(&self, name: &str, value: &str) -> Vec<Span> {
        let has_it = |root: &Span| root.attributes.get(name).is_some_and(|it| it == value);
        self.trace_where(value, has_it)
    }

    fn trace_where(&self, what: &str, is_wanted: impl Fn(&Span) -> bool) -> Vec<Span> {
        until(&format!("the span of {what:?}"), LONG, || {
            let all = self.spans();
            let mut roots = all.iter().filter(|span| span.kind == "SPAN_KIND_SERVER");
            let root = roots.find(|root| is_wanted(root))?;
            let of_trace = |span: &&Span| span.trace_id == root.trace_id && span.id != root.id;
            let others = all.iter().filter(of_trace).cloned();
            Some(std::iter::once(root.clone()).chain(others).collect())
        })
    }
}

/// A message as it was before a collector has compressed it.
fn plain(message: &[u8]) -> Cow<'_, [u8]> {
    if !message.starts_with(&[0x1f, 0x8b]) {
        return Cow::Borrowed(message);
    }
    let mut plain = Vec::new();
    GzDecoder::new(message)
        .read_to_end(&mut plain)
        .expect("gzip");
    Cow::Owned(plain)
}

/// The spans of a message.
pub fn spans_in(message: &[u8]) -> Vec<Span> {
    let message = ExportTraceServiceRequest::decode(&*plain(message)).expect("a message of OTLP");
    let mut spans = Vec::new();
    for of_resource in message.resource_spans {
        let resource = of_resource.resource.unwrap_or_default();
        let resource = facts(&resource.attributes);
        for of_scope in of_resource.scope_spans {
            let read = |span| read(span, &resource);
            spans.extend(of_scope.spans.into_iter().map(read));
        }
    }
    spans
}

fn read(span: otlp::Span, resource: &BTreeMap<String, String>) -> Span {
    Span {
        kind: span.kind().as_str_name(),
        trace_id: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        attributes: facts(&span.attributes),
        events: span.events.iter().map(|it| facts(&it.attributes)).collect(),
        is_error: span.status.is_some_and(|status| status.code == 2),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        name: span.name,
        resource: resource.clone(),
    }
}

fn facts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Option<AnyValue>| match value.as_ref().and_then(|it| it.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let each = attributes
        .iter()
        .map(|it| (it.key.clone(), text(&it.value)));
    each.collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rotel, an OpenTelemetry collector, which sends on what it is sent.
pub struct Collector {
    process: Process,
    grpc: u16,
    http: u16,
    _folder: TempDir,
}

impl Collector {
    /// In front of `receiver`.
    pub fn start(receiver: &SpanReceiver) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (grpc, http) = (free_port(), free_port());
        let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
        let mut command = guarded(&program());
        command
            .args([
                "start",
                "--exporter",
                "otlp",
                "--otlp-exporter-protocol",
                "http",
            ])
            .args(["--batch-timeout", "50ms"])
            .args(["--otlp-grpc-endpoint", &local(grpc)])
            .args(["--otlp-http-endpoint", &local(http)])
            .arg("--otlp-exporter-endpoint")
            .arg(format!("http://{}", receiver.address()))
            .arg("--pid-file")
            .arg(folder.path().join("pid"))
            .arg("--log-file")
            .arg(folder.path().join("log"));
        let process = Process::start("rotel", &mut command, folder.path());
        until_true("the collector", LONG, || is_open(grpc) && is_open(http));
        Self {
            process,
            grpc,
            http,
            _folder: folder,
        }
    }

    /// Where it takes spans by gRPC.
    pub fn grpc(&self) -> String {
        format!("http://127.0.0.1:{}", self.grpc)
    }

    /// Where it takes them by HTTP.
    pub fn http(&self) -> String {
        format!("http://127.0.0.1:{}", self.http)
    }

    /// What it has written.
    pub fn output(&self) -> String {
        self.process.output()
    }
}

fn program() -> PathBuf {
    let program = repository().join(".venv/collector/rotel/rotel-agent");
    assert!(program.exists(), "scripts/bootstrap installs {program:?}");
    program
}
