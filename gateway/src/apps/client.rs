//! Requests of our own to the servers of apps, over the same ways that visitors' requests take: TLS, unix sockets, HTTP/2.
//!
//! Nothing is followed and nothing is sent twice: only a request that cannot have been read by anybody may be made again.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, HOST};
use http::{HeaderMap, Method};
use pingora_core::connectors::http::Connector;
use pingora_core::connectors::{ConnectorOptions, TransportConnector};
use pingora_core::protocols::http::client::HttpSession;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::RequestHeader;
use thiserror::Error;

use super::server::Server;
use super::upstream_fault::UpstreamFault;
use super::way::Way;
use crate::config::Protocol;

/// Idle connections that are kept, to all servers together.
const IDLE_MAX: usize = 64;
/// Heads of interim answers before the final one.
const INTERIM_MAX: usize = 8;

/// Connections to apps.
pub(crate) struct Client {
    connector: Connector,
    /// For connections that nothing is sent on.
    probes: TransportConnector,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// As it is sent.
    pub method: Method,
    /// The path, and a query if there is one.
    pub target: String,
    /// With `Host`. `Content-Length` is added.
    pub headers: HeaderMap,
    /// Empty: none.
    pub body: Bytes,
    /// The longest wait for the whole answer, from the connection on.
    pub timeout: Duration,
    /// Most of the body of the answer that is read.
    pub max_answer_bytes: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub status: u16,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its body, or the beginning of it.
    pub body: Bytes,
    /// Whether the body goes on beyond what was to be read.
    pub is_cut: bool,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum Unanswered {
    /// No connection: nothing was sent, so another server may be asked.
    #[error("{}", .0.cause)]
    NoConnection(UpstreamFault),
    /// The connection stood, and the answer is missing or incomplete.
    #[error("{}", .0.cause)]
    BrokenOff(UpstreamFault),
    /// It was not complete in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The question is no request.
    #[error("the request could not be written")]
    NotWritten,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client(..)")
    }
}

impl Client {
    /// Reads the authorities of the system.
    pub(crate) fn new() -> Self {
        Self {
            connector: Connector::new(Some(ConnectorOptions::new(IDLE_MAX))),
            probes: TransportConnector::new(None),
        }
    }

    /// Asks `server`, whose app is reached by `way`.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn ask(
        &self,
        way: &Way,
        server: &Server,
        question: &Question,
    ) -> Result<Answer, Unanswered> {
        let limit = question.timeout;
        tokio::time::timeout(limit, self.ask_whole(way, server, question))
            .await
            .map_err(|_elapsed| Unanswered::Timeout(limit))?
    }

    /// Whether `server` takes a new connection within `connect_timeout`, TLS included.
    ///
    /// # Errors
    /// Why it does not.
    pub(crate) async fn connects(&self, way: &Way, server: &Server) -> Result<(), Unanswered> {
        let peer = way
            .peer(server)
            .map_err(|_no_path| Unanswered::NotWritten)?;
        let connected = Box::pin(self.probes.new_stream(&peer)).await;
        connected.map(drop).map_err(|error| {
            let address = &server.at.address;
            Unanswered::NoConnection(UpstreamFault::of_connect(&error, way.upstream(), address))
        })
    }

    async fn ask_whole(
        &self,
        way: &Way,
        server: &Server,
        question: &Question,
    ) -> Result<Answer, Unanswered> {
        let exchange = Exchange {
            client: self,
            way,
            server,
            question,
            peer: way
                .peer(server)
                .map_err(|_no_path| Unanswered::NotWritten)?,
        };
        match exchange.once().await {
            // It had been idle, and the server closed it meanwhile. A POST may have arrived nevertheless.
            Ok(Once::Stale(fault)) if question.method.is_idempotent() => {
                match exchange.once().await? {
                    Once::Answered(answer) => Ok(answer),
                    Once::Stale(_again) => Err(Unanswered::BrokenOff(fault)),
                }
            }
            Ok(Once::Stale(fault)) => Err(Unanswered::BrokenOff(fault)),
            Ok(Once::Answered(answer)) => Ok(answer),
            Err(why) => Err(why),
        }
    }
}

/// One question to one server.
struct Exchange<'a> {
    client: &'a Client,
    way: &'a Way,
    server: &'a Server,
    question: &'a Question,
    peer: HttpPeer,
}

/// What became of one attempt.
enum Once {
    Answered(Answer),
    /// A connection that had been used before broke before the head of the answer.
    Stale(UpstreamFault),
}

impl Exchange<'_> {
    async fn once(&self) -> Result<Once, Unanswered> {
        let connecting = self.client.connector.get_http_session(&self.peer);
        let connected = Box::pin(connecting).await;
        let (mut session, is_reused) = connected.map_err(|error| {
            let (upstream, address) = (self.way.upstream(), &self.server.at.address);
            Unanswered::NoConnection(UpstreamFault::of_connect(&error, upstream, address))
        })?;
        let is_http2 = matches!(session, HttpSession::H2(_));
        if !is_http2 && self.way.upstream().protocol == Protocol::Http2 {
            return Err(Unanswered::NoConnection(UpstreamFault::no_http2()));
        }
        let head = self.head(is_http2)?;
        let headed = match self.send(&mut session, head).await {
            Ok(()) => read_head(&mut session).await,
            Err(error) => Err(error),
        };
        if let Err(error) = headed {
            let fault = self.broken(&error, false);
            session.shutdown().await;
            return if is_reused {
                Ok(Once::Stale(fault))
            } else {
                Err(Unanswered::BrokenOff(fault))
            };
        }
        let answer = self.read(&mut session).await?;
        if answer.is_cut {
            session.shutdown().await;
        } else {
            let idle = Some(self.way.upstream().idle_timeout);
            let connector = &self.client.connector;
            connector
                .release_http_session(session, &self.peer, idle)
                .await;
        }
        Ok(Once::Answered(answer))
    }

    fn head(&self, is_http2: bool) -> Result<RequestHeader, Unanswered> {
        let not_written = |_| Unanswered::NotWritten;
        let Question {
            method,
            target,
            headers,
            body,
            ..
        } = self.question;
        let mut head = RequestHeader::build_no_case(method.clone(), target.as_bytes(), None)
            .map_err(not_written)?;
        for (name, value) in headers {
            head.append_header(name.clone(), value.clone())
                .map_err(not_written)?;
        }
        if !body.is_empty() || *method == Method::POST {
            head.insert_header(CONTENT_LENGTH, body.len())
                .map_err(not_written)?;
        }
        if is_http2 {
            let host = head.remove_header(&HOST).ok_or(Unanswered::NotWritten)?;
            let scheme = if self.peer.is_tls() { "https" } else { "http" };
            let uri = http::Uri::builder()
                .scheme(scheme)
                .authority(host.as_bytes())
                .path_and_query(target.as_str())
                .build()
                .map_err(|_no_uri| Unanswered::NotWritten)?;
            head.set_uri(uri);
        }
        Ok(head)
    }

    async fn send(
        &self,
        session: &mut HttpSession,
        head: RequestHeader,
    ) -> pingora_core::Result<()> {
        session.set_write_timeout(Some(self.way.upstream().write_timeout));
        session.write_request_header(Box::new(head)).await?;
        if !self.question.body.is_empty() {
            let body = self.question.body.clone();
            session.write_request_body(body, true).await?;
        }
        session.finish_request_body().await
    }

    fn broken(&self, error: &pingora_core::Error, has_head: bool) -> UpstreamFault {
        let upstream = self.way.upstream();
        UpstreamFault::of_exchange(error, upstream, (upstream.read_timeout, has_head))
    }

    /// Reads the body.
    async fn read(&self, session: &mut HttpSession) -> Result<Answer, Unanswered> {
        let broken =
            |error: Box<pingora_core::Error>| Unanswered::BrokenOff(self.broken(&error, true));
        let max = self.question.max_answer_bytes;
        let (mut body, mut is_cut) = (BytesMut::new(), false);
        while let Some(chunk) = session.read_response_body().await.map_err(broken)? {
            let room = max.saturating_sub(body.len());
            is_cut = chunk.len() > room;
            body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
            if is_cut {
                break;
            }
        }
        let head = session.response_header().ok_or(Unanswered::NotWritten)?;
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers.clone(),
            body: body.freeze(),
            is_cut,
        })
    }
}

/// Reads the head of the final answer.
async fn read_head(session: &mut HttpSession) -> pingora_core::Result<()> {
    for _ in 0..INTERIM_MAX {
        session.read_response_header().await?;
        let head = session.response_header();
        if head.is_some_and(|head| !head.status.is_informational()) {
            return Ok(());
        }
    }
    pingora_core::Error::e_explain(
        pingora_core::ErrorType::InvalidHTTPHeader,
        "no final answer",
    )
}

#[cfg(test)]
mod tests;
