//! Faults of calls about where accounts log in.

use std::time::Duration;

use async_trait::async_trait;

use super::{Call, FaultStore};
use crate::keys::login::LoginDigest;
use crate::store::{Familiar, LoginSeen, LoginStore, StoreResult};

#[async_trait]
impl LoginStore for FaultStore {
    async fn familiar(
        &self,
        account: &LoginDigest,
        network: &LoginDigest,
        within: Duration,
    ) -> StoreResult<Option<Familiar>> {
        let inner = self.inner.familiar(account, network, within);
        self.faults.pass(Call::Familiar, inner).await
    }

    async fn note_login(&self, seen: &LoginSeen) -> StoreResult<()> {
        let inner = self.inner.note_login(seen);
        self.faults.pass(Call::NoteLogin, inner).await
    }

    async fn forget_logins(&self, kept: Duration, batch: usize) -> StoreResult<u64> {
        let inner = self.inner.forget_logins(kept, batch);
        self.faults.pass(Call::ForgetLogins, inner).await
    }
}
