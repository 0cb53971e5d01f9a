//! A key or a table that is there twice: which one, and where it is first.
//!
//! The TOML library says only where the second one is, so the text is searched for the first. Nothing but the name is told.

use std::ops::Range;

/// What is told about the second of two at `span`.
pub(super) fn told(text: &str, span: Range<usize>) -> String {
    let Some(name) = text.get(span.clone()).map(str::trim) else {
        return "duplicate key".to_owned();
    };
    let before = text.get(..span.start).unwrap_or_default();
    let (line, rest) = line_at(text, before.len());
    let first = if line.starts_with('[') {
        let wanted = heading(line);
        lines(before, before.len() - rest)
            .find(|(_, earlier)| earlier.starts_with('[') && heading(earlier) == wanted)
    } else {
        let inside = lines(before, before.len() - rest);
        let inside: Vec<_> = inside.collect();
        let own = inside
            .iter()
            .rposition(|(_, earlier)| earlier.starts_with('['))
            .map_or(0, |heading| heading + 1);
        inside
            .into_iter()
            .skip(own)
            .find(|(_, earlier)| key(earlier) == key(line))
    };
    let shown = if line.starts_with('[') {
        heading(line)
    } else {
        name.to_owned()
    };
    match first {
        Some((number, _)) => format!("`{shown}` is there twice, first in line {number}"),
        None => format!("`{shown}` is there twice"),
    }
}

/// The line around the byte `at`, and how far `at` is inside it.
fn line_at(text: &str, at: usize) -> (&str, usize) {
    let start = text
        .get(..at)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |end| end + 1);
    let line = text
        .get(start..)
        .and_then(|rest| rest.lines().next())
        .unwrap_or_default();
    (line.trim_start(), at - start)
}

/// The lines of the first `end` bytes, with their numbers.
fn lines(text: &str, end: usize) -> impl Iterator<Item = (usize, &str)> {
    let before = text.get(..end).unwrap_or_default();
    (1..).zip(before.lines().map(str::trim_start))
}

/// The path in a heading: `[ a . b ]  # c` is `a.b`.
fn heading(line: &str) -> String {
    let inside = line.trim_start_matches('[');
    let inside = inside.split(']').next().unwrap_or_default();
    inside.split_whitespace().collect()
}

/// The key in front of a `=`.
fn key(line: &str) -> Option<&str> {
    Some(line.split_once('=')?.0.trim())
}
