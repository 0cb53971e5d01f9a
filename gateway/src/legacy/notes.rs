//! What is counted and logged about old logins.

use tracing::warn;

use crate::state::{Client, Gateway};
use crate::telemetry::labels::Judged;
use crate::telemetry::security::{self, Facts, Kind};

/// Counts and logs an old login that could not be judged just now.
pub(super) fn unavailable(gateway: &Gateway, client: &Client, cause: &str) {
    count(gateway, Judged::Unavailable);
    warn!(
        request_id = &*client.request_id,
        result = Judged::Unavailable.into_str(),
        cause,
        "migration"
    );
}

/// Counts and logs what became of an old login. `about` adds to the facts of the client.
pub(super) fn note<'a>(
    gateway: &Gateway,
    client: &'a Client,
    result: Judged,
    about: impl FnOnce(Facts<'a>) -> Facts<'a>,
) {
    count(gateway, result);
    let facts = client.facts(result.into_str());
    security::note(Kind::Migration, about(facts));
}

/// Counts a result.
pub(super) fn count(gateway: &Gateway, result: Judged) {
    gateway.metrics.migration(result);
    gateway.migrations.book.result(result);
}
