//! One table of the file, read key by key.
//!
//! * A value that cannot be used becomes one fault with the key's path and line, and reading goes on.
//! * A key that nobody asked for becomes a fault when its table has been read.
//! * The text of a value appears in a fault only if the parser of that value put it there, and never what a variable in it
//!   stands for.
//! * Every key that is asked for is noted in the [`Catalog`], with its type and its bounds.

mod ratio;
mod several;
mod values;
mod weighted;

pub(super) use self::weighted::Weighted;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::catalog::{Catalog, Entry, Kind, Table};
use super::faults::Fault;
use super::file::Document;
use super::variables::{self, Env};
use super::{hints, suggest};

/// One table of the file, or the empty table in its place.
pub(super) struct Reader<'a> {
    document: &'a Document<'a>,
    path: String,
    /// The path with `NAME` for names of the operator's and `[]` for positions.
    model: String,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// Reads `text` as TOML, and what its tables mean.
    ///
    /// # Errors
    /// Every fault of the file.
    pub(super) fn read<T>(
        text: &str,
        env: Env<'_>,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, Vec<Fault>> {
        Document::read(text, env, |document, table| {
            Reader::new(document, String::new(), String::new(), Some(table)).finish(read)
        })
    }

    /// What `read` asks for, whatever stands in a file. Tables whose names are the operator's are asked for once, as `NAME`.
    pub(super) fn describe(read: impl FnOnce(&mut Reader<'_>)) -> Catalog {
        Document::describe(|document| {
            Reader::new(document, String::new(), String::new(), None).finish(read);
        })
    }

    fn new(
        document: &'a Document<'a>,
        path: String,
        model: String,
        table: Option<&'a DeTable<'a>>,
    ) -> Self {
        let noted = Table {
            path: path.clone(),
            model: model.clone(),
            is_present: table.is_some(),
            is_switch: false,
        };
        document.note_table(noted);
        Self {
            document,
            path,
            model,
            table,
            asked: Vec::new(),
        }
    }

    /// Reads the table with `read`, then reports the keys that it did not ask for.
    pub(super) fn finish<T>(mut self, read: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        let value = read(&mut self);
        for (key, _) in self.table.into_iter().flatten() {
            let name = key.get_ref().as_ref();
            if !self.asked.contains(&name) {
                let hint = hints::of_other_proxies(&self.model, name);
                let message = match (hint, suggest::nearest(name, &self.asked)) {
                    (Some(hint), _) => format!("unknown key: {hint}"),
                    (None, Some(meant)) => format!("unknown key; did you mean {meant:?}?"),
                    (None, None) => "unknown key".to_owned(),
                };
                let path = self.child(&quoted(name));
                self.document.fault(&path, Some(key.span()), message);
            }
        }
        value
    }

    /// The document, for rules between keys.
    pub(super) fn document(&self) -> &'a Document<'a> {
        self.document
    }

    /// The full path of this table.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The full path of `key` in this table.
    pub(super) fn child(&self, key: &str) -> String {
        joined(&self.path, key)
    }

    /// Like [`Document::contradiction`], of keys of this table.
    pub(super) fn contradiction(&self, keys: &[&str], message: impl Into<String>) {
        let keys: Vec<String> = keys.iter().map(|key| self.child(key)).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.document.contradiction(&keys, message);
    }

    /// Whether the file has this table, where its absence has a meaning of its own.
    pub(super) fn is_present(&self) -> bool {
        self.document.note_switch(&self.path);
        self.table.is_some() || self.document.is_described()
    }

    /// Whether the file has `key` here.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports that `key` must be there, if it is not.
    pub(super) fn require(&self, key: &str) {
        self.document.note_required(joined(&self.model, key));
        self.demand(key);
    }

    /// The same where another file may do without it.
    pub(super) fn demand(&self, key: &str) {
        if !self.has(key) {
            let message = "is missing and has no default".to_owned();
            self.document.missing(&self.path, &self.child(key), message);
        }
    }

    /// Reports that `key` must be there, if neither it nor `other` is.
    pub(super) fn require_one(&self, key: &str, other: &str) {
        let keys = [key, other].map(str::to_owned);
        self.document.note_one_required(self.model.clone(), keys);
        if !self.has(key) && !self.has(other) {
            let message = format!("is missing, and so is {other}");
            self.document.missing(&self.path, &self.child(key), message);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        let node = self.table?.get(key)?;
        self.note_line(key, node);
        Some(node)
    }

    /// A key that was asked for, and its value.
    fn note(&self, key: &str, kind: Kind) {
        let node = self.table.and_then(|table| table.get(key));
        self.note_entry(key, joined(&self.model, key), kind, node);
    }

    fn note_entry(
        &self,
        key: &str,
        model: String,
        kind: Kind,
        node: Option<&Spanned<DeValue<'_>>>,
    ) {
        let is_as_written = matches!(kind, Kind::Reference | Kind::References);
        let value = node.and_then(|node| self.meant(node.get_ref(), is_as_written));
        self.document.note_entry(Entry {
            model,
            table: self.path.clone(),
            key: key.to_owned(),
            kind,
            value,
        });
    }

    /// What a value of the file means; `None` when that is a fault, or no value of a key.
    fn meant(&self, value: &DeValue<'_>, is_as_written: bool) -> Option<toml::Value> {
        Some(match value {
            DeValue::String(text) if is_as_written => toml::Value::String(text.to_string()),
            DeValue::String(text) => {
                let expanded = variables::expand(text, self.document.env()).ok()?;
                toml::Value::String(expanded.text.into_owned())
            }
            DeValue::Integer(_) => toml::Value::Integer(whole_number(value)?),
            DeValue::Boolean(flag) => toml::Value::Boolean(*flag),
            DeValue::Array(entries) => entries
                .iter()
                .filter_map(|entry| self.meant(entry.get_ref(), is_as_written))
                .collect::<Vec<_>>()
                .into(),
            DeValue::Table(members) => {
                let members = members.iter().filter_map(|(key, member)| {
                    let meant = self.meant(member.get_ref(), is_as_written)?;
                    Some((key.get_ref().to_string(), meant))
                });
                toml::Value::Table(members.collect())
            }
            DeValue::Float(number) => toml::Value::Float(number.as_str().parse().ok()?),
            DeValue::Datetime(_) => return None,
        })
    }

    fn table_of(&self, key: &str, node: &'a Spanned<DeValue<'a>>) -> Option<&'a DeTable<'a>> {
        let table = node.get_ref().as_table();
        match table {
            Some(_) => self.note_line(key, node),
            None => self.wrong_type(key, node, "a table"),
        }
        table
    }

    fn wrong_type(&self, key: &str, node: &Spanned<DeValue<'_>>, wanted: &str) {
        let found = node.get_ref().type_str();
        self.fault(key, node, format!("must be {wanted}, not of type {found}"));
    }

    fn fault(&self, key: &str, node: &Spanned<DeValue<'_>>, message: String) {
        self.document
            .fault(&self.child(key), Some(node.span()), message);
    }

    fn note_line(&self, key: &str, node: &Spanned<DeValue<'_>>) {
        self.document.note_line(self.child(key), &node.span());
    }
}

/// The integer of a node; `None` when it is none, or too large for any key.
fn whole_number(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn joined(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.to_owned()
    } else {
        format!("{table}.{key}")
    }
}

/// A key as TOML would write it, so that odd names cannot garble a fault.
fn quoted(key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}
