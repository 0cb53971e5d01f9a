//! Logins of the old system.

use std::time::Duration;

use async_trait::async_trait;

use super::{Call, FaultStore};
use crate::keys::legacy::LegacyKey;
use crate::sid::SessionKey;
use crate::store::{
    Adopted, Adoption, Attached, Attachment, LegacyStore, Recalled, Seen, StoreResult, Tally,
};

#[async_trait]
impl LegacyStore for FaultStore {
    async fn recall(&self, keys: &[LegacyKey]) -> StoreResult<Recalled> {
        let inner = self.inner.recall(keys);
        self.faults.pass(Call::Recall, inner).await
    }

    async fn adopt(&self, adoption: &Adoption) -> StoreResult<Adopted> {
        let inner = self.inner.adopt(adoption);
        self.faults.pass(Call::Adopt, inner).await
    }

    async fn attach(&self, attachment: &Attachment) -> StoreResult<Attached> {
        let inner = self.inner.attach(attachment);
        self.faults.pass(Call::Attach, inner).await
    }

    async fn cut_off(&self, user_id: &str) -> StoreResult<()> {
        let inner = self.inner.cut_off(user_id);
        self.faults.pass(Call::CutOff, inner).await
    }

    async fn kept(&self, key: &SessionKey) -> StoreResult<Option<Vec<u8>>> {
        self.faults.pass(Call::Kept, self.inner.kept(key)).await
    }

    async fn forget_legacy(&self, tombstone: Duration, batch: usize) -> StoreResult<u64> {
        let inner = self.inner.forget_legacy(tombstone, batch);
        self.faults.pass(Call::ForgetLegacy, inner).await
    }

    async fn tally(&self, seen: &[Seen]) -> StoreResult<()> {
        self.faults.pass(Call::Tally, self.inner.tally(seen)).await
    }

    async fn tallied(&self) -> StoreResult<Tally> {
        self.faults.pass(Call::Tallied, self.inner.tallied()).await
    }
}
