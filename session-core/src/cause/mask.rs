//! Text of somebody else, made safe to show.

/// Letters of a text that are shown. Longer ones are cut.
const SHOWN: usize = 300;
/// A key or a digest in hexadecimal digits has at least so many, a sid too.
const HEX: usize = 32;
/// What stands for something that is not shown.
const MASK: &str = "***";

/// `text` as one line of at most 300 letters, without URLs and without what looks like a key, a digest or a sid.
#[must_use]
pub fn plain(text: &str) -> String {
    let one_line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    let words: Vec<String> = one_line.split_whitespace().map(masked).collect();
    let shown = words.join(" ");
    match shown.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}..", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

fn masked(word: &str) -> String {
    // A URL may hold a password, and a query a token.
    if word.contains("://") {
        return MASK.to_owned();
    }
    let is_digit = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    let mut shown = String::new();
    let mut rest = word;
    while let Some(letter) = rest.chars().next() {
        let same = is_digit(letter);
        let end = rest
            .find(|letter| is_digit(letter) != same)
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        shown.push_str(if same && run.len() >= HEX { MASK } else { run });
        rest = after;
    }
    shown
}

/// The name of a parameter of a URL as it is shown. Only what looks like the name of a parameter is: the URL may be broken in front of it.
pub(crate) fn parameter(name: &str) -> String {
    /// Longer than any name.
    const LONGEST: usize = 40;
    let is_name = name.len() <= LONGEST
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
    if is_name { name } else { "(not shown)" }.to_owned()
}
