//! Which schemas this program works with. Both stores ask the same questions.

use super::SchemaError;
use crate::lease::LEASE;

/// Judges the version `found` in a store; `migrations` is how many this program knows, and so the version that it needs.
pub(super) fn accept_version(found: i32, migrations: usize) -> Result<(), SchemaError> {
    let needed = i32::try_from(migrations).unwrap_or(i32::MAX);
    match found {
        0 => Err(SchemaError::Missing),
        found if found < needed => Err(SchemaError::Old { found, needed }),
        found if found > needed => Err(SchemaError::New { found, needed }),
        _ => Ok(()),
    }
}

/// Checks that the lease in the store, `found` in milliseconds, is the one of this program.
pub(super) fn accept_lease(found: i32) -> Result<(), SchemaError> {
    if i32::try_from(LEASE.as_millis()) == Ok(found) {
        Ok(())
    } else {
        Err(SchemaError::Lease { found })
    }
}
