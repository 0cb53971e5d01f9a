//! What `docs/configuration.md` says about each key. It is compiled in, so that editors and `config show` say the same as the
//! page, and tests hold the page to the parser.

const PAGE: &str = include_str!("../../../docs/configuration.md");

/// The row of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// `server.listen`, `routes[].path`, `upstreams.NAME.servers`.
    pub(super) key: String,
    /// The word for its type, such as `duration` or `list of hosts`.
    pub(super) kind: &'static str,
    /// How the page writes its default; `None`: it has none.
    pub(super) default: Option<&'static str>,
    /// What it means.
    pub(super) meaning: &'static str,
    /// `yes` or `restart`.
    pub(super) reload: &'static str,
}

/// Every key, in the order of the page.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut section = None;
    for line in PAGE.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = section_of(heading);
        }
        let cells: Vec<&'static str> = line
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        if let (Some(section), [key, kind, default, meaning, reload]) = (&section, cells.as_slice())
            && let Some(key) = in_backticks(key)
        {
            rows.push(Row {
                key: format!("{section}.{key}"),
                kind,
                default: in_backticks(default),
                meaning,
                reload,
            });
        }
    }
    rows
}

/// The word for the type of a key, as in [`Row::kind`].
pub(super) fn kind(key: &str) -> Option<&'static str> {
    let row = rows().into_iter().find(|row| row.key == key)?;
    Some(row.kind)
}

/// The table that a heading is about: `[x]`, or `[[x]]`, which becomes `x[]`.
fn section_of(heading: &str) -> Option<String> {
    let name = in_backticks(heading)?
        .strip_prefix('[')?
        .strip_suffix(']')?;
    let list = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    Some(list.map_or_else(|| name.to_owned(), |list| format!("{list}[]")))
}

fn in_backticks(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

impl Row {
    /// Its default as a value.
    pub(super) fn default(&self) -> Option<toml::Value> {
        let text = format!("value = {}", self.default?);
        let mut table: toml::Table = text.parse().ok()?;
        table.remove("value")
    }

    /// What it means, without links.
    pub(super) fn plain_meaning(&self) -> String {
        let mut plain = String::new();
        let mut rest = self.meaning;
        while let Some((before, after)) = rest.split_once('[') {
            plain.push_str(before);
            match after.split_once("](") {
                Some((label, target)) if !label.contains(']') => {
                    plain.push_str(label);
                    rest = target.split_once(')').map_or("", |(_, rest)| rest);
                }
                _ => {
                    plain.push('[');
                    rest = after;
                }
            }
        }
        plain.push_str(rest);
        plain
    }
}
