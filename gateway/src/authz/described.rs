//! A request that an edge describes, as it would have come here.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, SEC_WEBSOCKET_KEY, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use pingora_http::RequestHeader;
use sidgate_policy::edge::Refused;
use sidgate_policy::edge::client_ip::{self, Peer};
use sidgate_policy::edge::scheme::Scheme;

use crate::decision::{Request, Sender};
use crate::state::ActiveConfig;

/// Who sent the request to the edge, as far as the question tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum SentBy {
    /// Whoever the fields of proxies say: the edge has written its part.
    Fields,
    /// This peer of the edge.
    Peer(Peer),
}

/// What of a question concerns the connection that it comes by.
const OF_THE_QUESTION: [HeaderName; 9] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];
/// What the edge says of the scheme.
pub(super) const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A request that went to an edge.
pub(super) struct Described {
    head: RequestHeader,
    /// The head as it would be written.
    written: Vec<u8>,
    scheme: Scheme,
    sender: SentBy,
}

/// What a question says about a request.
pub(super) struct Said<'q> {
    /// Method.
    pub method: &'q [u8],
    /// Path and query.
    pub target: &'q [u8],
    /// Host.
    pub host: &'q HeaderValue,
    /// What the client's connection to the edge is.
    pub scheme: Scheme,
    /// Who sent it.
    pub sender: SentBy,
    /// Its fields, and perhaps some of the question.
    pub headers: HeaderMap,
}

impl Described {
    /// The request that was described.
    ///
    /// # Errors
    /// When its method or its target could be none.
    pub(super) fn new(said: Said<'_>) -> Result<Self, Refused> {
        let mut fields = said.headers;
        // What a client asks of the edge to switch to is told by the field that goes with it end to end.
        let is_handshake = fields.contains_key(SEC_WEBSOCKET_KEY)
            || fields
                .get(UPGRADE)
                .is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
        for name in &OF_THE_QUESTION {
            fields.remove(name);
        }
        if is_handshake {
            fields.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            fields.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        fields.insert(HOST, said.host.clone());
        fields.insert(
            FORWARDED_PROTO,
            HeaderValue::from_static(match said.scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            }),
        );
        let written = written(said.method, said.target, &fields);
        let size = Some(fields.len());
        let method = http::Method::from_bytes(said.method).map_err(|_invalid| Refused::Method)?;
        let mut head = RequestHeader::build_no_case(method, said.target, size)
            .map_err(|_invalid| Refused::TargetForm)?;
        head.set_version(Version::HTTP_11);
        for (name, value) in &fields {
            // Names and values were taken from a message.
            drop(head.append_header(name, value));
        }
        Ok(Self {
            head,
            written,
            scheme: said.scheme,
            sender: said.sender,
        })
    }

    /// Its head.
    pub(super) fn head(&self) -> &RequestHeader {
        &self.head
    }

    /// As it is decided about.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            version: self.head.version,
            method: self.head.method.as_str(),
            target: self.head.raw_path(),
            authority: None,
            headers: &self.head.headers,
            raw_head: Some(&self.written),
            over_tls: self.scheme == Scheme::Https,
        }
    }

    /// Who sent it. The edge is believed about the hop before it, and nobody else than `server.trusted_proxies` about those before
    /// that one.
    pub(super) fn sender(&self, settings: &ActiveConfig) -> Sender {
        let trusted = &settings.config.server.trusted_proxies;
        let headers = &self.head.headers;
        let client = match self.sender {
            SentBy::Fields => client_ip::behind(None, headers, trusted),
            SentBy::Peer(peer) => client_ip::client_ip(peer, headers, trusted),
        };
        Sender {
            client,
            is_trusted_proxy: true,
        }
    }
}

/// A head as it would be sent over HTTP/1.1.
fn written(method: &[u8], target: &[u8], fields: &HeaderMap) -> Vec<u8> {
    let mut head = Vec::with_capacity(1_024);
    head.extend_from_slice(method);
    head.push(b' ');
    head.extend_from_slice(target);
    head.extend_from_slice(b" HTTP/1.1\r\n");
    for (name, value) in fields {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
