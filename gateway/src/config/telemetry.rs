//! `[telemetry]`: which requests are traced, and where their spans go.

use std::path::PathBuf;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Uri};
use session_core::secret::SecretString;

use super::duration::{ms, secs, within};
use super::ratio::Ratio;
use super::reader::Reader;
use super::secret::Sources;

/// The port that receivers of OTLP over gRPC listen at.
const GRPC_PORT: u16 = 4317;
/// Where receivers of OTLP over HTTP take spans, below their URL.
const TRACES: &str = "/v1/traces";
/// Longest name of a service, in bytes.
const NAME_MAX: usize = 128;
/// Fields that describe the message itself.
const OF_THE_MESSAGE: [&str; 7] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
];

/// Tracing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetryConfig {
    /// The receiver of spans; `None`: nothing is traced.
    pub otlp: Option<OtlpConfig>,
    /// Whose spans they are.
    pub service_name: String,
    /// The share of the requests that is traced, where nobody before us has decided.
    pub sample: Ratio,
    /// Whose `traceparent` counts.
    pub trust_traceparent: TraceparentFrom,
    /// What comes with every message.
    pub headers: Vec<(HeaderName, SecretString)>,
    /// How it speaks.
    pub protocol: OtlpProtocol,
    /// Certificate authorities beside the system's.
    pub ca: Option<PathBuf>,
    /// Longest attempt to deliver spans.
    pub timeout: Duration,
    /// Spans that may wait.
    pub queue: usize,
}

/// The receiver of spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpConfig {
    /// Where messages go.
    pub url: SecretString,
    /// Whether they go there by gRPC, by what URL and [`TelemetryConfig::protocol`] say.
    pub is_grpc: bool,
}

/// How a receiver speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// gRPC at port 4317, else HTTP.
    Auto,
    /// Protobuf over HTTP/1.1.
    Http,
    /// gRPC.
    Grpc,
}

/// Whose `traceparent` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceparentFrom {
    /// Nobody's: traces begin here.
    Nobody,
    /// A trusted proxy's.
    TrustedProxies,
}

impl TelemetryConfig {
    pub(super) fn read(root: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        root.section("telemetry", |section| {
            let url = section.reference("otlp", |text| url(text, sources));
            let protocol = section.choice(
                "protocol",
                &[
                    ("auto", OtlpProtocol::Auto),
                    ("http", OtlpProtocol::Http),
                    ("grpc", OtlpProtocol::Grpc),
                ],
            );
            let protocol = protocol.unwrap_or(OtlpProtocol::Auto);
            let ca = section.text("ca", |text| sources.optional_path(text));
            Self {
                otlp: url.flatten().map(|url| OtlpConfig::new(&url, protocol)),
                protocol,
                service_name: section
                    .text("service_name", service_name)
                    .unwrap_or_else(|| "sidgate".to_owned()),
                sample: section.ratio("sample").unwrap_or(Ratio::HUNDREDTH),
                trust_traceparent: section
                    .choice(
                        "trust_traceparent",
                        &[
                            ("nobody", TraceparentFrom::Nobody),
                            ("trusted_proxies", TraceparentFrom::TrustedProxies),
                        ],
                    )
                    .unwrap_or(TraceparentFrom::Nobody),
                headers: section.secrets("headers", |name, text| header(name, text, sources)),
                ca: ca.flatten(),
                timeout: section
                    .text("timeout", within(ms(100)..=secs(60)))
                    .unwrap_or(secs(5)),
                queue: section.number("queue", 64..=1_000_000).unwrap_or(4_096),
            }
        })
    }
}

impl OtlpConfig {
    /// The receiver at a URL that was read.
    fn new(url: &SecretString, protocol: OtlpProtocol) -> Self {
        let port = url
            .expose()
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.port_u16());
        let is_grpc = match protocol {
            OtlpProtocol::Auto => port == Some(GRPC_PORT),
            OtlpProtocol::Http => false,
            OtlpProtocol::Grpc => true,
        };
        let base = url.expose().trim_end_matches('/');
        let url = if is_grpc || base.ends_with(TRACES) {
            base.to_owned()
        } else {
            format!("{base}{TRACES}")
        };
        Self {
            url: SecretString::new(url),
            is_grpc,
        }
    }
}

/// The URL of a receiver; empty for none.
fn url(text: &str, sources: &Sources<'_>) -> Result<Option<SecretString>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let url = sources.url(text)?;
    let uri: Option<Uri> = url.expose().parse().ok();
    let uri = uri.filter(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https"))
            && uri.host().is_some_and(|host| !host.is_empty())
    });
    let Some(uri) = uri else {
        return Err("is not a URL that begins with http:// or https://".to_owned());
    };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(
            "has a user in it: what the receiver wants to know stands in [telemetry.headers]"
                .to_owned(),
        );
    }
    match uri.path_and_query().and_then(PathAndQuery::query) {
        None => Ok(Some(url)),
        Some(_) => Err("has a query, which no receiver of OTLP reads".to_owned()),
    }
}

fn service_name(text: &str) -> Result<String, String> {
    let is_good = (1..=NAME_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(format!("must be a text of 1 to {NAME_MAX} bytes"))
    }
}

fn header(
    name: &str,
    text: &str,
    sources: &Sources<'_>,
) -> Result<(HeaderName, SecretString), String> {
    let name: HeaderName = name
        .parse()
        .map_err(|_error| format!("{name:?} is not the name of a header field"))?;
    if OF_THE_MESSAGE.contains(&name.as_str()) {
        return Err("describes the message itself, and is written by the gateway".to_owned());
    }
    let value = sources.secret(text)?.found()?;
    match HeaderValue::from_str(value.expose()) {
        Ok(_) => Ok((name, value)),
        Err(_) => Err("stands for what cannot be the value of a header field".to_owned()),
    }
}
