//! What a document says in a table, for tests that compare it with the code.

use std::collections::BTreeSet;

/// The rows of the table below `heading`, which is given with its hashes. A row begins with a name in code font.
pub(super) fn rows(document: &'static str, heading: &str) -> impl Iterator<Item = &'static str> {
    let (_, section) = document.split_once(&format!("\n{heading}\n")).unwrap();
    let section = section.split("\n##").next().unwrap();
    section.lines().filter(|line| line.starts_with("| `"))
}

/// The text of a cell, or of a whole row, that is in code font.
pub(super) fn in_code(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split('`').skip(1).step_by(2)
}

/// What is in code font in the first column of the table below `heading`.
pub(crate) fn named(document: &'static str, heading: &str) -> BTreeSet<&'static str> {
    rows(document, heading)
        .flat_map(|row| in_code(row.split(" | ").next().unwrap()))
        .collect()
}
