//! The file form: TOML tables whose faults are gathered instead of ending the reading.
//!
//! `serde` stops at the first error, and an operator wants them all. So a [`Document`] is walked by hand, with a
//! [`Reader`] for each table; what they find wrong is noted here, with its line.
//!
//! Because reading goes on with the default in place of a faulty value, rules that compare keys report through
//! [`Document::contradiction`], which stays silent when one of the keys has a fault of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use toml::de::DeTable;

use super::faults::Fault;
use super::lines::Lines;

/// The faults of one file, gathered while its tables are read.
pub(super) struct Document<'a> {
    text: &'a str,
    notes: RefCell<Notes>,
}

#[derive(Default)]
struct Notes {
    /// Values that cannot be used.
    faults: Vec<Fault>,
    /// Values that cannot be used together.
    contradictions: Vec<Fault>,
    /// Where each key that is present stands, for faults found after its table was left.
    lines: HashMap<String, usize>,
    /// Every key that was asked for, so that a test can hold the documentation to it.
    #[cfg(test)]
    known: std::collections::BTreeSet<String>,
}

impl<'a> Document<'a> {
    /// Reads `text` as TOML and hands its root table to `read`.
    ///
    /// When the text is not TOML, only the syntax errors are reported: what a broken file means would be a guess.
    pub(super) fn read<T>(
        text: &'a str,
        read: impl for<'d> FnOnce(&'d Document<'d>, &'d DeTable<'d>) -> Option<T>,
    ) -> Result<T, Vec<Fault>> {
        let document = Document {
            text,
            notes: RefCell::default(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // The error's own `Display` quotes the line, which may hold a password.
            document.fault("", error.span(), error.message().to_owned());
        }
        if !document.notes.borrow().faults.is_empty() {
            return Err(document.notes.into_inner().faults);
        }
        let value = read(&document, root.get_ref());
        let Notes {
            mut faults,
            contradictions,
            ..
        } = document.notes.into_inner();
        faults.extend(contradictions);
        // Without a value there is always a fault: a section comes back empty only after reporting one.
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }

    /// Keys whose values are fine alone and wrong together; `keys` names them, the one to change first.
    ///
    /// Not reported if one of the keys has a faulty value: the rule then saw the default in its place.
    pub(super) fn contradiction(&self, keys: &[&str], message: impl Into<String>) {
        let mut notes = self.notes.borrow_mut();
        let is_faulty = |key: &&str| notes.faults.iter().any(|fault| concerns(&fault.key, key));
        let Some(first) = keys.first().filter(|_| !keys.iter().any(is_faulty)) else {
            return;
        };
        let fault = Fault {
            key: (*first).to_owned(),
            line: keys.iter().find_map(|key| notes.lines.get(*key).copied()),
            message: message.into(),
        };
        notes.contradictions.push(fault);
    }

    /// A fault of something that stands outside the file, such as an environment variable.
    pub(super) fn outside(&self, name: &str, message: String) {
        self.fault_at(name, None, message);
    }

    /// A value that cannot be used.
    pub(super) fn fault(&self, key: &str, span: Option<Range<usize>>, message: String) {
        let line = span.and_then(|span| self.line(&span));
        self.fault_at(key, line, message);
    }

    /// The absence of a value, which is a fault of the table around it, unless that is no table at all.
    pub(super) fn missing(&self, table: &str, key: &str, message: String) {
        if self
            .notes
            .borrow()
            .faults
            .iter()
            .any(|fault| fault.key == table)
        {
            return;
        }
        let line = self.notes.borrow().lines.get(table).copied();
        self.fault_at(key, line, message);
    }

    /// Remembers where `key` stands.
    pub(super) fn note_line(&self, key: String, span: &Range<usize>) {
        if let Some(line) = self.line(span) {
            self.notes.borrow_mut().lines.insert(key, line);
        }
    }

    /// Where each key that is present stands.
    pub(super) fn lines(&self) -> Lines {
        Lines::new(self.notes.borrow().lines.clone())
    }

    fn fault_at(&self, key: &str, line: Option<usize>, message: String) {
        let fault = Fault {
            key: key.to_owned(),
            line,
            message,
        };
        self.notes.borrow_mut().faults.push(fault);
    }

    fn line(&self, span: &Range<usize>) -> Option<usize> {
        let before = self.text.as_bytes().get(..span.start)?;
        Some(1 + before.iter().filter(|byte| **byte == b'\n').count())
    }
}

/// Whether a fault at `fault` makes the value of `key` unreliable: one is the other, or lies inside it.
fn concerns(fault: &str, key: &str) -> bool {
    let inside = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    inside(fault, key) || inside(key, fault)
}

#[cfg(test)]
impl Document<'_> {
    /// Remembers that a section asked for `key`.
    pub(super) fn note_known(&self, key: String) {
        self.notes.borrow_mut().known.insert(key);
    }

    /// Every key that the sections asked for so far.
    pub(super) fn known(&self) -> std::collections::BTreeSet<String> {
        self.notes.borrow().known.clone()
    }
}
