//! `[compression]`: answers of apps that the gateway makes smaller on their way.

use super::reader::Reader;

/// Compression. Off without an algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompressionConfig {
    /// What is spoken, best first.
    pub algorithms: Vec<Coding>,
    /// Smaller answers stay as they are.
    pub min_bytes: u64,
    /// Media types that are worth it, in small letters.
    pub types: Vec<String>,
    /// Answers that are compressed at once; further ones stay as they are.
    pub max_concurrent: usize,
}

/// A content coding.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::VariantArray, strum::EnumString,
)]
pub enum Coding {
    /// Zstandard (RFC 8878).
    #[strum(serialize = "zstd")]
    Zstd,
    /// Brotli (RFC 7932).
    #[strum(serialize = "br")]
    Brotli,
    /// RFC 1952.
    #[strum(serialize = "gzip")]
    Gzip,
}

/// Whether the answers of a route are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compress {
    /// Those that hold nothing secret.
    Auto,
    /// None.
    Off,
    /// Also those that may hold secrets.
    Always,
}

impl CompressionConfig {
    pub(super) fn read(root: &mut Reader<'_>) -> Self {
        root.section("compression", |section| Self {
            algorithms: section.texts("algorithms", coding).unwrap_or_default(),
            min_bytes: section
                .size("min_bytes", 1..=16 * 1024 * 1024)
                .unwrap_or(1_024),
            types: section
                .texts("types", media_type)
                .unwrap_or_else(|| USUAL_TYPES.map(str::to_owned).into()),
            max_concurrent: section.number("max_concurrent", 1..=100_000).unwrap_or(256),
        })
    }
}

const USUAL_TYPES: [&str; 11] = [
    "text/html",
    "text/css",
    "text/plain",
    "text/javascript",
    "text/xml",
    "application/javascript",
    "application/json",
    "application/manifest+json",
    "application/wasm",
    "application/xml",
    "image/svg+xml",
];

fn coding(text: &str) -> Result<Coding, String> {
    text.parse()
        .map_err(|_error| format!("{text:?} is not one of \"zstd\", \"br\", \"gzip\""))
}

fn media_type(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let is_name = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let is_type = lower
        .split_once('/')
        .is_some_and(|(kind, rest)| is_name(kind) && is_name(rest));
    if !is_type {
        return Err(format!(
            "{text:?} is not a media type such as \"text/html\""
        ));
    }
    if lower == "text/event-stream" || lower.starts_with("application/grpc") {
        return Err(format!(
            "{text:?} is a stream of messages, each of which has to arrive at once: it is never compressed"
        ));
    }
    Ok(lower)
}
