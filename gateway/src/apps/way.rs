//! How the servers of one app are spoken to: what Pingora has to know for a connection to one of them.
//!
//! Made once for an app, and copied for each request. For plain HTTP/1 a copy allocates nothing but itself.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::sync::Arc;

use pingora_core::protocols::ALPN;
use pingora_core::upstreams::peer::{HttpPeer, PeerOptions};
use pingora_core::utils::tls::{CertKey, WrappedX509};
use pingora_core::{Error, ErrorType, Result};
use rustls::pki_types::CertificateDer;
use session_core::trust::{Trust, TrustError};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::address::Address;
use super::server::Server;
use crate::config::{Protocol, Upstream};

/// The way to the servers of an app.
#[derive(Debug)]
pub(crate) struct Way {
    upstream: Arc<Upstream>,
    options: PeerOptions,
    /// What is shown of ourselves.
    shown: Option<Arc<CertKey>>,
    /// Connections are used again only under the settings that they were made with. Pingora compares neither authorities nor keys.
    group: u64,
}

impl Way {
    /// The way to `upstream`. `is_verified`: its certificates are.
    ///
    /// # Errors
    /// When its certificates cannot be used. A configuration with such files does not load.
    pub(crate) fn new(upstream: &Arc<Upstream>, is_verified: bool) -> Result<Self, TrustError> {
        let trust = upstream.tls.files.trust()?;
        let mut options = PeerOptions::new();
        // For the connection, and for the handshake once more.
        options.connection_timeout = Some(upstream.connect_timeout);
        options.read_timeout = Some(upstream.read_timeout);
        options.write_timeout = Some(upstream.write_timeout);
        options.idle_timeout = Some(upstream.idle_timeout);
        options.verify_cert = is_verified;
        options.verify_hostname = is_verified;
        options.ca = authorities(&trust)?;
        options.alpn = match upstream.protocol {
            Protocol::Http1 => ALPN::H1,
            Protocol::Http2 => ALPN::H2,
        };
        options.max_h2_streams = upstream.http2.max_streams;
        options.h2_ping_interval = upstream.http2.ping_every;
        Ok(Self {
            group: group(upstream, &trust, is_verified),
            shown: shown(&trust)?,
            upstream: Arc::clone(upstream),
            options,
        })
    }

    /// The configuration of the app.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// What Pingora has to know of `server`.
    ///
    /// # Errors
    /// When there can be no connection: the path of a socket is no path.
    pub(crate) fn peer(&self, server: &Server) -> Result<HttpPeer> {
        let at = &server.at;
        let name = if at.tls {
            self.verified_name(server)?
        } else {
            String::new()
        };
        let mut peer = match &at.address {
            Address::Tcp(address) => HttpPeer::new(address, at.tls, name),
            Address::Unix(path) => HttpPeer::new_uds(&path.to_string_lossy(), at.tls, name)?,
        };
        peer.group_key = self.group;
        peer.options = self.options.clone();
        if at.tls {
            peer.client_cert_key.clone_from(&self.shown);
        }
        Ok(peer)
    }

    /// The name that the certificate of a server must be for. Never empty: Pingora would take that for the wish not to verify.
    fn verified_name(&self, server: &Server) -> Result<String> {
        let name = self.upstream.tls.name_of(server.at.host.as_ref());
        name.filter(|name| !name.is_empty())
            .ok_or_else(|| Error::explain(ErrorType::InvalidCert, "no name for a certificate"))
    }
}

/// The authorities that are believed in place of the system's.
fn authorities(trust: &Trust) -> Result<Option<Arc<[WrappedX509]>>, TrustError> {
    if trust.authorities().is_empty() {
        return Ok(None);
    }
    let read = trust.authorities().iter().map(read);
    Ok(Some(read.collect::<Result<Arc<_>, _>>()?))
}

/// Our own certificate and its key.
fn shown(trust: &Trust) -> Result<Option<Arc<CertKey>>, TrustError> {
    let Some((chain, key)) = trust.shown() else {
        return Ok(None);
    };
    // Pingora panics over what it cannot read.
    for certificate in chain {
        read(certificate)?;
    }
    let chain = chain.iter().map(|der| der.to_vec()).collect();
    Ok(Some(Arc::new(CertKey::new(
        chain,
        key.secret_der().to_vec(),
    ))))
}

fn read(der: &CertificateDer<'_>) -> Result<WrappedX509, TrustError> {
    WrappedX509::try_new(der.to_vec(), |der| {
        let (_rest, certificate) = X509Certificate::from_der(der)?;
        Ok(certificate)
    })
    .map_err(
        |_unreadable: x509_parser::nom::Err<x509_parser::error::X509Error>| TrustError::Certificate,
    )
}

fn group(upstream: &Upstream, trust: &Trust, is_verified: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    upstream.name.hash(&mut hasher);
    (upstream.protocol == Protocol::Http2).hash(&mut hasher);
    is_verified.hash(&mut hasher);
    for authority in trust.authorities() {
        authority.as_ref().hash(&mut hasher);
    }
    if let Some((chain, key)) = trust.shown() {
        for certificate in chain {
            certificate.as_ref().hash(&mut hasher);
        }
        key.secret_der().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests;
