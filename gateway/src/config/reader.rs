//! One table of the file, read key by key.
//!
//! * A value that cannot be used becomes one fault with the key's path and line, and reading goes on.
//! * A key that nobody asked for becomes a fault when its table has been read.
//! * The text of a value appears in a fault only if the parser of that value put it there.

use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::faults::Fault;
use super::file::Document;
use super::{size, suggest};

/// More entries than any list or table of this file sensibly has; a bound on the work of checking it.
const MAX_ENTRIES: usize = 256;

/// One table of the file, or the empty table in its place.
pub(super) struct Reader<'a> {
    document: &'a Document<'a>,
    path: String,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

// === single values ===

impl<'a> Reader<'a> {
    /// A boolean; `None` when absent or faulty.
    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let node = self.take(key)?;
        let flag = node.get_ref().as_bool();
        if flag.is_none() {
            self.wrong_type(key, node, "true or false");
        }
        flag
    }

    /// A whole number inside `range`; `None` when absent or faulty.
    pub(super) fn number<N>(&mut self, key: &'static str, range: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let node = self.take(key)?;
        let Some(integer) = node.get_ref().as_integer() else {
            self.wrong_type(key, node, "a whole number");
            return None;
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .and_then(|number| N::try_from(number).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("must be between {} and {}", range.start(), range.end());
            self.fault(key, node, message);
        }
        number
    }

    /// A number of bytes inside `range`, or a text such as `"256MiB"`; `None` when absent or faulty.
    pub(super) fn size(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<u64> {
        let node = self.table.and_then(|table| table.get(key));
        if node.is_some_and(|node| node.get_ref().as_str().is_some()) {
            self.text(key, size::within(range))
        } else {
            self.number(key, range)
        }
    }

    /// A string that `parse` accepts; `None` when absent or faulty.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        let Some(text) = node.get_ref().as_str() else {
            self.wrong_type(key, node, "a string");
            return None;
        };
        parse(text)
            .map_err(|message| self.fault(key, node, message))
            .ok()
    }

    /// Like `text`, with a default that is parsed too: it may name something that does not exist, which is a fault.
    pub(super) fn text_or<T>(
        &mut self,
        key: &'static str,
        default: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.has(key) {
            return self.text(key, parse);
        }
        self.asked.push(key);
        self.note_known(key);
        let report = |message| {
            let message = format!("{message} (the default is {default:?})");
            self.document.missing(&self.path, &self.child(key), message);
        };
        parse(default).map_err(report).ok()
    }

    /// One of a few words; `None` when absent or faulty.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.text(key, |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found.map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<_> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
                format!("{text:?} is not one of {}", words.join(", "))
            })
        })
    }
}

// === several values ===

impl<'a> Reader<'a> {
    /// A list of strings that `parse` accepts, none of them twice. Faulty entries are left out.
    pub(super) fn texts<T: PartialEq>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let mut values: Vec<T> = Vec::new();
        for (index, node) in self.entries(key, "a list of strings")?.enumerate() {
            let entry = format!("{key}[{index}]");
            let Some(text) = node.get_ref().as_str() else {
                self.wrong_type(&entry, node, "a string");
                continue;
            };
            match parse(text) {
                Ok(value) if values.contains(&value) => {
                    self.fault(&entry, node, "appears more than once".to_owned())
                }
                Ok(value) => values.push(value),
                Err(message) => self.fault(&entry, node, message),
            }
        }
        Some(values)
    }

    /// The table `[key]`. An absent table reads like an empty one, so that defaults live in one place.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let table = self.take(key).and_then(|node| self.table_of(key, node));
        Reader::new(self.document, self.child(key), table).finish(read)
    }

    /// The list of tables `[[key]]`.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Reader<'_>) -> T,
    ) -> Vec<T> {
        let Some(entries) = self.entries(key, "a list of tables, written [[..]]") else {
            return Vec::new();
        };
        entries
            .enumerate()
            .map(|(index, node)| {
                let entry = format!("{key}[{index}]");
                let table = self.table_of(&entry, node);
                Reader::new(self.document, self.child(&entry), table).finish(&mut read)
            })
            .collect()
    }

    /// The tables `[key.NAME]`, whose names are the operator's. A `name` fault is recorded and its table still read.
    pub(super) fn named<T>(
        &mut self,
        key: &'static str,
        check_name: impl Fn(&str) -> Result<(), String>,
        mut read: impl FnMut(&mut Reader<'_>, &str) -> T,
    ) -> Vec<(String, T)> {
        self.members(key)
            .map(|(name, node)| {
                let entry = format!("{key}.{}", quoted(name));
                if let Err(message) = check_name(name) {
                    self.fault(&entry, node, message);
                }
                let table = self.table_of(&entry, node);
                let value = Reader::new(self.document, self.child(&entry), table)
                    .finish(|reader| read(reader, name));
                (name.to_owned(), value)
            })
            .collect()
    }

    /// The table `[key]` of strings under names that are the operator's. Faulty entries are left out.
    pub(super) fn pairs<T>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str, &str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        for (name, node) in self.members(key) {
            let entry = format!("{key}.{}", quoted(name));
            self.note_known(&entry);
            match node.get_ref().as_str().map(|text| parse(name, text)) {
                Some(Ok(value)) => values.push(value),
                Some(Err(message)) => self.fault(&entry, node, message),
                None => self.wrong_type(&entry, node, "a string"),
            }
        }
        values
    }

    fn entries(
        &mut self,
        key: &'static str,
        wanted: &str,
    ) -> Option<impl Iterator<Item = &'a Spanned<DeValue<'a>>> + use<'a>> {
        let node = self.take(key)?;
        let Some(array) = node.get_ref().as_array() else {
            self.wrong_type(key, node, wanted);
            return None;
        };
        self.bound(key, node, array.len());
        Some(array.iter().take(MAX_ENTRIES))
    }

    fn members(
        &mut self,
        key: &'static str,
    ) -> impl Iterator<Item = (&'a str, &'a Spanned<DeValue<'a>>)> + use<'a> {
        let node = self.take(key);
        let table = node.and_then(|node| self.table_of(key, node));
        if let (Some(node), Some(table)) = (node, table) {
            self.bound(key, node, table.len());
        }
        table
            .into_iter()
            .flatten()
            .map(|(name, node)| (name.get_ref().as_ref(), node))
            .take(MAX_ENTRIES)
    }
}

// === the table as a whole ===

impl<'a> Reader<'a> {
    /// Reads `text` as TOML, and what its tables mean.
    ///
    /// # Errors
    /// Every fault of the file.
    pub(super) fn read<T>(
        text: &str,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Result<T, Vec<Fault>> {
        Document::read(text, |document, table| {
            Reader::root(document, table).finish(read)
        })
    }

    /// The table that holds all others.
    fn root(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(document, String::new(), Some(table))
    }

    fn new(document: &'a Document<'a>, path: String, table: Option<&'a DeTable<'a>>) -> Self {
        Self {
            document,
            path,
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
                let message = match suggest::nearest(name, &self.asked) {
                    Some(meant) => format!("unknown key; did you mean {meant:?}?"),
                    None => "unknown key".to_owned(),
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

    /// The full path of `key` in this table.
    pub(super) fn child(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the file has this table.
    pub(super) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Reports that `key` must be there, if it is not.
    pub(super) fn require(&self, key: &str) {
        if !self.has(key) {
            let message = "is missing and has no default".to_owned();
            self.document.missing(&self.path, &self.child(key), message);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.push(key);
        self.note_known(key);
        let node = self.table?.get(key)?;
        self.note_line(key, node);
        Some(node)
    }

    fn table_of(&self, key: &str, node: &'a Spanned<DeValue<'a>>) -> Option<&'a DeTable<'a>> {
        let table = node.get_ref().as_table();
        match table {
            Some(_) => self.note_line(key, node),
            None => self.wrong_type(key, node, "a table"),
        }
        table
    }

    fn bound(&self, key: &str, node: &Spanned<DeValue<'_>>, len: usize) {
        if len > MAX_ENTRIES {
            self.fault(
                key,
                node,
                format!("has {len} entries, more than {MAX_ENTRIES}"),
            );
        }
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

    #[cfg(test)]
    fn note_known(&self, key: &str) {
        self.document.note_known(self.child(key));
    }

    #[cfg(not(test))]
    #[expect(
        clippy::unused_self,
        reason = "only tests compare the keys with the documentation"
    )]
    fn note_known(&self, _key: &str) {}
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
