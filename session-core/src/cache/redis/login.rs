//! User and password of each new connection, for fred.

use std::sync::Arc;

use async_trait::async_trait;
use fred::error::{Error, ErrorKind};
use fred::types::config::{CredentialProvider, Server};

use super::url::account;
use crate::credentials::{Account, Credentials, Login};

/// User and password, as fred takes them.
type Pair = (Option<String>, Option<String>);

/// Reads them again each time that fred asks.
#[derive(Debug)]
pub(super) struct Renewed {
    credentials: Arc<Credentials>,
    /// The user that the URL names, for a source that holds a password alone.
    user: Option<String>,
}

impl Renewed {
    pub(super) fn new(login: Login, user: Option<String>) -> Self {
        Self {
            credentials: Arc::new(Credentials::new(login, account)),
            user,
        }
    }

    /// The account as it is now; blocks while it is read.
    pub(super) fn at_once(&self) -> Result<Pair, String> {
        self.credentials.read().map(|account| self.pair(account))
    }

    fn pair(&self, account: Account) -> Pair {
        (
            account.user.or_else(|| self.user.clone()),
            account
                .password
                .map(|password| password.expose().to_owned()),
        )
    }
}

#[async_trait]
impl CredentialProvider for Renewed {
    async fn fetch(&self, _server: Option<&Server>) -> Result<Pair, Error> {
        let account = self.credentials.now().await;
        account
            .map(|account| self.pair(account))
            .map_err(|cause| Error::new(ErrorKind::Auth, cause))
    }
}
