use std::collections::BTreeSet;

use super::super::documented::named;

const AUDIT: &str = include_str!("../../../../docs/audit.md");

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
    assert_eq!(
        named(AUDIT, "## Events"),
        in_source("impl Kind {", "=> \"", '"')
    );
}

#[test]
fn every_field_is_documented_and_no_other() {
    let source = include_str!("../security.rs");
    let (_, call) = source.split_once("target: TARGET,").unwrap();
    let (call, _) = call.split_once("\"security event\"").unwrap();
    let fields = call.lines().filter_map(|line| line.trim().split_once(" ="));
    let written: BTreeSet<&str> = fields.map(|(name, _)| name).collect();
    assert_eq!(named(AUDIT, "## A line"), written);
}
