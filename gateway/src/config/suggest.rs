//! "Did you mean": the known key that a mistyped one is most likely to be.

use strsim::levenshtein;

/// At most this many letters may differ; beyond that a suggestion is a guess.
const MAX_DISTANCE: usize = 2;

/// The candidate nearest to `name`, if one is near enough.
pub(super) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (levenshtein(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= MAX_DISTANCE && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}
