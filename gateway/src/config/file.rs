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

use super::catalog::{Catalog, Entry, Table};
use super::faults::Fault;
use super::lines::Lines;
use super::repeated;
use super::variables::{Env, Used, hide};

/// The faults of one file, gathered while its tables are read.
pub(super) struct Document<'a> {
    text: &'a str,
    env: Env<'a>,
    /// Whether there is no file: only what would be asked for matters.
    is_described: bool,
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
    /// What was asked for.
    catalog: Catalog,
    /// The variables that stand in the file, outside of secrets.
    used: Vec<Used>,
}

impl<'a> Document<'a> {
    /// Reads `text` as TOML and hands its root table to `read`.
    ///
    /// When the text is not TOML, only the syntax errors are reported: what a broken file means would be a guess.
    pub(super) fn read<T>(
        text: &'a str,
        env: Env<'a>,
        read: impl for<'d> FnOnce(&'d Document<'d>, &'d DeTable<'d>) -> Option<T>,
    ) -> Result<T, Vec<Fault>> {
        let document = Document {
            text,
            env,
            is_described: false,
            notes: RefCell::default(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            // The error's own `Display` quotes the line, which may hold a password.
            let message = match error.span() {
                Some(span) if error.message() == "duplicate key" => repeated::told(text, span),
                _ => error.message().to_owned(),
            };
            document.fault("", error.span(), message);
        }
        if !document.notes.borrow().faults.is_empty() {
            return Err(document.notes.into_inner().faults);
        }
        let value = read(&document, root.get_ref());
        let Notes {
            mut faults,
            contradictions,
            used,
            ..
        } = document.notes.into_inner();
        faults.extend(contradictions.into_iter().map(|fault| Fault {
            message: hide(&fault.message, &used),
            ..fault
        }));
        // Without a value there is always a fault: a section comes back empty only after reporting one.
        match value {
            Some(value) if faults.is_empty() => Ok(value),
            _ => Err(faults),
        }
    }

    /// What `read` asks for when there is no file.
    pub(super) fn describe(read: impl for<'d> FnOnce(&'d Document<'d>)) -> Catalog {
        let document = Document {
            text: "",
            env: &|_| None,
            is_described: true,
            notes: RefCell::default(),
        };
        read(&document);
        document.notes.into_inner().catalog
    }

    /// Whether there is no file, see [`Document::describe`].
    pub(super) fn is_described(&self) -> bool {
        self.is_described
    }

    /// Looks an environment variable up.
    pub(super) fn env(&self) -> Env<'a> {
        self.env
    }

    /// What was asked for so far.
    pub(super) fn catalog(&self) -> Catalog {
        self.notes.borrow().catalog.clone()
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

    /// Whether the file has `key`.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.notes.borrow().lines.contains_key(key)
    }

    /// Remembers a key that was asked for.
    pub(super) fn note_entry(&self, entry: Entry) {
        self.notes.borrow_mut().catalog.entries.push(entry);
    }

    /// Remembers a table that was asked for.
    pub(super) fn note_table(&self, table: Table) {
        self.notes.borrow_mut().catalog.tables.push(table);
    }

    /// Remembers that the absence of a table has a meaning.
    pub(super) fn note_switch(&self, path: &str) {
        self.notes.borrow_mut().catalog.note_switch(path);
    }

    /// Remembers that one of two keys must be there.
    pub(super) fn note_one_required(&self, table: String, keys: [String; 2]) {
        let notes = &mut self.notes.borrow_mut().catalog;
        notes.one_required.push((table, keys));
    }

    /// Remembers that a key must be there.
    pub(super) fn note_required(&self, model: String) {
        self.notes.borrow_mut().catalog.required.push(model);
    }

    /// Remembers variables that stand in the file.
    pub(super) fn note_variables(&self, used: &[Used]) {
        self.notes.borrow_mut().used.extend_from_slice(used);
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
