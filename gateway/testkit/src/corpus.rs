//! Property tests over bytes, with inputs that are kept.
//!
//! `gateway/tests/corpus/<target>/` holds seeds and whatever was once found, one input a file. Each property first looks at
//! those, then at changed ones. `PROPTEST_CASES` says how many (`make soak`); a failure prints the smallest input it has
//! found, which then belongs into the folder.

use std::fs;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseResult, TestError, TestRunner};

use super::places;

/// A change at a place, which is taken modulo the length.
#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, Vec<u8>),
    Delete(usize, usize),
    Replace(usize, u8),
    Repeat(usize, usize),
}

/// The kept inputs of `target`, with their names.
pub fn kept(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = places::gateway().join("tests/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut kept: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    kept.sort();
    assert!(!kept.is_empty(), "{folder:?} is empty");
    kept
}

/// Checks the kept inputs of `target`, then `cases` changed ones (or as many as `PROPTEST_CASES` says). `pieces` is what
/// parsers of this kind stumble over.
pub fn holds(target: &str, cases: u32, pieces: &[&str], check: impl Fn(&[u8]) -> TestCaseResult) {
    let kept = kept(target);
    for (name, bytes) in &kept {
        if let Err(why) = check(bytes) {
            panic!("{target}/{name}: {why}");
        }
    }
    let seeds: Vec<Vec<u8>> = kept.into_iter().map(|(_, bytes)| bytes).collect();
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..tried(cases)
    });
    match runner.run(&changed(seeds, pieces), |bytes| check(&bytes)) {
        Ok(()) => {}
        Err(TestError::Fail(why, bytes)) => {
            panic!("{target}: {why}\nfor {:?}", String::from_utf8_lossy(&bytes))
        }
        Err(error) => panic!("{target}: {error}"),
    }
}

/// `cases`, or as many as `PROPTEST_CASES` says, which a number given to proptest itself would overrule.
pub fn tried(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok();
    Config::with_cases(asked.and_then(|asked| asked.parse().ok()).unwrap_or(cases))
}

fn changed(seeds: Vec<Vec<u8>>, pieces: &[&str]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let pieces: Vec<Vec<u8>> = pieces
        .iter()
        .map(|piece| piece.as_bytes().to_vec())
        .collect();
    let at = any::<usize>;
    let edit = prop_oneof![
        4 => (at(), prop::sample::select(pieces)).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        1 => (at(), 1..8_usize).prop_map(|(at, length)| Edit::Delete(at, length)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        1 => (at(), 1..40_usize).prop_map(|(at, length)| Edit::Repeat(at, length)),
    ];
    let edits = prop::collection::vec(edit, 0..6);
    (prop::sample::select(seeds), edits).prop_map(|(seed, edits)| edits.iter().fold(seed, apply))
}

fn apply(mut bytes: Vec<u8>, edit: &Edit) -> Vec<u8> {
    let length = bytes.len();
    let range = |at: usize, count: usize| {
        let start = at % (length + 1);
        start..(start + count).min(length)
    };
    match edit {
        Edit::Insert(at, piece) => drop(bytes.splice(range(*at, 0), piece.iter().copied())),
        Edit::Delete(at, count) => drop(bytes.drain(range(*at, *count))),
        Edit::Replace(at, byte) => drop(bytes.splice(range(*at, 1), [*byte])),
        Edit::Repeat(at, count) => {
            let again = bytes[range(*at, *count)].to_vec();
            drop(bytes.splice(range(*at, 0), again));
        }
    }
    bytes
}
