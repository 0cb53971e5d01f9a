//! Which schemas this program works with. Both stores ask the same questions.

use super::SchemaError;
use crate::lease::LEASE;

#[cfg(test)]
mod tests;

/// The version of the schema that this program was built for.
pub const SCHEMA_VERSION: i32 = 13;

/// For each version of the schema, in order: the oldest version whose programs work with it.
///
/// A program that was built for version 11 works with version 12 when the entry of 12 is 11. Whoever writes a migration
/// says so here, and the migrated store repeats it to programs that do not know the migration. Programs before version 11
/// do not ask.
pub(super) const COMPATIBLE_FROM: [i32; 13] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 11, 11];

/// The version whose migration adds the column `compatible_from`.
const FIRST_TO_TELL: i32 = 11;

/// Which schema a store has, and which one this program was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaStatus {
    /// The version that this program was built for.
    pub needed: i32,
    /// The version in the store. 0: there is no schema.
    pub found: i32,
    /// The oldest version whose programs work with the store.
    pub works_from: i32,
}

/// What a [`SchemaStatus`] means for this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaFit {
    /// There is no schema.
    Missing,
    /// The store's is older: `sidgate schema apply` is due.
    Behind,
    /// The store's is the one that this program was built for.
    Exact,
    /// The store's is newer, and this program works with it.
    Ahead,
    /// The store's is newer, and this program must not touch it.
    TooNew,
}

impl SchemaStatus {
    /// A store without a schema.
    pub const ABSENT: Self = Self {
        needed: SCHEMA_VERSION,
        found: 0,
        works_from: 0,
    };

    /// What a store says about itself.
    pub(super) const fn of(found: i32, works_from: i32) -> Self {
        Self {
            needed: SCHEMA_VERSION,
            found,
            works_from,
        }
    }

    /// Whether this program works with the store.
    #[must_use]
    pub const fn fit(self) -> SchemaFit {
        if self.found == 0 {
            SchemaFit::Missing
        } else if self.found < self.needed {
            SchemaFit::Behind
        } else if self.found == self.needed {
            SchemaFit::Exact
        } else if self.works_from <= self.needed {
            SchemaFit::Ahead
        } else {
            SchemaFit::TooNew
        }
    }

    /// Whether `sidgate schema apply` would do something.
    #[must_use]
    pub const fn is_due(self) -> bool {
        matches!(self.fit(), SchemaFit::Missing | SchemaFit::Behind)
    }

    /// Says no to a store that this program does not work with.
    ///
    /// # Errors
    /// When the schema is missing, too old or too new.
    pub const fn accept(self) -> Result<(), SchemaError> {
        let Self {
            needed,
            found,
            works_from,
        } = self;
        match self.fit() {
            SchemaFit::Exact | SchemaFit::Ahead => Ok(()),
            SchemaFit::Missing => Err(SchemaError::Missing),
            SchemaFit::Behind => Err(SchemaError::Old { found, needed }),
            SchemaFit::TooNew => Err(SchemaError::New {
                found,
                needed,
                works_from,
            }),
        }
    }
}

/// The migrations that lead on from version `found`, each with its version.
pub(super) fn steps_from(
    found: i32,
    migrations: &[&'static str; COMPATIBLE_FROM.len()],
) -> impl Iterator<Item = (i32, &'static str)> {
    let numbered = (1..).zip(migrations.iter().copied());
    numbered.filter(move |(number, _)| *number > found)
}

/// The statement that writes down that a migration has run.
pub(super) fn record(number: i32) -> String {
    let oldest = (1..)
        .zip(COMPATIBLE_FROM)
        .find_map(|(version, oldest)| (version == number).then_some(oldest));
    match oldest.filter(|_| number >= FIRST_TO_TELL) {
        Some(oldest) => format!(
            "INSERT INTO sidgate_schema (version, compatible_from) VALUES ({number}, {oldest});"
        ),
        None => format!("INSERT INTO sidgate_schema (version) VALUES ({number});"),
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
