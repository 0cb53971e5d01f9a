//! From a URL to a connection: what is asked of every server, and TLS.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::options::PostgresOptions;
use crate::secret::SecretString;

/// A peer that acknowledges nothing for this long counts as gone.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// The server ends a transaction that is idle for this long: its client is lost, and others wait for its locks.
const IDLE_IN_TRANSACTION_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a store cannot be built.
#[derive(Debug, Error)]
pub enum PostgresConfigError {
    /// The URL does not parse. Says what is wrong, never what was written.
    #[error("not a PostgreSQL URL: {0}")]
    Url(String),
    /// The root certificates are not PEM, or there is none among them.
    #[error("root certificates are not readable as PEM")]
    RootCertificates,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// The pool cannot be built.
    #[error("connection pool cannot be built")]
    Pool(#[source] deadpool_postgres::BuildError),
}

/// Opens connections, all alike.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) config: tokio_postgres::Config,
    pub(super) tls: MakeRustlsConnect,
}

impl Connector {
    pub(super) fn new(
        url: &SecretString,
        options: &PostgresOptions,
    ) -> Result<Self, PostgresConfigError> {
        let mut config = parse(url.expose())?;
        let settings = settings(options, config.get_options());
        config
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .connect_timeout(options.connect_timeout)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .options(settings);
        if config.get_application_name().is_none() {
            config.application_name("sidgate");
        }
        if config.get_ssl_mode() == SslMode::Prefer && config.get_hosts().iter().all(is_local) {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self {
            config,
            tls: tls(options.root_certificates.as_deref())?,
        })
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(..)")
    }
}

/// Whether a connection by this URL may be made without TLS to another machine.
pub(super) fn may_be_clear_text(config: &tokio_postgres::Config) -> bool {
    let is_optional = matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer);
    is_optional && !config.get_hosts().iter().all(is_local)
}

pub(super) fn parse(url: &str) -> Result<tokio_postgres::Config, PostgresConfigError> {
    // The driver also reads `key=value` lists, and its message for a broken one may quote the password.
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(PostgresConfigError::Url(
            "it must start with postgres://".to_owned(),
        ));
    }
    // The driver would take what follows the first `@` for the host, and its message may then quote half a password.
    if url.matches('@').count() > 1 {
        return Err(PostgresConfigError::Url(
            "an @ in user name or password must be written as %40".to_owned(),
        ));
    }
    let config: tokio_postgres::Config = url.parse().map_err(|error: tokio_postgres::Error| {
        let cause = error.into_source();
        PostgresConfigError::Url(cause.map_or_else(String::new, |cause| cause.to_string()))
    })?;
    if config.get_hosts().is_empty() {
        return Err(PostgresConfigError::Url("no host".to_owned()));
    }
    Ok(config)
}

/// Server settings of our connections; those of the URL come later and win. READ COMMITTED is what the rule about logins
/// (R8) and the numbering rely on.
fn settings(options: &PostgresOptions, of_url: Option<&str>) -> String {
    format!(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout={} -c default_transaction_isolation=read\\ committed {}",
        options.write_timeout.as_millis(),
        IDLE_IN_TRANSACTION_TIMEOUT.as_millis(),
        of_url.unwrap_or_default(),
    )
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost"
                || name
                    .parse()
                    .is_ok_and(|address: IpAddr| address.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn tls(root_certificates: Option<&[u8]>) -> Result<MakeRustlsConnect, PostgresConfigError> {
    let mut roots = rustls::RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(pem) = root_certificates {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_error| PostgresConfigError::RootCertificates)?;
        let (added, refused) = roots.add_parsable_certificates(certificates);
        if added == 0 || refused > 0 {
            return Err(PostgresConfigError::RootCertificates);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(PostgresConfigError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests;
