//! A request, as everything about it is decided.

use http::{HeaderMap, Version};

/// A request as it came, and how.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    /// As parsed from the request line; HTTP/2 for h2 and h2c.
    pub version: Version,
    /// As received, in its own letter case.
    pub method: &'r str,
    /// The request target exactly as it would be sent upstream.
    pub target: &'r [u8],
    /// HTTP/2 `:authority`, when there is one.
    pub authority: Option<&'r str>,
    /// The fields as parsed, none added or removed since.
    pub headers: &'r HeaderMap,
    /// HTTP/1: the head as received.
    pub raw_head: Option<&'r [u8]>,
    /// Whether the connection is encrypted.
    pub over_tls: bool,
}
