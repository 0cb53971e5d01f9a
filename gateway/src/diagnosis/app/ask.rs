//! One request straight to a server of an app, and what came back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HOST, HeaderMap, InvalidHeaderValue, LOCATION};
use http::{HeaderName, HeaderValue, Method};
use session_core::clock::{Clock as _, SystemClock, Timestamp};
use session_core::trust::TrustError;
use sidgate_policy::edge::fields::is_json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::apps::client::{Client, Question};
use crate::apps::server::Server;
use crate::apps::way::Way;
use crate::config::{Config, Upstream};

/// Most of an answer that is read, in bytes.
const ANSWER_MAX: usize = 256 * 1024;
/// The id under which apps log these requests.
const REQUEST_ID: HeaderValue = HeaderValue::from_static("sidgate-doctor");

/// Asks the servers of one app as the gateway does: `Host` and scheme are those of the public side.
#[derive(Debug)]
pub(super) struct Asker {
    client: Arc<Client>,
    way: Way,
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
    /// When the certificates of the app cannot be used.
    pub(super) fn new(
        config: &Config,
        app: &Arc<Upstream>,
        client: &Arc<Client>,
    ) -> Result<Self, TrustError> {
        let origin = &config.sites.first().origin;
        Ok(Self {
            client: Arc::clone(client),
            way: Way::new(app, config.insecure.verifies(&app.name))?,
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

    /// Asks `server`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn ask(
        &self,
        server: &Server,
        method: Method,
        path: &str,
        headers: &[(HeaderName, HeaderValue)],
        body: Vec<u8>,
    ) -> Result<Asked, String> {
        let fields = self.fields(headers, !body.is_empty());
        let question = Question {
            method,
            target: path.to_owned(),
            headers: fields.map_err(|error| error.to_string())?,
            body: body.into(),
            timeout: self.limit,
            max_answer_bytes: ANSWER_MAX,
        };
        let begun = SystemClock.wall();
        let answer = self.client.ask(&self.way, server, &question).await;
        let answer = answer.map_err(|why| format!("{why} ({server})"))?;
        let spent = SystemClock.wall().since(begun);
        Ok(Asked {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
            at: begun.plus(spent / 2),
        })
    }

    fn fields(
        &self,
        chosen: &[(HeaderName, HeaderValue)],
        has_body: bool,
    ) -> Result<HeaderMap, InvalidHeaderValue> {
        let mut fields = HeaderMap::new();
        fields.insert(HOST, HeaderValue::try_from(&self.authority)?);
        fields.insert("x-forwarded-proto", HeaderValue::from_static(self.proto));
        fields.insert("x-request-id", REQUEST_ID);
        if has_body {
            fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        fields.extend(chosen.iter().cloned());
        Ok(fields)
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

/// Our clock, in milliseconds.
pub(super) fn now_ms() -> i64 {
    SystemClock.wall().as_micros().div_euclid(1_000)
}
