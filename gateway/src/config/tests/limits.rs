//! The table of limits in `docs/configuration.md` says what the parser accepts: each key with a time, a size or a count stands in
//! it, its bounds are accepted, and what lies just beyond them is not.

use std::collections::BTreeMap;
use std::time::Duration;

use super::super::duration::{parse_duration, show};
use super::super::size;
use super::Draft;
use super::documentation::effects::EFFECTS;
use super::documentation::{PAGE, place, rows};

struct Limit {
    default: String,
    least: String,
    most: String,
}

/// The rows of the table, by key.
fn limits() -> BTreeMap<String, Limit> {
    let (_, table) = PAGE.split_once("\n## Limits\n").expect("the section");
    let table = table.split("\n###").next().expect("the table");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        let [key, default, least, most, _] = cells.as_slice() else {
            panic!("five cells: {row}");
        };
        let bare = |cell: &str| cell.trim_matches('`').to_owned();
        let limit = Limit {
            default: (*default).to_owned(),
            least: bare(least),
            most: bare(most),
        };
        (bare(key), limit)
    })
    .collect()
}

#[test]
fn every_time_size_and_count_is_in_the_table_with_its_default() {
    let of_sections: BTreeMap<String, String> = rows()
        .into_iter()
        .filter(|(_, row)| ["duration", "size", "number"].contains(&row.kind))
        .map(|(key, row)| {
            let default = row.default.map(|default| format!("`{default}`"));
            (key, default.unwrap_or_else(|| "none".to_owned()))
        })
        .collect();
    let of_table: BTreeMap<String, String> = limits()
        .into_iter()
        .map(|(key, limit)| (key, limit.default))
        .collect();
    assert_eq!(of_table, of_sections);
}

/// What else a key at one of its bounds needs.
const COMPANIONS: &[(&str, &str, &str)] = &[
    (
        "session.idle_timeout",
        "session.absolute_timeout",
        "\"400d\"",
    ),
    ("edge.max_header_bytes", "edge.max_cookie_bytes", "1"),
    ("edge.max_cookie_bytes", "edge.max_header_bytes", "1048576"),
    (
        "migration.tombstone_ttl",
        "session.absolute_timeout",
        "\"1s\"",
    ),
];

#[test]
fn the_bounds_of_the_table_are_those_of_the_parser() {
    let place = place();
    for (key, limit) in limits() {
        let others = EFFECTS.iter().find(|(name, ..)| *name == key);
        let others = others.map_or(&[][..], |(_, _, others)| others).iter();
        let draft = others.fold(Draft::minimal(), |draft, (key, value)| {
            draft.set(key, value)
        });
        let mut companions = COMPANIONS.iter().filter(|(of, ..)| *of == key);
        let draft = companions
            .next()
            .map_or(draft.clone(), |(_, key, value)| draft.set(key, value));
        let name = key
            .replace("tenants.NAME", "tenants.acme")
            .replace("NAME", "django");
        let text = |value: &str| draft.clone().set(&name, value).text();

        for bound in [&limit.least, &limit.most] {
            place.good(&text(&written(bound, 0)));
        }
        let below = written(&limit.least, -1);
        if !below.contains('-') {
            refused(&place, &text(&below), &name);
        }
        refused(&place, &text(&written(&limit.most, 1)), &name);
    }
}

fn refused(place: &super::Place, text: &str, key: &str) {
    let faults = place.bad(text);
    let key = key.replace("[]", "[0]");
    assert!(
        faults
            .iter()
            .any(|fault| fault.starts_with(&format!("{key}: must be "))),
        "{faults:?} for\n{text}"
    );
}

/// A value as the file has it, moved by the smallest step.
fn written(value: &str, step: i64) -> String {
    if let Ok(duration) = parse_duration(value) {
        // Some are in whole seconds; a longer step says the same at the end of so long a time.
        let step_of = if duration >= Duration::from_secs(1) && step > 0 {
            1_000
        } else {
            1
        };
        let millis = i64::try_from(duration.as_millis()).expect("a duration") + step * step_of;
        return match u64::try_from(millis) {
            Ok(millis) => format!("{:?}", show(Duration::from_millis(millis))),
            Err(_) => "-1".to_owned(),
        };
    }
    let bytes = size::within(0..=u64::MAX)(value)
        .ok()
        .and_then(|bytes| i64::try_from(bytes).ok());
    let number = bytes.unwrap_or_else(|| value.parse().expect("a number"));
    (number + step).to_string()
}
