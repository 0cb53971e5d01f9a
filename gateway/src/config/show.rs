//! The configuration in effect: every key with its value, the defaults included, without what is secret.
//!
//! It is TOML again. A secret stays the reference that it is in the file; a password that is written out in a URL becomes
//! `***`.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use super::catalog::{Catalog, Entry, Kind, Table};
use super::duration::show;
use super::handbook::{self, Row};
use super::masked_url::masked_url;
use super::reader::Reader;
use super::secret::Sources;
use super::sites::OF_THE_ONE_SITE;
use super::{Config, Fault, Faults, json_schema};

impl Config {
    /// The JSON Schema of the file.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        let sources = Sources::new(Path::new(""), &|_| None);
        json_schema::of(&Reader::describe(|root| {
            Self::read(root, &sources);
        }))
    }

    /// The configuration in effect, as TOML.
    ///
    /// # Errors
    ///
    /// Those of [`Config::load`].
    pub fn effective(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<String, Faults> {
        let config = Self::load(path, env)?;
        let text = std::fs::read_to_string(path).map_err(|error| {
            let fault = Fault {
                key: String::new(),
                line: None,
                message: format!("cannot be read: {error}"),
            };
            Faults::new(path, vec![fault])
        })?;
        let sources = Sources::new(path.parent().unwrap_or(Path::new("")), env);
        let catalog = Reader::read(&text, env, |root| {
            Self::read(root, &sources)?;
            Some(root.document().catalog())
        })
        .map_err(|faults| Faults::new(path, faults))?;
        Ok(shown(&catalog, &config.beyond_the_file(env)))
    }

    /// Values that depend on other keys, or come from the environment in place of the file.
    fn beyond_the_file(&self, env: &dyn Fn(&str) -> Option<String>) -> HashMap<&str, toml::Value> {
        let mut values = HashMap::from([
            ("cache.local_ttl", show(self.cache.local_ttl).into()),
            ("cache.redis_ttl", show(self.cache.redis_ttl).into()),
            (
                "session.idle_timeout",
                show(self.session.idle_timeout).into(),
            ),
        ]);
        if let Some(url) = env("REDIS_URL").filter(|url| !url.is_empty()) {
            values.insert("cache.redis_url", masked_url(&url).into());
        }
        values
    }
}

fn shown(catalog: &Catalog, beyond: &HashMap<&str, toml::Value>) -> String {
    let rows = handbook::rows();
    let place: HashMap<&str, usize> = rows
        .iter()
        .enumerate()
        .map(|(place, row)| (row.key.as_str(), place))
        .collect();
    let mut text = String::new();
    for table in in_order(catalog, &rows) {
        let mut entries: Vec<_> = catalog
            .entries
            .iter()
            .filter(|entry| entry.table == table.path)
            .collect();
        entries.sort_by_key(|entry| place.get(entry.model.as_str()).copied());
        let is_present = |path: &str| {
            let mut tables = catalog.tables.iter();
            tables.any(|other| other.is_present && other.path == path)
        };
        let beside = Beside {
            siblings: &entries,
            is_redirect: is_present(&format!("{}.redirect", table.path)),
            has_sites: is_present("sites[0]"),
        };
        let lines: Vec<String> = entries
            .iter()
            .filter_map(|entry| {
                let row = place
                    .get(entry.model.as_str())
                    .and_then(|place| rows.get(*place));
                line(entry, row, beyond, &beside)
            })
            .collect();
        if lines.is_empty() && !is_listed(table) {
            continue;
        }
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{gap}{}", heading(&table.path));
        for line in lines {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

/// The tables to show, each once, in the order of the page.
fn in_order<'c>(catalog: &'c Catalog, rows: &[Row]) -> Vec<&'c Table> {
    let absent: Vec<&str> = catalog
        .tables
        .iter()
        .filter(|table| table.is_switch && !table.is_present)
        .map(|table| table.path.as_str())
        .collect();
    let is_absent = |table: &Table| {
        absent.iter().any(|absent| {
            let rest = table.path.strip_prefix(absent);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    let section = |model: &str| {
        model
            .split(['.', '['])
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let mut seen = HashSet::new();
    let mut tables: Vec<_> = catalog
        .tables
        .iter()
        .filter(|table| !table.path.is_empty() && !is_absent(table))
        .filter(|table| seen.insert(table.path.as_str()))
        .collect();
    tables.sort_by_key(|table| {
        let own = section(&table.model);
        rows.iter()
            .position(|row| section(&row.key) == own)
            .unwrap_or(usize::MAX)
    });
    tables
}

/// Whether the table means something even when it is empty.
fn is_listed(table: &Table) -> bool {
    table.is_switch || table.path.ends_with(']')
}

/// One key with its value; a key that has none is a comment.
fn line(
    entry: &Entry,
    row: Option<&Row>,
    beyond: &HashMap<&str, toml::Value>,
    beside: &Beside<'_>,
) -> Option<String> {
    let key = &entry.key;
    let value = match (&entry.kind, entry.value.clone()) {
        (Kind::Reference, Some(toml::Value::String(written))) => Some(masked_url(&written).into()),
        (_, value) => value,
    };
    let value = match beyond.get(entry.model.as_str()) {
        Some(beyond) => Some(beyond.clone()),
        None => value.or_else(|| {
            let default = row?.default()?;
            has_a_meaning(entry, beside).then_some(default)
        }),
    };
    match value {
        Some(value) => Some(format!("{key} = {value}")),
        None => Some(format!("# {key} is not set")),
    }
}

/// Keys of a route that is a redirect.
const OF_REDIRECTS: [&str; 5] = ["hosts", "path", "methods", "log", "log_path"];

/// What stands beside a key.
struct Beside<'c> {
    siblings: &'c [&'c Entry],
    /// Whether the table is a route that is a redirect, which has few keys.
    is_redirect: bool,
    /// Whether there is a list of sites, beside which a few keys have no place.
    has_sites: bool,
}

/// Whether the default of a key may be written down.
fn has_a_meaning(entry: &Entry, beside: &Beside<'_>) -> bool {
    if beside.is_redirect && !OF_REDIRECTS.contains(&entry.key.as_str()) {
        return false;
    }
    if beside.has_sites && OF_THE_ONE_SITE.contains(&entry.model.as_str()) {
        return false;
    }
    let session = beside
        .siblings
        .iter()
        .find(|sibling| sibling.model == "routes[].session")
        .and_then(|sibling| sibling.value.as_ref());
    let is_required = session
        .and_then(toml::Value::as_str)
        .is_none_or(|word| word == "required");
    entry.model != "routes[].on_missing" || is_required
}

/// `routes[0].x` is `[routes.x]`, and `routes[0]` is `[[routes]]`.
fn heading(path: &str) -> String {
    let mut name = String::new();
    let (mut is_quoted, mut is_position) = (false, false);
    for letter in path.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '[' if !is_quoted => is_position = true,
            _ => {}
        }
        if !is_position {
            name.push(letter);
        }
        if letter == ']' && !is_quoted {
            is_position = false;
        }
    }
    if path.ends_with(']') {
        format!("[[{name}]]")
    } else {
        format!("[{name}]")
    }
}
