//! `[server.tls]`: certificate and key of the TLS listeners.
//!
//! Both are read here, by the library that will use them. Otherwise a fault would show only when the listener is opened.
//! The files of a certificate that is in use already may be in the middle of a renewal: what is wrong with them then is for
//! whoever renews the certificate to say, and no fault of the configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::certificate::{self, CertificateFiles};
use super::duration::{days, mins, secs, within};
use super::host::socket_addr;
use super::reader::Reader;
use super::secret::Sources;

/// `[server.tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// TLS listeners, HTTP/1.1 and h2. Never empty.
    pub listen: Vec<SocketAddr>,
    /// The certificate.
    pub certificate: CertificateFiles,
    /// Time between two looks at its files.
    pub check_every: Duration,
}

impl TlsConfig {
    pub(super) fn read(server: &mut Reader<'_>, sources: &Sources<'_>) -> Option<Self> {
        server.section("tls", |tls| {
            let listen = tls.texts("listen", socket_addr);
            let cert = tls.text("cert", |path| {
                let path = sources.path(path)?;
                if !sources.uses(&path) {
                    certificate::check_cert(&path)?;
                }
                Ok(path)
            });
            let key = tls.text("key", |path| {
                let path = sources.path(path)?;
                if !sources.uses(&path) {
                    sources.check_way(&path)?;
                    certificate::check_key(&path)?;
                }
                Ok(path)
            });
            let check_every = tls.text("check_every", within(secs(1)..=days(1)));
            if !tls.is_present() {
                return None;
            }
            tls.require("cert");
            tls.require("key");
            let listen = listen.unwrap_or_else(|| vec![(Ipv4Addr::UNSPECIFIED, 8443).into()]);
            if listen.is_empty() {
                let message = "is empty; leave [server.tls] out for no TLS";
                tls.document()
                    .contradiction(&["server.tls.listen"], message);
            }
            let files = CertificateFiles {
                cert: cert?,
                key: key?,
                in_shared_folder: sources.shared_folders.get(),
            };
            if sources.certificate_in_use.as_ref() != Some(&files)
                && let Err(bad) = files.read()
            {
                tls.document()
                    .contradiction(&["server.tls.key", "server.tls.cert"], bad.to_string());
            }
            Some(Self {
                listen,
                certificate: files,
                check_every: check_every.unwrap_or(mins(1)),
            })
        })
    }
}
