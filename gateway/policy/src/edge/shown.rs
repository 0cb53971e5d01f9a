//! What of a request may be written down?
//!
//! A line that lets somebody find a request names its method, path, host and the field that was wrong. All of them are
//! the client's text, and a client can put a secret anywhere: a sid, the token of a link that resets a password. So
//! whatever is written passes through here. It loses its query, it is made visible ASCII, it is cut, and what looks like
//! a secret becomes `***`.
//!
//! What looks like one: a session id, a JSON web token, twenty hexadecimal digits or more with letters among them, 32
//! letters and digits in a row, and twenty characters or more that alternate as only random text does. Percent escapes
//! are looked through. A UUID that is no session id stays, and so do numbers, words and dates: an id in a path is how a
//! line is found. A secret that is a UUID, a word or shorter than twenty characters looks like any other name; the
//! operator keeps its path out of the log by a route of its own.

use std::borrow::Cow;

/// The longest path that is written down, in bytes.
pub const PATH_MAX: usize = 512;

/// The longest host that is written down, in bytes.
pub const HOST_MAX: usize = 255;

/// The longest name of a field, cookie or method that is written down, in bytes.
pub const NAME_MAX: usize = 64;

/// The longest value of a field that is written down, in bytes.
pub const TEXT_MAX: usize = 256;

/// What stands for a secret.
pub const MASK: &str = "***";

/// How often percent escapes are looked through. Who escapes more often than this hides something.
const DECODINGS: usize = 3;

/// Endings of files that every visitor gets. Their names hold digests of what is in them.
const PUBLIC_FILES: [&[u8]; 7] = [
    b".js", b".mjs", b".css", b".map", b".woff", b".woff2", b".ttf",
];

/// The path of a request target, without the query. `is_sid` is asked about whatever has the form of a UUID.
///
/// Borrowed when nothing has to be changed, which is the rule.
pub fn path(target: &[u8], is_sid: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let path = target
        .get(..end.unwrap_or(target.len()))
        .unwrap_or_default();
    // Only in other forms than `/path` can a target hold somebody's name and password.
    let may_name_a_user = !path.starts_with(b"/");
    let is_hidden = |segment: &[u8]| {
        is_secret(segment, &is_sid) || (may_name_a_user && segment.contains(&b'@'))
    };
    let is_plain = path.len() <= PATH_MAX && path.iter().all(u8::is_ascii_graphic);
    match str::from_utf8(path) {
        Ok(text) if is_plain && !path.split(is_slash).any(is_hidden) => Cow::Borrowed(text),
        _ => Cow::Owned(masked(path, b'/', PATH_MAX, is_hidden)),
    }
}

/// Does this target lead below `prefix` in some reading? Asked of targets that were refused: nobody knows how an app
/// would have read them, so wherever the names of the prefix follow each other counts.
#[must_use]
pub fn leads_below(target: &[u8], prefix: &str) -> bool {
    let wanted: Vec<String> = names(prefix.as_bytes()).collect();
    let mut reading = Cow::Borrowed(target);
    for _ in 0..=DECODINGS {
        let found: Vec<String> = names(&reading).collect();
        if wanted.is_empty() || found.windows(wanted.len()).any(|part| part == wanted) {
            return true;
        }
        match decoded(&reading) {
            Some(next) => reading = Cow::Owned(next),
            None => return false,
        }
    }
    true
}

/// The names of the segments of a path, in small letters and without parameters.
fn names(path: &[u8]) -> impl Iterator<Item = String> {
    let segments = path.split(|byte| matches!(byte, b'/' | b'\\'));
    let names = segments.map(|segment| segment.split(|&byte| byte == b';').next());
    names
        .flatten()
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).to_lowercase())
}

/// The host that a request names, without a user before it. Borrowed when nothing has to be changed.
pub fn host(host: &[u8], is_sid: impl Fn(&str) -> bool) -> Cow<'_, str> {
    let host = host.rsplit(|&byte| byte == b'@').next().unwrap_or_default();
    parts(host, b'.', HOST_MAX, |label| is_secret(label, &is_sid))
}

/// The value of a field, such as `User-Agent`. Borrowed when nothing has to be changed.
pub fn text(text: &[u8], is_sid: impl Fn(&str) -> bool) -> Cow<'_, str> {
    parts(text, b' ', TEXT_MAX, |word| is_secret(word, &is_sid))
}

/// [`masked`], where that changes anything.
fn parts(
    text: &[u8],
    separator: u8,
    max: usize,
    is_hidden: impl Fn(&[u8]) -> bool,
) -> Cow<'_, str> {
    let is_visible = |byte: &u8| byte.is_ascii_graphic() || *byte == separator;
    let is_plain = text.len() <= max && text.iter().all(is_visible);
    match str::from_utf8(text) {
        Ok(plain) if is_plain && !text.split(|byte| *byte == separator).any(&is_hidden) => {
            Cow::Borrowed(plain)
        }
        _ => Cow::Owned(masked(text, separator, max, is_hidden)),
    }
}

/// The name of a method, field or cookie. Nobody is asked whether a UUID is a session id: a name has no business to be
/// one.
#[must_use]
pub fn name(name: &[u8]) -> String {
    // Judged in its parts, and once more as a whole.
    if is_secret(name, &|_| true) {
        return MASK.to_owned();
    }
    masked(name, b'.', NAME_MAX, |_| false)
}

/// `text` with what `is_hidden` masked, part by part; visible, and at most `max` bytes long.
///
/// Parts are judged whole and cut afterwards: the beginning of a secret is nearly as good as all of it.
fn masked(text: &[u8], separator: u8, max: usize, is_hidden: impl Fn(&[u8]) -> bool) -> String {
    let mut shown = String::new();
    for (number, part) in text.split(|&byte| byte == separator).enumerate() {
        if number > 0 {
            shown.push(char::from(separator));
        }
        if is_hidden(part) {
            shown.push_str(MASK);
        } else {
            push_visible(&mut shown, part);
        }
        if shown.len() >= max {
            // Everything in it is ASCII.
            shown.truncate(max);
            break;
        }
    }
    shown
}

fn push_visible(shown: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_graphic() {
            shown.push(char::from(*byte));
        } else {
            shown.push_str(&format!("\\x{byte:02x}"));
        }
    }
}

fn is_slash(byte: &u8) -> bool {
    *byte == b'/'
}

/// Does this part of a path or host look like a secret, in any reading of its escapes?
fn is_secret(part: &[u8], is_sid: &dyn Fn(&str) -> bool) -> bool {
    if part.len() > PATH_MAX {
        return true;
    }
    let is_public_file = PUBLIC_FILES.iter().any(|ending| part.ends_with(ending));
    let mut reading = Cow::Borrowed(part);
    for _ in 0..=DECODINGS {
        let mut runs = reading.split(|byte| !is_token_byte(*byte));
        if runs.any(|run| holds_sid(run, is_sid) || (!is_public_file && is_token(run))) {
            return true;
        }
        match decoded(&reading) {
            Some(next) => reading = Cow::Owned(next),
            None => return false,
        }
    }
    true
}

/// What tokens are made of: base64 in both alphabets, hexadecimal digits, UUIDs.
const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+')
}

/// The text with its percent escapes decoded; `None` when there is none.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    if !text.contains(&b'%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let (mut rest, mut found) = (text, false);
    while let Some((&first, after)) = rest.split_first() {
        if let (b'%', Some(byte)) = (first, after.first_chunk().and_then(hex_pair)) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
            found = true;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    found.then_some(bytes)
}

fn hex_pair(pair: &[u8; 2]) -> Option<u8> {
    let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? * 16 + low?).ok()
}

// === Session ids ===

/// The length of a UUID in its usual form.
const UUID: usize = 36;

fn holds_sid(run: &[u8], is_sid: &dyn Fn(&str) -> bool) -> bool {
    let mut windows = run.windows(UUID).filter(|window| is_uuid(window));
    windows.any(|window| is_sid(&as_sid(window)))
}

/// A UUID as a session id is written. In other letters, or with `_` as in a variable's name, it gives the same id away.
fn as_sid(uuid: &[u8]) -> String {
    let written = |byte: &u8| match byte {
        b'_' => '-',
        other => char::from(other.to_ascii_lowercase()),
    };
    uuid.iter().map(written).collect()
}

fn is_uuid(text: &[u8]) -> bool {
    let is_dash = |at: usize| matches!(at, 8 | 13 | 18 | 23);
    let fits = |(at, byte): (usize, &u8)| {
        if is_dash(at) {
            matches!(byte, b'-' | b'_')
        } else {
            byte.is_ascii_hexdigit()
        }
    };
    text.len() == UUID && text.iter().enumerate().all(fits)
}

// === Tokens ===

/// Fewer characters are too few to tell a token from a name.
const SHORTEST: usize = 20;

/// No word, date or number is this long in one piece.
const LONGEST_WORD: usize = 32;

/// How every JSON web token begins: `{"` in base64.
const JWT: &[u8] = b"eyJ";

fn is_token(run: &[u8]) -> bool {
    if run.starts_with(JWT) && run.len() >= 10 {
        return true;
    }
    if run.len() < SHORTEST {
        return false;
    }
    if let Some(at) = run.windows(UUID).position(is_uuid) {
        // An id, and what stands around it.
        let (before, after) = (run.get(..at), run.get(at + UUID..));
        return [before, after].into_iter().flatten().any(is_token);
    }
    let mut pieces = run.split(|byte| !byte.is_ascii_alphanumeric());
    pieces.any(|piece| piece.len() >= LONGEST_WORD || is_hex_token(piece)) || is_random(run)
}

/// Hexadecimal digits with letters and numbers among them: more than a number, and no word.
fn is_hex_token(piece: &[u8]) -> bool {
    piece.len() >= SHORTEST
        && piece.iter().all(u8::is_ascii_hexdigit)
        && piece.iter().any(u8::is_ascii_digit)
        && piece.iter().any(u8::is_ascii_alphabetic)
}

/// Does this text change between capitals, small letters and digits as often as only random text does?
///
/// Random base64 changes at six characters of ten, random small letters and digits at four. Words change at their
/// beginning, and are kept apart by separators that random text has rarely.
fn is_random(run: &[u8]) -> bool {
    let separators = run.iter().filter(|byte| !byte.is_ascii_alphanumeric());
    if separators.count() * 5 > run.len() {
        return false;
    }
    let changes = run.windows(2).filter(|pair| differ(pair)).count();
    if run.iter().any(u8::is_ascii_digit) {
        changes * 4 >= run.len()
    } else {
        changes * 5 >= run.len() * 2
    }
}

fn differ(pair: &[u8]) -> bool {
    let kind = |byte: &u8| (byte.is_ascii_uppercase(), byte.is_ascii_lowercase());
    let [first, second] = pair else { return false };
    [first, second]
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric())
        && kind(first) != kind(second)
}

#[cfg(test)]
mod tests;
