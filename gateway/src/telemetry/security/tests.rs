use std::collections::BTreeSet;

/// Names in code font in the first column of the table under `heading` in docs/audit.md.
fn documented(heading: &str) -> BTreeSet<&'static str> {
    let text = include_str!("../../../../docs/audit.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| {
        let cell = row.split(" | ").next().unwrap();
        cell.split('`').skip(1).step_by(2)
    })
    .collect()
}

/// What stands between `before` and the next quotation mark or comma, in the source beside.
fn in_source(part: &str, before: &str, after: char) -> BTreeSet<&'static str> {
    let source = include_str!("../security.rs");
    let (_, part) = source.split_once(part).unwrap();
    let part = part.split("\n}\n").next().unwrap();
    let found = part
        .lines()
        .filter_map(|line| line.trim().split_once(before));
    found
        .map(|(_, rest)| rest.split(after).next().unwrap())
        .collect()
}

#[test]
fn every_event_is_documented_and_no_other() {
    assert_eq!(documented("Events"), in_source("impl Kind {", "=> \"", '"'));
}

#[test]
fn every_field_is_documented_and_no_other() {
    let source = include_str!("../security.rs");
    let (_, call) = source.split_once("target: TARGET,").unwrap();
    let (call, _) = call.split_once("\"security event\"").unwrap();
    let fields = call.lines().filter_map(|line| line.trim().split_once(" ="));
    let written: BTreeSet<&str> = fields.map(|(name, _)| name).collect();
    assert_eq!(documented("A line"), written);
}
