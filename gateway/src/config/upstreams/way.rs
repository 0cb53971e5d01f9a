//! How an app is spoken to: the protocol, whom to believe under TLS, and what to show of ourselves.

use std::time::Duration;

use rustls::pki_types::ServerName;

use super::super::client_tls::ClientTls;
use super::super::duration::{hours, within};
use super::super::host::Host;
use super::super::reader::Reader;
use super::super::secret::Sources;
use super::servers::UpstreamServer;

/// What is spoken with an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2: by ALPN under TLS, with prior knowledge otherwise.
    Http2,
}

/// Connections of HTTP/2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http2Config {
    /// Requests under way on one connection.
    pub max_streams: usize,
    /// Time between two pings on a connection with requests under way; `None`: there are none.
    pub ping_every: Option<Duration>,
}

impl Http2Config {
    /// Reads it, and the name of a key that is not at its default.
    pub(super) fn read(upstream: &mut Reader<'_>) -> (Self, Option<&'static str>) {
        let max_streams = upstream.number("max_streams", 1..=1_000_000);
        let ping_every = upstream.text("ping_interval", within(Duration::ZERO..=hours(1)));
        let read = Self {
            max_streams: max_streams.unwrap_or(MAX_STREAMS),
            ping_every: ping_every.filter(|every| !every.is_zero()),
        };
        let some_key = (read.max_streams != MAX_STREAMS)
            .then_some("max_streams")
            .or(read.ping_every.map(|_| "ping_interval"));
        (read, some_key)
    }
}

/// Requests under way on one connection, where nothing else is said.
const MAX_STREAMS: usize = 100;

impl Protocol {
    pub(super) const WORDS: [(&str, Self); 2] = [("http1", Self::Http1), ("h2", Self::Http2)];
}

/// Which server gets a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Balance {
    /// Each in its turn.
    RoundRobin,
    /// The one with the fewest requests under way.
    LeastConnections,
    /// The same one for each request of a session.
    Session,
}

impl Balance {
    pub(super) const WORDS: [(&str, Self); 3] = [
        ("round_robin", Self::RoundRobin),
        ("least_connections", Self::LeastConnections),
        ("session", Self::Session),
    ];
}

/// `[upstreams.NAME.tls]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// Authorities to believe in place of the system's, and the certificate to show.
    pub files: ClientTls,
    /// The name that certificates must be for; `None`: the host of the server.
    pub server_name: Option<Host>,
}

impl UpstreamTls {
    pub(super) fn read(upstream: &mut Reader<'_>, sources: &Sources<'_>) -> Self {
        upstream.section("tls", |tls| {
            let read = Self {
                files: ClientTls::read(tls, sources),
                server_name: tls.text("server_name", Host::parse),
            };
            let fault = read.files.contradiction();
            if let Some((key, fault)) = fault.or_else(|| unreadable(&read.files)) {
                tls.contradiction(&[key], fault);
            }
            read
        })
    }

    /// The name that the certificate of a server at `host` must be for; `None`: there is none, as at a unix socket.
    #[must_use]
    pub fn name_of(&self, host: Option<&Host>) -> Option<String> {
        let host = self.server_name.as_ref().or(host)?;
        Some(
            host.ip()
                .map_or_else(|| host.to_string(), |ip| ip.to_string()),
        )
    }

    /// Why the certificate of `server` could never be verified.
    pub(super) fn unverifiable(&self, server: &UpstreamServer) -> Option<String> {
        let name = self.name_of(Some(&server.host_port().filter(|_| server.tls)?.host))?;
        let first = name.split_once('.').map_or("", |(first, _)| first);
        (first.contains('_') || ServerName::try_from(name.as_str()).is_err()).then(|| {
            format!(
                "no certificate can be verified for the name \"{name}\"; set tls.server_name to the one that it is for"
            )
        })
    }

    /// The name of a key that is set.
    pub(super) fn some_key(&self) -> Option<&'static str> {
        let name = self.server_name.as_ref().map(|_| "server_name");
        self.files.some_key().or(name)
    }
}

/// Certificates that one library reads and the other one does not.
fn unreadable(files: &ClientTls) -> Option<(&'static str, String)> {
    let trust = files.trust().ok()?;
    let is_read = |der: &[u8]| x509_parser::parse_x509_certificate(der).is_ok();
    let fault = |key| Some((key, "holds a certificate that cannot be used".to_owned()));
    if !trust.authorities().iter().all(|der| is_read(der)) {
        return fault("ca");
    }
    let (chain, _key) = trust.shown()?;
    if !chain.iter().all(|der| is_read(der)) {
        return fault("client_cert");
    }
    None
}
