//! Rights as statements.

use std::fmt;

use thiserror::Error;

use super::needed::{Right, Thing, rights};
use crate::store::Grant;

/// A name that PostgreSQL takes as it is. Displays as SQL, in quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identifier(String);

/// Why a name cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BadIdentifier {
    /// Nothing has no name.
    #[error("a name is not empty")]
    Empty,
    /// PostgreSQL would cut it off, and might find somebody else.
    #[error("a name has at most {} bytes", Identifier::LONGEST)]
    Long,
    /// PostgreSQL has no such names.
    #[error("a name holds no zero byte")]
    Zero,
    /// Not a role of its own, even in quotation marks.
    #[error("`public` means every role and `none` means nobody: name the role of the gateway")]
    Everybody,
}

impl Identifier {
    /// Most bytes of a name.
    pub const LONGEST: usize = 63;

    /// The name of a schema or of another object.
    ///
    /// # Errors
    /// When nothing can have this name.
    pub fn new(name: impl Into<String>) -> Result<Self, BadIdentifier> {
        let name = name.into();
        match name.len() {
            0 => Err(BadIdentifier::Empty),
            length if length > Self::LONGEST => Err(BadIdentifier::Long),
            _ if name.contains('\0') => Err(BadIdentifier::Zero),
            _ => Ok(Self(name)),
        }
    }

    /// The name of a role that rights can be given to.
    ///
    /// # Errors
    /// When no single role can have this name.
    pub fn of_role(name: impl Into<String>) -> Result<Self, BadIdentifier> {
        let name = Self::new(name)?;
        match name.0.as_str() {
            "public" | "none" => Err(BadIdentifier::Everybody),
            _ => Ok(name),
        }
    }

    /// The name as it is, for a parameter of a statement.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// A name that the server itself has told.
    pub(super) fn of_server(name: &str) -> Self {
        Self(name.to_owned())
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// The statements that give the role of a gateway what it needs, at the schema of this version, and no more. `schema` is where the
/// tables are.
#[must_use]
pub fn grants(schema: &Identifier, role: &Identifier) -> Vec<Grant> {
    as_grants(rights(), schema, role)
}

/// One statement for each thing. Rights on one thing must stand side by side.
pub(super) fn as_grants(
    rights: impl Iterator<Item = Right>,
    schema: &Identifier,
    role: &Identifier,
) -> Vec<Grant> {
    let rights: Vec<Right> = rights.collect();
    rights
        .chunk_by(|one, next| one.thing == next.thing)
        .filter_map(|of_one| {
            let thing = of_one.first()?.thing;
            let each = of_one.chunk_by(|one, next| one.word == next.word);
            Some(Grant {
                privileges: each.filter_map(privilege).collect(),
                on: on(thing, schema),
                role: role.to_string(),
            })
        })
        .collect()
}

/// `UPDATE (a, b)`, from the rights with one word.
fn privilege(rights: &[Right]) -> Option<String> {
    let word = rights.first()?.word;
    let columns: Vec<&str> = rights.iter().map(|right| right.column).collect();
    Some(match columns.as_slice() {
        [""] => word.to_owned(),
        columns => format!("{word} ({})", columns.join(", ")),
    })
}

fn on(thing: Thing, schema: &Identifier) -> String {
    match thing {
        Thing::Schema => format!("SCHEMA {schema}"),
        Thing::Table(table) => format!("{schema}.{table}"),
        Thing::Function(function, arguments) => {
            format!("FUNCTION {schema}.{function}({arguments})")
        }
    }
}

#[cfg(test)]
mod tests;
