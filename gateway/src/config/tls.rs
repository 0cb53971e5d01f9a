//! `[server.tls]`: certificates and keys of the TLS listeners, and who may connect.
//!
//! All are read here, by the library that will use them. Otherwise a fault would show only when the listener is opened.
//! The files of a certificate that is in use already may be in the middle of a renewal: what is wrong with them then is for
//! whoever renews the certificate to say, and no fault of the configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::certificate::{self, CertificateFiles};
use super::client_tls::PemFile;
use super::duration::{days, mins, secs, within};
use super::host::socket_addr;
use super::reader::Reader;
use super::secret::Sources;

/// `[server.tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// TLS listeners, HTTP/1.1 and h2. Never empty.
    pub listen: Vec<SocketAddr>,
    /// The certificates; the first is shown where none is for the name that a client asks for. Never empty.
    pub certificates: Vec<CertificateFiles>,
    /// The oldest version of TLS that is spoken.
    pub min_version: TlsVersion,
    /// The authorities of whose certificates each client must show one.
    pub client_ca: Option<PemFile>,
    /// Time between two looks at the files of the certificates.
    pub check_every: Duration,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

impl TlsConfig {
    pub(super) fn read(server: &mut Reader<'_>, sources: &Sources<'_>) -> Option<Self> {
        server.section("tls", |tls| {
            let listen = tls.texts("listen", socket_addr);
            let single = pair(tls, sources);
            let is_list = tls.has("certificates");
            let several = tls.tables("certificates", |table| {
                table.require("cert");
                table.require("key");
                pair(table, sources)
            });
            let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
            let min_version = tls.choice("min_version", &versions);
            let client_ca = tls.text("client_ca", |path| authorities(path, sources));
            let check_every = tls.text("check_every", within(secs(1)..=days(1)));
            if !tls.is_present() {
                return None;
            }
            let listen = listen.unwrap_or_else(|| vec![(Ipv4Addr::UNSPECIFIED, 8443).into()]);
            if listen.is_empty() {
                let message = "is empty; leave [server.tls] out for no TLS";
                tls.contradiction(&["listen"], message);
            }
            Some(Self {
                listen,
                certificates: if is_list {
                    listed(tls, several)?
                } else {
                    alone(tls, single)?
                },
                min_version: min_version.unwrap_or(TlsVersion::V1_2),
                client_ca: client_ca.flatten(),
                check_every: check_every.unwrap_or(mins(1)),
            })
        })
    }
}

/// The certificate of a configuration that names one.
fn alone(tls: &Reader<'_>, files: Option<CertificateFiles>) -> Option<Vec<CertificateFiles>> {
    if !tls.document().is_described() {
        tls.require("cert");
        tls.require("key");
    }
    files.map(|files| vec![files])
}

/// The certificates of a configuration that lists them; `None` when one is faulty.
fn listed(
    tls: &Reader<'_>,
    several: Vec<Option<CertificateFiles>>,
) -> Option<Vec<CertificateFiles>> {
    let key = "certificates";
    if tls.has("cert") || tls.has("key") {
        let message =
            "stands beside cert and key: name one certificate by those, or all of them here";
        tls.contradiction(&[key, "cert", "key"], message);
    }
    if several.is_empty() {
        tls.contradiction(&[key], "is empty");
    }
    several.into_iter().collect()
}

/// A certificate and its key; `None` when one is missing, or faulty.
fn pair(table: &mut Reader<'_>, sources: &Sources<'_>) -> Option<CertificateFiles> {
    let cert: Option<PathBuf> = table.text("cert", |path| {
        let path = sources.path(path)?;
        if !sources.uses(&path) {
            certificate::check_cert(&path)?;
        }
        Ok(path)
    });
    let key: Option<PathBuf> = table.text("key", |path| {
        // As secrets are written, or as a path like any other.
        let path = sources.path(path.strip_prefix("file:").unwrap_or(path))?;
        if !sources.uses(&path) {
            sources.check_way(&path)?;
            certificate::check_key(&path)?;
        }
        Ok(path)
    });
    let files = CertificateFiles {
        cert: cert?,
        key: key?,
        in_shared_folder: sources.shared_folders.get(),
        table: table.path().to_owned(),
    };
    if !sources.certificates_in_use.contains(&files)
        && let Err(bad) = files.read()
    {
        table.contradiction(&["key", "cert"], bad.to_string());
    }
    Some(files)
}

/// Authorities of clients. An empty text means none.
fn authorities(path: &str, sources: &Sources<'_>) -> Result<Option<PemFile>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    PemFile::open_authorities(path, sources).map(Some)
}
