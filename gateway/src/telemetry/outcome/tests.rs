use std::collections::BTreeSet;

use strum::VariantArray as _;

use super::super::documented::{in_code, rows};
use super::*;

/// Each outcome in the table of docs/operations.md, after the name of its group.
#[test]
fn every_outcome_is_documented_in_its_group() {
    let text = include_str!("../../../../docs/operations.md");
    let rows = rows(text, "### Outcomes");
    let documented: BTreeSet<(&str, &str)> = rows
        .flat_map(|row| {
            let mut names = in_code(row);
            let group = names.next().unwrap();
            names.map(move |name| (group, name))
        })
        .collect();
    let known = Outcome::VARIANTS.iter();
    let known = known.map(|outcome| (outcome.group().into_str(), outcome.into_str()));
    assert_eq!(documented, known.collect());
}

#[test]
fn the_name_of_an_outcome_is_read_again() {
    for outcome in Outcome::VARIANTS {
        assert_eq!(outcome.into_str().parse(), Ok(*outcome));
    }
}

#[test]
fn what_an_app_is_told_of_a_session_is_the_name_of_the_outcome() {
    for state in [State::None, State::Anonymous, State::Unknown] {
        assert_eq!(Outcome::from(&state).into_str(), state.as_str());
    }
    assert_eq!(Outcome::Active.into_str(), "active");
}
