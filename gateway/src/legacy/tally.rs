//! Writes the counts of what is still seen of the old cookies to the store, once a minute.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use crate::config::MigrationMode;
use crate::state::Gateway;

/// Time between two writes.
const EVERY: Duration = Duration::from_secs(60);
/// Longest time that a write may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Writes down what is seen, as long as the core runtime lives.
pub(crate) async fn keep(gateway: Arc<Gateway>) {
    loop {
        tokio::time::sleep(EVERY).await;
        write_down(&gateway).await;
    }
}

/// Writes down what was seen since the last time. With migration off nothing is counted, and nothing is written.
pub(crate) async fn write_down(gateway: &Gateway) {
    if gateway.settings.get().config.migration.mode == MigrationMode::Off {
        return;
    }
    let seen = gateway.migrations.book.take();
    let written = tokio::time::timeout(TIMEOUT, gateway.sessions.tally(seen.clone())).await;
    if !matches!(written, Ok(Ok(()))) {
        debug!("tally of old cookies not written");
        gateway.migrations.book.put_back(seen);
    }
}
