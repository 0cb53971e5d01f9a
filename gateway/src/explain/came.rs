//! What does the gateway read when a request comes? A head is read by the very parser that reads it from a connection.

use std::io::Cursor;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING};
use http::{Version, uri::Authority};
use pingora_core::ErrorType;
use pingora_core::protocols::http::v1::server::HttpSession;
use session_core::secret::SecretString;
use sidgate_policy::edge::Refused;
use sidgate_policy::edge::chunks::Chunks;
use sidgate_policy::edge::unread::{START, Unread};

use super::question::{Described, InvalidQuestion, Parts, Question, http2_target};
use crate::config::Config;
use crate::decision::Request;

/// Fields that belong to a connection. The HTTP/2 library ends a stream that carries one.
const CONNECTION_FIELDS: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// A request as the gateway reads it.
pub(crate) struct Came {
    pub(super) peer: IpAddr,
    over_tls: bool,
    version: Version,
    pub(super) method: String,
    pub(super) target: Vec<u8>,
    authority: Option<String>,
    pub(super) headers: HeaderMap,
    raw_head: Option<Bytes>,
    /// What has come behind the head.
    ahead: Vec<u8>,
}

/// Why there is nothing to decide about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    /// The question cannot be asked.
    Invalid(InvalidQuestion),
    /// The library below the gateway cannot read the head; this came instead of one.
    Unread(Unread),
    /// The HTTP/2 library ends the stream without an answer.
    Http2,
    /// The head does not end.
    Incomplete,
}

impl From<InvalidQuestion> for NotRead {
    fn from(why: InvalidQuestion) -> Self {
        Self::Invalid(why)
    }
}

impl Came {
    /// Reads the request of `question`, as it comes to a gateway with this configuration.
    ///
    /// # Errors
    /// When it cannot be asked, or is no HTTP.
    pub(crate) async fn read(question: &Question, config: &Config) -> Result<Self, NotRead> {
        let over_tls = question.over_tls(config);
        let came = match &question.described {
            Described::Head(bytes) => over_http1(bytes.clone()).await?,
            Described::Parts {
                method,
                url,
                headers,
                http2,
                sid,
            } => {
                let public = config.sites.first().origin.authority();
                let url = Parts::of(url, &public)?;
                let mut fields: Vec<(&str, &str)> =
                    headers.iter().map(|(n, v)| (&**n, &**v)).collect();
                let sid = sid.as_ref().map(|sid| cookie(config, url.authority, sid));
                if let Some(sid) = &sid {
                    fields.push((COOKIE.as_str(), sid.expose()));
                }
                if *http2 {
                    over_http2(method, &url, &fields)?
                } else {
                    over_http1(head(method, &url, &fields)?).await?
                }
            }
        };
        Ok(Self {
            peer: question.peer,
            over_tls,
            ..came
        })
    }

    /// The request as it is decided about.
    pub(super) fn request(&self) -> Request<'_> {
        Request {
            version: self.version,
            method: &self.method,
            target: &self.target,
            authority: self.authority.as_deref(),
            headers: &self.headers,
            raw_head: self.raw_head.as_deref(),
            over_tls: self.over_tls,
        }
    }

    /// Whether the body comes in chunks.
    pub(super) fn is_chunked(&self) -> bool {
        self.raw_head.is_some() && self.headers.contains_key(TRANSFER_ENCODING)
    }

    /// Whether what has come of the body is well formed.
    pub(super) fn body(&self) -> Result<(), Refused> {
        if self.is_chunked() {
            Chunks::default().take(&self.ahead)
        } else {
            Ok(())
        }
    }
}

/// The session cookie of the site that serves `host`, or of the first one where none does.
fn cookie(config: &Config, host: &str, sid: &SecretString) -> SecretString {
    let (_, site) = config.sites.at(host);
    let name = site.cookie.name.as_str();
    SecretString::new(format!("{name}={}", sid.expose()))
}

/// The head of these parts. A Host among the fields takes the place of the URL's.
fn head(method: &str, url: &Parts<'_>, fields: &[(&str, &str)]) -> Result<Vec<u8>, NotRead> {
    let named = fields
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case(HOST.as_str()));
    let host = (HOST.as_str(), url.authority);
    let host = (!named).then_some(&host).into_iter();
    let fields = host.chain(fields);
    let mut head = format!("{method} {} HTTP/1.1", url.target);
    let mut texts = vec![method, &*url.target];
    for (name, value) in fields {
        texts.extend([name, value]);
        head.push_str(&format!("\r\n{name}: {value}"));
    }
    if texts.iter().any(|text| text.contains(['\r', '\n', '\0'])) {
        return Err(InvalidQuestion::LineEnd.into());
    }
    head.push_str("\r\n\r\n");
    Ok(head.into_bytes())
}

async fn over_http1(bytes: Vec<u8>) -> Result<Came, NotRead> {
    let mut session = HttpSession::new(Box::new(Cursor::new(bytes.clone())));
    match session.read_request().await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(NotRead::Incomplete),
        Err(error) if *error.etype() == ErrorType::InvalidHTTPHeader => {
            let start = bytes.get(..START).unwrap_or(&bytes);
            return Err(NotRead::Unread(Unread::of(start, bytes.len())));
        }
        Err(_end_of_input) => return Err(NotRead::Incomplete),
    }
    let head = session.req_header();
    let raw_head = session.get_headers_raw_bytes();
    Ok(Came {
        version: head.version,
        method: head.method.as_str().to_owned(),
        target: head.raw_path().to_vec(),
        authority: head.uri.authority().map(Authority::to_string),
        headers: head.headers.clone(),
        ahead: bytes.get(raw_head.len()..).unwrap_or_default().to_vec(),
        raw_head: Some(raw_head),
        ..nothing()
    })
}

fn over_http2(method: &str, url: &Parts<'_>, fields: &[(&str, &str)]) -> Result<Came, NotRead> {
    // What cannot be made here ends the stream there.
    let refused = NotRead::Http2;
    let method = http::Method::from_bytes(method.as_bytes()).map_err(|_error| refused)?;
    let target = http2_target(&url.target).ok_or(refused)?;
    let authority: Authority = url.authority.parse().map_err(|_error| refused)?;
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_error| refused)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_error| refused)?;
        let is_of_connection = CONNECTION_FIELDS.contains(&name.as_str());
        if is_of_connection || name == TE && value != "trailers" {
            return Err(refused);
        }
        headers.append(name, value);
    }
    Ok(Came {
        version: Version::HTTP_2,
        method: method.as_str().to_owned(),
        target: target.into_bytes(),
        authority: Some(authority.to_string()),
        headers,
        ..nothing()
    })
}

fn nothing() -> Came {
    Came {
        peer: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        over_tls: false,
        version: Version::HTTP_11,
        method: String::new(),
        target: Vec::new(),
        authority: None,
        headers: HeaderMap::new(),
        raw_head: None,
        ahead: Vec::new(),
    }
}
