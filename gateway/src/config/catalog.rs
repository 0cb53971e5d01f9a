//! What was asked for while a file was read: each key with its type, its bounds and its value.
//!
//! Readers fill it as they go, so the JSON Schema and `config show` know every key that the parser knows, and no other.

/// Every key and table that was asked for, in that order.
#[derive(Debug, Clone, Default)]
pub(super) struct Catalog {
    /// The keys.
    pub(super) entries: Vec<Entry>,
    /// The tables.
    pub(super) tables: Vec<Table>,
    /// Keys that must be there, as in [`Entry::model`].
    pub(super) required: Vec<String>,
    /// Tables that must have one of two keys: their model, and the keys.
    pub(super) one_required: Vec<(String, [String; 2])>,
}

/// One key.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its path, with `NAME` for names of the operator's and `[]` for positions in lists.
    pub(super) model: String,
    /// The path of its table in this file.
    pub(super) table: String,
    /// The key as TOML writes it.
    pub(super) key: String,
    /// What it may be.
    pub(super) kind: Kind,
    /// What it is in this file, with variables replaced where they are.
    pub(super) value: Option<toml::Value>,
}

/// One table.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// Its path in this file.
    pub(super) path: String,
    /// As in [`Entry::model`].
    pub(super) model: String,
    /// Whether it is in the file.
    pub(super) is_present: bool,
    /// Whether its absence has a meaning of its own.
    pub(super) is_switch: bool,
}

/// What a key may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// True or false.
    Flag,
    /// A whole number.
    Number(Bounds),
    /// A share of a whole, between 0 and 1.
    Ratio,
    /// A number of bytes.
    Size(Bounds),
    /// A text.
    Text,
    /// One of a few words.
    Word(Vec<String>),
    /// A list of texts.
    Texts,
    /// A list of texts, or of tables that hold such a text and its weight under these keys.
    Weighted(&'static str, &'static str),
    /// A text whose variables are not replaced: a secret, or a URL with secrets in it.
    Reference,
    /// A list of such.
    References,
}

/// The least and the largest that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) least: i64,
    pub(super) most: i64,
}

impl Catalog {
    /// Notes that the absence of the table at `path` has a meaning of its own.
    pub(super) fn note_switch(&mut self, path: &str) {
        for table in &mut self.tables {
            if table.path == path {
                table.is_switch = true;
            }
        }
    }
}
