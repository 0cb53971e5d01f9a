//! Which resource is meant? Accepts a path only in the one spelling that nobody downstream can read
//! differently.
//!
//! Routes are matched on these bytes and the very same bytes go upstream. WSGI servers decode `%2f`
//! and `%61`, some collapse `//`, Java containers cut `;params` off a segment, browsers and caches
//! resolve dots: each is a way to make the app serve `/admin` while the gateway matched `/public`.
//! So a path that has a second spelling is refused, never rewritten. Only the path is policed: a
//! query may hold whatever the grammar of a request line can carry.
//!
//! Slashes alone can be left open, for apps whose names hold them: what `%2F` and `//` mean is then
//! for the route to say ([`Slashes`], [`check_slashes`]).

use super::Refused;

/// The longest request target that is looked at by default, path and query together.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;

/// What becomes of a path with `%2F` or `//`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Slashes {
    /// It is refused.
    #[default]
    Strict,
    /// Its route says. Every other rule holds for it, and [`check_slashes`] has to be asked.
    AsRouted,
}

/// A request target in origin-form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Begins with `/`, ASCII, canonical; routes are matched on this and it is sent on as it is.
    pub path: &'a str,
    /// The text after the first `?`. Not canonical, and never a matter of policy.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Parses the bytes of a request target of at most `max` bytes.
    ///
    /// # Errors
    /// The rule that the target breaks.
    pub fn parse(target: &'a [u8], max: usize) -> Result<Self, Refused> {
        Self::parse_with(target, max, Slashes::Strict)
    }

    /// The same, where slashes may be for the route to judge.
    ///
    /// # Errors
    /// The rule that the target breaks.
    pub fn parse_with(target: &'a [u8], max: usize, slashes: Slashes) -> Result<Self, Refused> {
        if target.len() > max {
            return Err(Refused::TargetTooLong);
        }
        // These bytes end a request line, hide a fragment or split the line for a lenient parser:
        // nowhere allowed.
        if target
            .iter()
            .any(|&byte| byte <= b' ' || byte == 0x7f || byte == b'#')
        {
            return Err(Refused::TargetByte);
        }
        let text = str::from_utf8(target).or(Err(Refused::TargetByte))?;
        let (path, query) = match text.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (text, None),
        };
        // What no route could let pass is refused for the same reason as where none does.
        check_path(path, slashes).map_err(|why| check_slashes(path).err().unwrap_or(why))?;
        Ok(Self { path, query })
    }
}

/// What servers may read instead of this path before they look for whoever serves it.
///
/// Django and Next.js decode percent escapes. Other containers cut `;parameters` off each segment,
/// before or after they decode. A rule is written about one spelling of a path, so it holds only if
/// every reading leads to the same rule. Empty, and free of cost, for a path without escapes and
/// parameters.
#[must_use]
pub fn other_readings(path: &str) -> Vec<String> {
    let mut readings = Vec::new();
    if path.contains('%') {
        readings.push(decoded(path));
    }
    if first_param(path).is_some() {
        let bare = without_params(path);
        if bare.contains('%') {
            readings.push(decoded(&bare));
        }
        readings.push(bare);
    }
    readings
}

/// The same for a path that [`check_slashes`] refuses: also with the escaped slashes decoded before parameters are cut off,
/// and each with runs of slashes collapsed.
#[must_use]
pub fn other_readings_of_slashes(path: &str) -> Vec<String> {
    let mut readings = other_readings(path);
    readings.push(without_params(&with_slashes(path)));
    readings.push(with_slashes(path));
    let collapsed: Vec<String> = readings
        .iter()
        .map(String::as_str)
        .chain([path])
        .map(collapsed)
        .collect();
    readings.extend(collapsed);
    readings
}

/// The path with its escaped slashes decoded, and nothing else.
fn with_slashes(path: &str) -> String {
    path.replace("%2F", "/").replace("%2f", "/")
}

/// The path with one slash for each run of them.
fn collapsed(path: &str) -> String {
    let mut collapsed = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !collapsed.ends_with('/') {
            collapsed.push(letter);
        }
    }
    collapsed
}

/// Whether a path begins with two slashes, escaped or not. Browsers and frameworks take what follows for a host.
#[must_use]
pub fn begins_with_two_slashes(path: &str) -> bool {
    let rest = path.strip_prefix('/').unwrap_or_default();
    let escape = rest.get(..3).unwrap_or_default();
    rest.starts_with('/') || escape.eq_ignore_ascii_case("%2f")
}

/// The rule about slashes that [`Slashes::AsRouted`] has left open.
///
/// # Errors
/// The rule that the path breaks: it holds `//` or `%2F`.
pub fn check_slashes(path: &str) -> Result<(), Refused> {
    check_path(path, Slashes::Strict)
}

/// The path with every escape replaced by what it means. Escapes of an accepted path are UTF-8.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = decode_escape(rest).unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The path as a container sees it that cuts `;parameters` off every segment.
///
/// ```
/// # use sidgate_policy::edge::target::without_params;
/// assert_eq!(without_params("/admin;v=1/users%3Bx"), "/admin/users");
/// ```
#[must_use]
pub fn without_params(path: &str) -> String {
    let names: Vec<&str> = path.split('/').map(name_of).collect();
    names.join("/")
}

/// A segment of a path without its parameters.
#[must_use]
pub fn name_of(segment: &str) -> &str {
    let end = first_param(segment).unwrap_or(segment.len());
    segment.get(..end).unwrap_or_default()
}

/// Where the first `;` is; some containers decode before they cut.
fn first_param(text: &str) -> Option<usize> {
    let is_param = |&(at, found): &(usize, &str)| {
        let escape = || text.get(at..at + 3);
        found == ";" || escape().is_some_and(|escape| escape.eq_ignore_ascii_case("%3b"))
    };
    let mut found = text.match_indices([';', '%']);
    found.find(is_param).map(|(at, _)| at)
}

fn check_path(path: &str, slashes: Slashes) -> Result<(), Refused> {
    let segments = path.strip_prefix('/').ok_or(Refused::TargetForm)?;
    if !path.is_ascii() {
        return Err(Refused::TargetByte);
    }
    if path.contains('\\') {
        return Err(Refused::TargetBackslash);
    }
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        // The last segment is empty when the path ends in `/`.
        let may_be_empty = segments.peek().is_none() || slashes == Slashes::AsRouted;
        check_segment(segment, may_be_empty)?;
    }
    if slashes == Slashes::AsRouted && path.contains('%') {
        for part in with_slashes(path).split('/') {
            check_segment(part, true)?;
        }
    }
    check_escapes(path.as_bytes(), slashes)
}

fn check_segment(segment: &str, may_be_empty: bool) -> Result<(), Refused> {
    match name_of(segment) {
        "." | ".." => Err(Refused::TargetDotSegment),
        "" if !may_be_empty || !segment.is_empty() => Err(Refused::TargetEmptySegment),
        _ => Ok(()),
    }
}

fn check_escapes(path: &[u8], slashes: Slashes) -> Result<(), Refused> {
    let mut rest = path;
    while let Some(start) = rest.iter().position(|&byte| byte == b'%') {
        let escaped = rest.get(start..).unwrap_or_default();
        let (byte, after) = decode_escape(escaped).ok_or(Refused::TargetEscapeMalformed)?;
        match byte {
            b'/' if slashes == Slashes::AsRouted => rest = after,
            b'/' | b'\\' | b'.' | 0x00..=0x1f | 0x7f => return Err(Refused::TargetEscapeForbidden),
            b'%' if is_hex_pair(after) => return Err(Refused::TargetEscapeDouble),
            b'-' | b'_' | b'~' => return Err(Refused::TargetEscapeNeedless),
            _ if byte.is_ascii_alphanumeric() => return Err(Refused::TargetEscapeNeedless),
            0x80.. => rest = after_character(escaped).ok_or(Refused::TargetEscapeForbidden)?,
            _ => rest = after,
        }
    }
    Ok(())
}

/// What follows the escapes of one UTF-8 character. Other bytes have a second reading: `%c0%ae` is `.`
/// to a decoder that allows overlong forms, and the letters of another charset to one that guesses.
fn after_character(escaped: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = 4;

    let (mut bytes, mut rest) = (Vec::with_capacity(LONGEST), escaped);
    while bytes.len() < LONGEST {
        let (byte, after) = decode_escape(rest)?;
        bytes.push(byte);
        rest = after;
        if str::from_utf8(&bytes).is_ok() {
            return Some(rest);
        }
    }
    None
}

/// Splits `%xx...` into the byte it means and what follows.
fn decode_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, after @ ..] = text else {
        return None;
    };
    let hex = [*high, *low];
    if !is_hex_pair(&hex) {
        return None;
    }
    let byte = u8::from_str_radix(str::from_utf8(&hex).ok()?, 16).ok()?;
    Some((byte, after))
}

fn is_hex_pair(text: &[u8]) -> bool {
    matches!(text, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
