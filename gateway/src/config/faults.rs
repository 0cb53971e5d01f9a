//! What is wrong with a configuration: every fault, at once, each with the key it concerns.
//!
//! An operator should mend a file in one pass, so nothing here stops at the first fault. Messages never contain the
//! value of a key that may hold a secret: they are written to terminals, journals and issue trackers.

use std::fmt;
use std::path::{Path, PathBuf};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path of the key, such as `routes[1].session`, or the name of an environment variable; empty when the fault
    /// concerns the file as a whole.
    pub key: String,
    /// Line of the file, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong: lower case, no full stop, no secret.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.key.as_str(), self.line) {
            ("", None) => write!(f, "{}", self.message),
            ("", Some(line)) => write!(f, "line {line}: {}", self.message),
            (key, None) => write!(f, "{key}: {}", self.message),
            (key, Some(line)) => write!(f, "{key} (line {line}): {}", self.message),
        }
    }
}

/// Everything that is wrong with one file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults {
    file: PathBuf,
    faults: Vec<Fault>,
}

impl Faults {
    pub(super) fn new(file: &Path, mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| (a.line, &a.key).cmp(&(b.line, &b.key)));
        Self {
            file: file.to_owned(),
            faults,
        }
    }

    /// The faults, in the order of the file; those without a line come first.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter()
    }
}

/// One fault stands behind the name of the file; several have a line each below it, or with `#` all of them one line.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let file = self.file.display();
        if let [fault] = self.faults.as_slice() {
            return write!(f, "{file}: {fault}");
        }
        write!(f, "{file}: {} faults", self.faults.len())?;
        for (place, fault) in self.faults.iter().enumerate() {
            match (f.alternate(), place) {
                (false, _) => write!(f, "\n  {fault}")?,
                (true, 0) => write!(f, ": {fault}")?,
                (true, _) => write!(f, "; {fault}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
