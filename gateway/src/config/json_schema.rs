//! The JSON Schema of the configuration, for editors and pipelines. Its keys, types, bounds and words are those that the readers
//! ask for; its descriptions and defaults are those of `docs/configuration.md`.
//!
//! A schema sees one value at a time and no environment: contradictions between keys and the bounds of durations are for
//! `sidgate check`. Every text may hold `${NAME}`, so every pattern lets it through.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::catalog::{Bounds, Catalog, Entry, Kind};
use super::handbook::{self, Row};

/// A text with a variable in it, whose value is not known here.
const VARIABLE: &str = r"\$\{";

/// How the texts of a type of the page are written.
#[rustfmt::skip]
const PATTERNS: [(&str, &str); 11] = [
    ("duration", "^[0-9]+(ms|s|m|h|d)$"),
    ("rate", "^[0-9]+/[smhd]$"),
    ("URL path", "^/"),
    ("list of URL paths", "^/"),
    ("address", r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$"),
    ("list of addresses", r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$"),
    ("list of servers", r"^((https?://)?[^/]+:[0-9]+|unix:/.+|(https\+)?srv:_.+)$"),
    ("list of listeners", r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$|^unix:/"),
    ("list of origins", "^https?://"),
    ("list of trusted origins", "^[a-z][a-z0-9+.-]*://"),
    ("URL path or URL", "^/|^https?://"),
];
/// A secret stands elsewhere.
const SECRET: &str = r"^$|^\$\{[A-Za-z_][A-Za-z0-9_]*\}$|^file:.";
const SIZE: &str = "^[0-9]+(KiB|MiB|GiB|TiB)?$";

/// The schema of everything in `catalog`.
pub(super) fn of(catalog: &Catalog) -> Value {
    let rows: HashMap<String, Row> = handbook::rows()
        .into_iter()
        .map(|row| (row.key.clone(), row))
        .collect();
    let mut root = Node::default();
    for table in &catalog.tables {
        root.at(&table.model).required = required_in(catalog, &table.model);
    }
    for (table, keys) in &catalog.one_required {
        root.at(table).one_required = Some(keys.clone());
    }
    for entry in &catalog.entries {
        let (table, key) = entry
            .model
            .rsplit_once('.')
            .unwrap_or(("", entry.model.as_str()));
        let value = value(entry, rows.get(&entry.model));
        let table = root.at(table);
        match key {
            "NAME" => table.any_value = Some(value),
            _ => drop(table.keys.insert(key.to_owned(), value)),
        }
    }
    let mut schema = root.schema();
    schema.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    schema.insert("title".to_owned(), json!("Configuration of Sidgate"));
    Value::Object(schema)
}

/// A table of the file.
#[derive(Default)]
struct Node {
    /// Its keys.
    keys: Map<String, Value>,
    /// Tables in it.
    tables: BTreeMap<String, Node>,
    /// Lists of tables in it.
    lists: BTreeMap<String, Node>,
    /// Tables under names of the operator's.
    any_table: Option<Box<Node>>,
    /// Values under such names.
    any_value: Option<Value>,
    /// Keys that must be there.
    required: Vec<String>,
    /// One of these must be there.
    one_required: Option<[String; 2]>,
}

impl Node {
    /// The table at `model`, which is made if it is new.
    fn at(&mut self, model: &str) -> &mut Self {
        let segments = model.split('.').filter(|segment| !segment.is_empty());
        segments.fold(self, |node, segment| {
            match (segment, segment.strip_suffix("[]")) {
                ("NAME", _) => node.any_table.get_or_insert_default(),
                (_, Some(list)) => node.lists.entry(list.to_owned()).or_default(),
                (table, None) => node.tables.entry(table.to_owned()).or_default(),
            }
        })
    }

    fn schema(self) -> Map<String, Value> {
        let mut properties = self.keys;
        for (name, table) in self.tables {
            properties.insert(name, Value::Object(table.schema()));
        }
        for (name, table) in self.lists {
            properties.insert(name, json!({"type": "array", "items": table.schema()}));
        }
        let others = self
            .any_table
            .map(|table| Value::Object(table.schema()))
            .or(self.any_value)
            .unwrap_or(Value::Bool(false));
        let mut schema = Map::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), Value::Object(properties)),
            ("additionalProperties".to_owned(), others),
        ]);
        if let Some(keys) = self.one_required {
            let either = keys.map(|key| json!({"required": [key]}));
            schema.insert("anyOf".to_owned(), json!(either));
        }
        if !self.required.is_empty() {
            schema.insert("required".to_owned(), json!(self.required));
        }
        schema
    }
}

/// The keys that a table must have: those that are asked for in it, and sections that must have some.
fn required_in(catalog: &Catalog, model: &str) -> Vec<String> {
    let is_child = |path: &str| {
        let rest = match model {
            "" => Some(path),
            _ => path
                .strip_prefix(model)
                .and_then(|rest| rest.strip_prefix('.')),
        };
        rest.filter(|rest| !rest.contains('.') && !rest.ends_with("[]") && *rest != "NAME")
            .map(str::to_owned)
    };
    let keys = catalog.required.iter().filter_map(|key| is_child(key));
    let sections = catalog
        .tables
        .iter()
        .filter(|table| !table.is_switch)
        .filter(|table| {
            let inside = format!("{}.", table.model);
            catalog.required.iter().any(|key| {
                key.strip_prefix(&inside)
                    .is_some_and(|rest| !rest.contains('.'))
            })
        })
        .filter_map(|table| is_child(&table.model));
    keys.chain(sections).collect()
}

/// The schema of one key.
fn value(entry: &Entry, row: Option<&Row>) -> Value {
    let kind = row.map_or("", |row| row.kind);
    let mut schema = match &entry.kind {
        Kind::Flag => json!({"type": ["boolean", "string"], "pattern": VARIABLE}),
        Kind::Number(bounds) => number(*bounds, VARIABLE),
        Kind::Ratio => {
            json!({"type": ["number", "string"], "minimum": 0, "maximum": 1, "pattern": VARIABLE})
        }
        Kind::Size(bounds) => number(*bounds, &format!("{SIZE}|{VARIABLE}")),
        Kind::Word(words) => {
            json!({"type": "string", "anyOf": [{"enum": words}, {"pattern": VARIABLE}]})
        }
        Kind::Text | Kind::Reference => text(kind),
        Kind::Texts | Kind::References => {
            json!({"type": "array", "items": text(kind), "uniqueItems": true})
        }
        Kind::Weighted(name, weight) => {
            let table = json!({
                "type": "object",
                "properties": {*name: text(kind), *weight: {"type": "integer", "minimum": 1}},
                "required": [name],
                "additionalProperties": false,
            });
            json!({"type": "array", "items": {"anyOf": [text(kind), table]}, "uniqueItems": true})
        }
    };
    if let (Some(row), Value::Object(schema)) = (row, &mut schema) {
        schema.insert("description".to_owned(), json!(row.plain_meaning()));
        if let Some(default) = row.default() {
            schema.insert("default".to_owned(), json!(default));
        }
        schema.insert("x-type".to_owned(), json!(row.kind));
        schema.insert("x-reload".to_owned(), json!(row.reload));
    }
    schema
}

fn number(bounds: Bounds, pattern: &str) -> Value {
    json!({
        "type": ["integer", "string"],
        "minimum": bounds.least,
        "maximum": bounds.most,
        "pattern": pattern,
    })
}

/// A text of a type of the page.
fn text(kind: &str) -> Value {
    if matches!(kind, "secret" | "list of secrets") {
        return json!({"type": "string", "pattern": SECRET});
    }
    let pattern = PATTERNS.iter().find(|(name, _)| *name == kind);
    match pattern {
        Some((_, pattern)) => {
            json!({"type": "string", "pattern": format!("{pattern}|{VARIABLE}")})
        }
        None => json!({"type": "string"}),
    }
}
