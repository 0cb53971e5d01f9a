use super::*;
use crate::config::MigrationMode;
use crate::legacy::testing::{config, migration};

fn clearing() -> Clearing {
    let sites = config("[server]\npublic_origin = \"https://app.test\"").sites;
    Clearing::new(&migration(MigrationMode::On), sites.first())
}

fn names(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("dott_{number:03}"))
        .collect()
}

fn at(seconds: u64) -> Boot {
    Boot::default().plus(Duration::from_secs(seconds))
}

#[test]
fn a_name_that_stays_is_tried_elsewhere_and_given_up() {
    let (cleared_names, clearing) = (ClearedNames::default(), clearing());
    let sweep = |seconds| cleared_names.sweep(&clearing, &names(1), "/a/b", at(seconds));
    let first = sweep(0);
    assert_eq!(first.lines.len(), 2);
    assert_eq!(
        sweep(1).lines,
        first.lines,
        "the browser has not seen the first answer yet"
    );
    let second = sweep(3);
    assert!(second.lines.len() > 2 && second.given_up.is_empty());
    let third = sweep(6);
    assert!(third.lines.is_empty());
    assert_eq!(third.given_up, names(1));
    let later = sweep(60);
    assert!(
        later.lines.is_empty() && later.given_up.is_empty(),
        "told once"
    );
}

#[test]
fn too_many_names_are_spread_over_answers() {
    let (cleared_names, clearing) = (ClearedNames::default(), clearing());
    let all = names(60);
    let mut left = all.clone();
    let mut answers = 0;
    while !left.is_empty() {
        let sweep = cleared_names.sweep(&clearing, &left, "/", at(answers * 3));
        assert!(size(&sweep.lines) <= BYTES_MAX);
        let cleared = |name: &String| {
            let prefix = format!("{name}=;");
            let lines = sweep.lines.iter();
            lines
                .filter(|line| line.to_str().unwrap().starts_with(&prefix))
                .count()
                == 2
        };
        let before = left.len();
        left.retain(|name| !cleared(name));
        assert!(left.len() < before, "each answer takes some away, whole");
        answers += 1;
    }
    assert!((2..=4).contains(&answers), "{answers}");
}

#[test]
fn names_that_stay_do_not_keep_others_out() {
    let (cleared_names, clearing) = (ClearedNames::default(), clearing());
    let all = names(60);
    let mut told = std::collections::BTreeSet::new();
    for answer in 0..4 {
        // The browser forgets nothing.
        for line in cleared_names
            .sweep(&clearing, &all, "/", at(answer * 3))
            .lines
        {
            let line = line.to_str().unwrap().to_owned();
            told.insert(line.split('=').next().unwrap().to_owned());
        }
    }
    assert_eq!(told.len(), all.len());
}

#[test]
fn a_name_too_long_for_one_answer_is_cleared_in_part() {
    let (cleared_names, clearing) = (ClearedNames::default(), clearing());
    let name = vec![format!("dott_{}", "x".repeat(4_000))];
    let sweep = cleared_names.sweep(&clearing, &name, "/", at(0));
    assert_eq!(sweep.lines.len(), 1);
}

/// Names are a client's text, of any length and as many as it likes.
#[test]
fn what_is_remembered_does_not_depend_on_what_clients_send() {
    assert_eq!(size_of::<Swept>(), 16);
    let (cleared_names, clearing) = (ClearedNames::default(), clearing());
    for round in 0..10_000 {
        let name = format!("dott_{round}{}", "x".repeat(3_900));
        cleared_names.sweep(&clearing, &[name], "/", at(round));
    }
    let swept = cleared_names.0.lock();
    assert!(swept.capacity() <= 2 * NAMES_MAX, "{}", swept.capacity());
}
