//! "Did you mean": the known key that a mistyped one is most likely to be.

/// At most this many letters may differ; beyond that a suggestion is a guess.
const MAX_DISTANCE: usize = 2;

/// The candidate nearest to `name`, if one is near enough.
pub(super) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= MAX_DISTANCE && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, one row at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut last = i + 1;
        let mut next = vec![last];
        for (above, right) in row.iter().skip(1).zip(b.chars()) {
            let replaced = diagonal + usize::from(left != right);
            last = replaced.min(last + 1).min(above + 1);
            diagonal = *above;
            next.push(last);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
