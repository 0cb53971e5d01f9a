//! User and password of a server, which may change while the program runs.
//!
//! Whoever rotates a password writes it to a file and tells the server. So the file is read again for each new connection. While
//! it cannot be read, the last account that could be read is used: it may still be good.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing::warn;

use crate::secret::SecretString;

/// Where a secret comes from, each time that it is needed. Reading may block for a moment, as a file does.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// The secret as it is now.
    ///
    /// # Errors
    /// Why it cannot be read, in words that may be shown.
    fn read(&self) -> Result<SecretString, String>;
}

/// What a [`Source`] holds.
#[derive(Clone, Debug)]
pub enum Login {
    /// A connection URL. Its user and password are taken, and nothing else of it.
    Url(Arc<dyn Source>),
    /// A password.
    Password(Arc<dyn Source>),
}

/// Who logs in at a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// `None` is whoever the URL names.
    pub(crate) user: Option<String>,
    /// `None`: a server that asks for none, or for a certificate.
    pub(crate) password: Option<SecretString>,
}

/// How the account is read from a connection URL.
pub(crate) type OfUrl = fn(&SecretString) -> Option<Account>;

/// The account of each new connection.
#[derive(Debug)]
pub(crate) struct Credentials {
    login: Login,
    of_url: OfUrl,
    last: Mutex<Option<Account>>,
    has_complained: AtomicBool,
}

impl Credentials {
    pub(crate) fn new(login: Login, of_url: OfUrl) -> Self {
        Self {
            login,
            of_url,
            last: Mutex::default(),
            has_complained: AtomicBool::default(),
        }
    }

    /// The account as it is now.
    ///
    /// # Errors
    /// Why it cannot be read, when it never could.
    pub(crate) async fn now(self: &Arc<Self>) -> Result<Account, String> {
        let this = Arc::clone(self);
        let read = tokio::task::spawn_blocking(move || this.read());
        let read = read.await.unwrap_or_else(|died| Err(died.to_string()));
        match read {
            Ok(account) => {
                self.has_complained.store(false, Ordering::Relaxed);
                *self.last.lock() = Some(account.clone());
                Ok(account)
            }
            Err(cause) => {
                let last = self.last.lock().clone();
                if last.is_some() && !self.has_complained.swap(true, Ordering::Relaxed) {
                    warn!(
                        cause,
                        "a password is not read again: the former one is used"
                    );
                }
                last.ok_or(cause)
            }
        }
    }

    /// The same without a former one to fall back on; blocks while it is read.
    pub(crate) fn read(&self) -> Result<Account, String> {
        match &self.login {
            Login::Password(source) => Ok(Account {
                user: None,
                password: Some(source.read()?),
            }),
            Login::Url(source) => (self.of_url)(&source.read()?)
                .ok_or_else(|| "the URL in the file cannot be read any more".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
