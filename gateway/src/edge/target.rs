//! Which resource is meant? Accepts a path only in the one spelling that nobody downstream can read
//! differently.
//!
//! Routes are matched on these bytes and the very same bytes go upstream. WSGI servers decode `%2f`
//! and `%61`, some collapse `//`, Java containers cut `;params` off a segment, browsers and caches
//! resolve dots: each is a way to make the app serve `/admin` while the gateway matched `/public`.
//! So a path that has a second spelling is refused, never rewritten. Only the path is policed: a
//! query may hold whatever the grammar of a request line can carry.

use super::Refused;

/// The longest request target that is looked at, path and query together.
pub const MAX_TARGET_BYTES: usize = 8 * 1024;

/// A request target in origin-form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// Begins with `/`, ASCII, canonical; routes are matched on this and it is sent on as it is.
    pub path: &'a str,
    /// The text after the first `?`. Not canonical, and never a matter of policy.
    pub query: Option<&'a str>,
}

impl<'a> Target<'a> {
    /// Parses the bytes of a request target.
    ///
    /// # Errors
    /// The rule that the target breaks.
    pub fn parse(target: &'a [u8]) -> Result<Self, Refused> {
        if target.len() > MAX_TARGET_BYTES {
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
        check_path(path)?;
        Ok(Self { path, query })
    }
}

/// Does a segment of this path carry `;parameters`?
///
/// Neither Django nor Next.js gives them a meaning, other containers cut them off. Such a path must
/// therefore satisfy two routes, its own and that of [`without_params`].
#[must_use]
pub fn has_params(path: &str) -> bool {
    path.contains(';')
}

/// The path as a container sees it that cuts `;parameters` off every segment.
///
/// ```
/// # use sidgate::edge::target::without_params;
/// assert_eq!(without_params("/admin;v=1/users;x"), "/admin/users");
/// ```
#[must_use]
pub fn without_params(path: &str) -> String {
    let names: Vec<&str> = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default())
        .collect();
    names.join("/")
}

fn check_path(path: &str) -> Result<(), Refused> {
    let segments = path.strip_prefix('/').ok_or(Refused::TargetForm)?;
    if !path.is_ascii() {
        return Err(Refused::TargetByte);
    }
    if path.contains('\\') {
        return Err(Refused::TargetBackslash);
    }
    let mut segments = segments.split('/').peekable();
    while let Some(segment) = segments.next() {
        check_segment(segment, segments.peek().is_none())?;
    }
    check_escapes(path.as_bytes())
}

fn check_segment(segment: &str, last: bool) -> Result<(), Refused> {
    let (name, has_params) = match segment.split_once(';') {
        Some((name, _)) => (name, true),
        None => (segment, false),
    };
    match name {
        "." | ".." => Err(Refused::TargetDotSegment),
        // The last segment is empty when the path ends in `/`.
        "" if !last || has_params => Err(Refused::TargetEmptySegment),
        _ => Ok(()),
    }
}

fn check_escapes(path: &[u8]) -> Result<(), Refused> {
    let mut rest = path;
    while let Some(start) = rest.iter().position(|&byte| byte == b'%') {
        let (byte, after) = decode_escape(rest.get(start..).unwrap_or_default())
            .ok_or(Refused::TargetEscapeMalformed)?;
        match byte {
            b'/' | b'\\' | b'.' | 0x00..=0x1f | 0x7f => return Err(Refused::TargetEscapeForbidden),
            b'%' if is_hex_pair(after) => return Err(Refused::TargetEscapeDouble),
            b'-' | b'_' | b'~' => return Err(Refused::TargetEscapeNeedless),
            _ if byte.is_ascii_alphanumeric() => return Err(Refused::TargetEscapeNeedless),
            _ => rest = after,
        }
    }
    Ok(())
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
