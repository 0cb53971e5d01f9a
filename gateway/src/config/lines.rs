//! Where each key of the file stands, for those who tell an operator which key has decided something.

use std::collections::HashMap;
use std::fmt;

/// The lines of the keys that the file has. What it leaves out has its default.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Lines(HashMap<String, usize>);

impl Lines {
    pub(super) const fn new(lines: HashMap<String, usize>) -> Self {
        Self(lines)
    }

    /// The line of a key such as `routes[1].session`, from 1; `None` where the default holds.
    #[must_use]
    pub fn of(&self, key: &str) -> Option<usize> {
        self.0.get(key).copied()
    }
}

/// What a configuration says does not depend on where it stands.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines(..)")
    }
}
