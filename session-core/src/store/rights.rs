//! What the role of a gateway may do in the database, beside what it must be able to do.

use std::fmt;

/// Rights of a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// What a gateway of this version needs and the role has not.
    pub missing: Vec<Grant>,
    /// What the role has and no gateway needs, each in a few words.
    pub needless: Vec<&'static str>,
}

/// A statement that gives rights on one thing to one role. Displays as SQL, without the semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// For example `SELECT` and `UPDATE (revoked_at)`.
    pub privileges: Vec<String>,
    /// What they are on, as SQL: `"public".sidgate_session`.
    pub on: String,
    /// Who gets them, as SQL: `"gw"`.
    pub role: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let privileges = self.privileges.join(", ");
        write!(f, "GRANT {privileges} ON {} TO {}", self.on, self.role)
    }
}

/// Rights that are missing, as an error tells them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingRights(pub Vec<Grant>);

impl fmt::Display for MissingRights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database role lacks rights. Missing:")?;
        for (number, grant) in self.0.iter().enumerate() {
            let separator = if number == 0 { " " } else { "; " };
            write!(f, "{separator}{grant}")?;
        }
        Ok(())
    }
}
