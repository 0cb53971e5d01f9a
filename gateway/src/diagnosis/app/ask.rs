//! One request straight to a server of an app, and what came back.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, DATE, HOST, HeaderMap, LOCATION};
use http::{HeaderName, HeaderValue, Method};
use session_core::cause::Peer;
use session_core::clock::{Clock as _, SystemClock, Timestamp};
use session_core::trust::Trust;
use sidgate_policy::edge::fields::is_json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::apps::http_client;
use crate::config::Config;

/// Most of an answer that is read, in bytes.
const ANSWER_MAX: usize = 256 * 1024;
/// The id under which apps log these requests.
const REQUEST_ID: &str = "sidgate-doctor";

/// Asks the servers of apps as the gateway does: `Host` and scheme are those of the public side.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    client: reqwest::Client,
    authority: String,
    proto: &'static str,
    limit: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Our clock, half-way between question and answer.
    pub at: Timestamp,
}

impl Asker {
    /// # Errors
    /// When the client cannot be made.
    pub(super) fn new(config: &Config) -> Result<Self, reqwest::Error> {
        let origin = &config.server.public_origin;
        Ok(Self {
            client: http_client::builder(&Trust::default())
                .http1_only()
                .pool_max_idle_per_host(0)
                .build()?,
            authority: origin.authority(),
            proto: origin.scheme.as_str(),
            limit: config.backend.timeout,
        })
    }

    /// The public host, as it is named to apps.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// The public scheme.
    pub(super) const fn proto(&self) -> &'static str {
        self.proto
    }

    /// Asks the server at `address`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn ask(
        &self,
        address: SocketAddr,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Asked, String> {
        let mut request = self
            .client
            .request(method, format!("http://{address}{path}"))
            .header(HOST, &self.authority)
            .header("X-Forwarded-Proto", self.proto)
            .header("X-Request-Id", REQUEST_ID);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let begun = SystemClock.wall();
        let answered = tokio::time::timeout(self.limit, read(request, address)).await;
        let (status, headers, body) =
            answered.map_err(|_elapsed| format!("no answer in {:?} ({address})", self.limit))??;
        let spent = SystemClock.wall().since(begun);
        Ok(Asked {
            status,
            headers,
            body,
            at: begun.plus(spent / 2),
        })
    }
}

impl Asked {
    /// Whether it says that it is JSON.
    pub(super) fn is_json(&self) -> bool {
        self.headers.get(CONTENT_TYPE).is_some_and(is_json)
    }

    /// Where it leads.
    pub(super) fn location(&self) -> Option<&HeaderValue> {
        self.headers.get(LOCATION)
    }

    /// By how many milliseconds the server's clock is ahead of ours, if the answer is dated. Whole seconds are dated, so half of
    /// one is added.
    pub(super) fn ahead_ms(&self) -> Option<i64> {
        let date = self.headers.get(DATE)?.to_str().ok()?;
        // The form of HTTP is that of mail, with another name for UTC.
        let date = date.replace("GMT", "+0000");
        let date = OffsetDateTime::parse(&date, &Rfc2822).ok()?;
        let theirs = date.unix_timestamp().checked_mul(1_000)?.checked_add(500)?;
        Some(theirs - self.at.as_micros().div_euclid(1_000))
    }
}

type Read = (u16, HeaderMap, Bytes);

async fn read(request: reqwest::RequestBuilder, address: SocketAddr) -> Result<Read, String> {
    let peer = address.to_string();
    let words = |error: reqwest::Error| Peer::at(&peer).cause(&error.without_url());
    let mut answer = request.send().await.map_err(words)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(words)? {
        let room = ANSWER_MAX.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= ANSWER_MAX {
            break;
        }
    }
    Ok((
        answer.status().as_u16(),
        answer.headers().clone(),
        body.freeze(),
    ))
}

/// Our clock, in milliseconds.
pub(super) fn now_ms() -> i64 {
    SystemClock.wall().as_micros().div_euclid(1_000)
}
