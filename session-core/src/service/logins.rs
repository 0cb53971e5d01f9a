//! Networks that accounts log in from, for the limits on password guessing. Nothing here decides whether a session
//! lives.

use std::net::IpAddr;
use std::sync::Arc;

use super::housekeeping::NETWORKS_KEPT;
use super::{Sessions, SessionsError};
use crate::store::{CodeDigest, LoginSeen, StoreError};

/// Most logins that are recorded at the same time. The network of a further one is not remembered.
pub(super) const NOTES_MAX: usize = 64;

/// What an attempt to log in has in common with earlier logins under the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Familiarity {
    /// It comes from a network from which the account has logged in lately.
    pub network: bool,
    /// The user in question has logged in under this name lately, and nobody else has.
    pub user: bool,
}

impl Sessions {
    /// Notes that a code with which a login was handed over is used. True for the first call alone, on whichever node.
    ///
    /// # Errors
    /// When the store failed: it is then unknown.
    pub async fn redeem(&self, code: &str) -> Result<bool, SessionsError> {
        let code = CodeDigest::of(code);
        self.ask_store("redeem", |store| async move { store.redeem(&code).await })
            .await
    }

    /// Compares an attempt with the logins of the last [`NETWORKS_KEPT`] under the same name. `account` is the
    /// canonical name, `user_id` the user of a live session in the same browser.
    ///
    /// # Errors
    /// When the store failed: the answer is then unknown.
    pub async fn familiarity(
        &self,
        account: &str,
        network: IpAddr,
        user_id: Option<&str>,
    ) -> Result<Familiarity, SessionsError> {
        let keys = self.keys.load_full();
        let asked: Vec<_> = keys
            .logins()
            .map(|key| {
                let owner = user_id.map(|user_id| key.owner(user_id));
                (key.account(account), key.network(account, network), owner)
            })
            .collect();
        self.ask_store("familiar", |store| async move {
            let mut all = Familiarity::default();
            for (account, network, owner) in asked {
                let found = store.familiar(&account, &network, NETWORKS_KEPT).await?;
                if let Some(found) = found {
                    all.network |= found.network;
                    all.user |= owner == Some(found.owner);
                }
            }
            Ok(all)
        })
        .await
    }

    /// Remembers that `user_id` has logged in as `account` from `network`.
    ///
    /// # Errors
    /// When the store failed, or when too many logins are being recorded.
    pub async fn note_login(
        &self,
        account: &str,
        network: IpAddr,
        user_id: &str,
    ) -> Result<(), SessionsError> {
        let busy = || SessionsError::Store(StoreError::unavailable("too many logins at once"));
        let place = Arc::clone(&self.notes).try_acquire_owned();
        let place = place.map_err(|_none_left| busy())?;
        let keys = self.keys.load_full();
        let Some(seen) = keys.logins().next().map(|key| LoginSeen {
            account: key.account(account),
            owner: key.owner(user_id),
            network: key.network(account, network),
        }) else {
            return Ok(());
        };
        self.ask_store("note_login", move |store| async move {
            let _place = place;
            store.note_login(&seen).await
        })
        .await
    }
}
