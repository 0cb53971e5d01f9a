//! What a PostgreSQL URL says, to us and to the driver.
//!
//! The driver reads the URL itself, but knows fewer parameters than libpq, and some it knows are ours to decide. So each
//! parameter is looked at first ([`parameters`]). No message made here contains more of a URL than the name of a parameter.

use thiserror::Error;
use tokio_postgres::config::SslMode;
use zeroize::Zeroizing;

use super::parameters::{self, TlsFiles};
use super::server::is_local;
use crate::credentials::Account;
use crate::secret::SecretString;

/// A URL that was understood.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    pub(super) config: tokio_postgres::Config,
    files: TlsFiles,
}

/// A URL that cannot be used. Says what is wrong, never what was written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a PostgreSQL URL: {0}")]
pub struct BadPostgresUrl(String);

impl PostgresUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// What is wrong with it, never what was written.
    pub fn read(url: &SecretString) -> Result<Self, BadPostgresUrl> {
        let parts = Parts::of(url.expose()).map_err(BadPostgresUrl)?;
        let (driver, files) = parameters::sorted(parts.query).map_err(BadPostgresUrl)?;
        let text = Zeroizing::new(format!("{}?{}", parts.before, *driver));
        let config: tokio_postgres::Config =
            text.trim_end_matches('?')
                .parse()
                .map_err(|error: tokio_postgres::Error| {
                    let cause = error.into_source();
                    BadPostgresUrl(cause.map_or_else(String::new, |cause| cause.to_string()))
                })?;
        if config.get_hosts().is_empty() {
            return Err(BadPostgresUrl("no host".to_owned()));
        }
        Ok(Self { config, files })
    }

    /// Files that its TLS parameters name.
    #[must_use]
    pub fn tls_files(&self) -> &TlsFiles {
        &self.files
    }

    /// Whether it says that TLS is never used.
    #[must_use]
    pub fn forbids_tls(&self) -> bool {
        self.config.get_ssl_mode() == SslMode::Disable
    }

    /// Whether it holds a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// Whether a connection may be made without TLS to another machine.
    #[must_use]
    pub fn may_be_clear_text(&self) -> bool {
        let is_optional = matches!(
            self.config.get_ssl_mode(),
            SslMode::Disable | SslMode::Prefer
        );
        is_optional && !self.config.get_hosts().iter().all(is_local)
    }
}

/// User and password of a URL.
pub(super) fn account(url: &SecretString) -> Option<Account> {
    let url = PostgresUrl::read(url).ok()?;
    let password = url.config.get_password().map(<[u8]>::to_vec);
    let password = password.map(String::from_utf8).transpose().ok()?;
    Some(Account {
        user: url.config.get_user().map(str::to_owned),
        password: password.map(SecretString::new),
    })
}

/// A URL, cut where the driver cuts it.
struct Parts<'a> {
    /// Everything before the `?`.
    before: &'a str,
    /// Everything after it.
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Result<Self, String> {
        // The driver also reads `key=value` lists, and its message for a broken one may quote the password.
        let scheme = ["postgres://", "postgresql://"]
            .into_iter()
            .find(|scheme| url.starts_with(scheme))
            .ok_or("it must start with postgres://")?;
        // The driver would take what follows the first `@` for the host, and its message may then quote half a password.
        if url.matches('@').count() > 1 {
            return Err("an @ in user name or password must be written as %40".to_owned());
        }
        let host = url.find('@').map_or(scheme.len(), |at| at + 1);
        let rest = url.get(host..).unwrap_or_default();
        if rest.contains('#') {
            return Err(
                "it has a #, which begins nothing here; in a name it is written as %23".to_owned(),
            );
        }
        let end = rest.find('?').map_or(url.len(), |at| host + at);
        Ok(Self {
            before: url.get(..end).unwrap_or_default(),
            query: url.get(end + 1..).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
