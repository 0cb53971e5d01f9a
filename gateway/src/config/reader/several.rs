//! Keys with several values: lists, and tables.

use toml::Spanned;
use toml::de::DeValue;

use super::super::catalog::Kind;
use super::values::Variables;
use super::{Reader, joined, quoted};

/// More entries than any list or table of this file sensibly has; a bound on the work of checking it.
const MAX_ENTRIES: usize = 256;

impl<'a> Reader<'a> {
    /// A list of strings that `parse` accepts, none of them twice. Faulty entries are left out.
    pub(in super::super) fn texts<T: PartialEq>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.note(key, Kind::Texts);
        self.list(key, Variables::Replaced, parse)
    }

    /// Like `texts`, of strings as they are written: secrets. `parse` replaces their variables.
    pub(in super::super) fn references<T: PartialEq>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.note(key, Kind::References);
        self.list(key, Variables::AsWritten, parse)
    }

    fn list<T: PartialEq>(
        &mut self,
        key: &'static str,
        variables: Variables,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let mut values: Vec<T> = Vec::new();
        for (index, node) in self
            .entries(key, "a list of strings, written [\"..\"]")?
            .enumerate()
        {
            let entry = format!("{key}[{index}]");
            let Some(text) = node.get_ref().as_str() else {
                self.wrong_type(&entry, node, "a string");
                continue;
            };
            match self.understood(&entry, node, text, variables, &parse) {
                Some(value) if values.contains(&value) => {
                    self.fault(&entry, node, "appears more than once".to_owned())
                }
                Some(value) => values.push(value),
                None => {}
            }
        }
        Some(values)
    }

    /// The table `[key]`. An absent table reads like an empty one, so that defaults live in one place.
    pub(in super::super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let table = self.take(key).and_then(|node| self.table_of(key, node));
        Reader::new(self.document, self.child(key), self.model_of(key), table).finish(read)
    }

    /// The list of tables `[[key]]`.
    pub(in super::super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Reader<'_>) -> T,
    ) -> Vec<T> {
        let model = self.model_of(&format!("{key}[]"));
        if self.document.is_described() {
            return vec![Reader::new(self.document, model.clone(), model, None).finish(read)];
        }
        let Some(entries) = self.entries(key, "a list of tables, written [[..]]") else {
            return Vec::new();
        };
        entries
            .enumerate()
            .map(|(index, node)| {
                let entry = format!("{key}[{index}]");
                let table = self.table_of(&entry, node);
                Reader::new(self.document, self.child(&entry), model.clone(), table)
                    .finish(&mut read)
            })
            .collect()
    }

    /// The tables `[key.NAME]`, whose names are the operator's. A `name` fault is recorded and its table still read.
    pub(in super::super) fn named<T>(
        &mut self,
        key: &'static str,
        check_name: impl Fn(&str) -> Result<(), String>,
        mut read: impl FnMut(&mut Reader<'_>, &str) -> T,
    ) -> Vec<(String, T)> {
        let model = self.model_of(&format!("{key}.NAME"));
        if self.document.is_described() {
            let reader = Reader::new(self.document, model.clone(), model, None);
            return vec![(
                "NAME".to_owned(),
                reader.finish(|reader| read(reader, "NAME")),
            )];
        }
        self.members(key)
            .map(|(name, node)| {
                let entry = format!("{key}.{}", quoted(name));
                if let Err(message) = check_name(name) {
                    self.fault(&entry, node, message);
                }
                let table = self.table_of(&entry, node);
                let value = Reader::new(self.document, self.child(&entry), model.clone(), table)
                    .finish(|reader| read(reader, name));
                (name.to_owned(), value)
            })
            .collect()
    }

    /// The table `[key]` of strings under names that are the operator's. Faulty entries are left out.
    pub(in super::super) fn pairs<T>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str, &str) -> Result<T, String>,
    ) -> Vec<T> {
        self.under_names(key, Kind::Text, |this, entry, name, node| {
            let Some(text) = node.get_ref().as_str() else {
                this.wrong_type(entry, node, "a string");
                return None;
            };
            let read = |text: &str| parse(name, text);
            this.understood(entry, node, text, Variables::Replaced, read)
        })
    }

    /// The table `[key]` of secrets under names that are the operator's. Faulty entries are left out.
    pub(in super::super) fn secrets<T>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str, &str) -> Result<T, String>,
    ) -> Vec<T> {
        self.under_names(key, Kind::Reference, |this, entry, name, node| {
            let Some(text) = node.get_ref().as_str() else {
                this.wrong_type(entry, node, "a string");
                return None;
            };
            let read = |text: &str| parse(name, text);
            this.understood(entry, node, text, Variables::AsWritten, read)
        })
    }

    /// The table `[key]` of lists of strings under names that are the operator's. Faulty entries are left out.
    pub(in super::super) fn lists<T>(
        &mut self,
        key: &'static str,
        mut parse: impl FnMut(&str, Vec<String>) -> Result<T, String>,
    ) -> Vec<T> {
        self.under_names(key, Kind::Texts, |this, entry, name, node| {
            let values = this.texts_at(entry, node)?;
            let list = parse(name, values);
            list.map_err(|message| this.fault(entry, node, message))
                .ok()
        })
    }

    /// The values of the table `[key]`, whose names are the operator's. `read` gets the path of a value, its name, and the value.
    fn under_names<T>(
        &mut self,
        key: &'static str,
        kind: Kind,
        mut read: impl FnMut(&Self, &str, &str, &'a Spanned<DeValue<'a>>) -> Option<T>,
    ) -> Vec<T> {
        let model = self.model_of(key);
        let names = joined(&model, "NAME");
        let members = self.members(key);
        let table = Reader::new(self.document, self.child(key), model, None);
        if self.document.is_described() {
            table.note_entry("NAME", names, kind, None);
            return Vec::new();
        }
        let mut values = Vec::new();
        for (name, node) in members {
            let name_in_file = quoted(name);
            table.note_entry(&name_in_file, names.clone(), kind.clone(), Some(node));
            let entry = format!("{key}.{name_in_file}");
            values.extend(read(self, &entry, name, node));
        }
        values
    }

    /// The strings of a list; `None` when one of them is none.
    fn texts_at(&self, entry: &str, node: &'a Spanned<DeValue<'a>>) -> Option<Vec<String>> {
        let wanted = "a list of strings, written [\"..\"]";
        let Some(array) = node.get_ref().as_array() else {
            self.wrong_type(entry, node, wanted);
            return None;
        };
        self.bound(entry, node, array.len());
        let text = |(index, node): (usize, &'a Spanned<DeValue<'a>>)| {
            let entry = format!("{entry}[{index}]");
            let Some(text) = node.get_ref().as_str() else {
                self.wrong_type(&entry, node, "a string");
                return None;
            };
            let keep = |text: &str| Ok(text.to_owned());
            self.understood(&entry, node, text, Variables::Replaced, keep)
        };
        array
            .iter()
            .take(MAX_ENTRIES)
            .enumerate()
            .map(text)
            .collect()
    }

    pub(super) fn entries(
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

    fn bound(&self, key: &str, node: &Spanned<DeValue<'_>>, len: usize) {
        if len > MAX_ENTRIES {
            self.fault(
                key,
                node,
                format!("has {len} entries, more than {MAX_ENTRIES}"),
            );
        }
    }
}
