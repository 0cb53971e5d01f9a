//! Which language does somebody want to read? `Accept-Language` (RFC 9110, 12.5.4), looked up as RFC 4647, 3.4 says.

use sidgate_policy::edge::quality;

/// More languages than anybody reads; a bound on the work that a request can cause.
const MAX_RANGES: usize = 16;

/// What the header says, best first.
#[derive(Debug, Default)]
pub(crate) struct Languages<'h>(Vec<&'h str>);

impl<'h> Languages<'h> {
    /// Understands the value of the header. What is no language range is left out.
    pub(crate) fn of(header: &'h str) -> Self {
        let mut ranges: Vec<_> = header
            .split(',')
            .take(MAX_RANGES)
            .filter_map(range)
            .filter(|(_, weight)| *weight > 0)
            .collect();
        // Stable: of equal weights the first is meant.
        ranges.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
        Self(ranges.into_iter().map(|(range, _)| range).collect())
    }

    /// The first language that `find` knows. `de-AT` is looked for as `de-at` and then as `de`.
    pub(super) fn first_of<T>(&self, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|range| {
            let range = range.to_ascii_lowercase();
            let mut tag = range.as_str();
            loop {
                if let Some(found) = find(tag) {
                    return Some(found);
                }
                tag = tag.rsplit_once('-')?.0;
            }
        })
    }
}

/// A range with its weight in thousandths.
fn range(text: &str) -> Option<(&str, u16)> {
    let (range, weight) = quality::weighted(text);
    let is_tag = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if range.is_empty() || range.len() > 35 || !range.bytes().all(is_tag) {
        return None;
    }
    Some((range, weight?))
}
