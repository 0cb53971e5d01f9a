//! What is counted and logged about old logins.

use tracing::warn;

use crate::state::{Client, Gateway};
use crate::telemetry::security::{self, Facts, Kind};

/// Counts and logs that nobody can say.
pub(super) fn unavailable(gateway: &Gateway, client: &Client, why: &str) {
    count(gateway, "unavailable");
    warn!(
        request_id = client.request_id,
        result = "unavailable",
        why,
        "migration"
    );
}

/// Counts and tells what became of an old login; `facts` has the result.
pub(super) fn note(gateway: &Gateway, facts: Facts<'_>) {
    count(gateway, facts.reason);
    security::note(Kind::Migration, facts);
}

/// Counts a result.
pub(super) fn count(gateway: &Gateway, result: &str) {
    gateway.metrics.migration(result);
    gateway.migrations.book.result(result);
}
