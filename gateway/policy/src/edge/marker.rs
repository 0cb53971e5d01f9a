//! The cookie that shows an app whether a session is active.
//!
//! Frameworks and caches beside an app take a request without cookies for one that anybody may share.
//! The session cookie never reaches the app, so the gateway may show it another one: it names the
//! session, opens nothing, and only the gateway writes it.

use http::HeaderValue;

/// The Cookie line with exactly one cookie `name` if there is a session called `handle`, and with none
/// otherwise, whatever the client sent. `line` is one that was made here: pairs joined by `; `.
#[must_use]
pub fn marked(line: Option<&HeaderValue>, name: &str, handle: Option<&str>) -> Option<HeaderValue> {
    let pairs = line.map(HeaderValue::as_bytes).unwrap_or_default();
    let others = pairs
        .split(|&byte| byte == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|pair| !pair.is_empty() && name_of(pair) != name.as_bytes());
    let own = handle.map(|handle| [name.as_bytes(), b"=", handle.as_bytes()]);
    let own_len = own.map_or(0, |parts| parts.iter().map(|part| part.len()).sum());
    let mut all = Vec::with_capacity(pairs.len() + SEPARATOR.len() + own_len);
    for pair in others {
        append(&mut all, &[pair]);
    }
    if let Some(own) = own {
        append(&mut all, &own);
    }
    if all.is_empty() {
        return None;
    }
    // Cannot fail: the line was one before, and a handle is printable.
    let mut value = HeaderValue::try_from(all).ok()?;
    value.set_sensitive(true);
    Some(value)
}

const SEPARATOR: &[u8] = b"; ";

/// Adds a pair that consists of these parts.
fn append(line: &mut Vec<u8>, parts: &[&[u8]]) {
    if !line.is_empty() {
        line.extend_from_slice(SEPARATOR);
    }
    for part in parts {
        line.extend_from_slice(part);
    }
}

/// Some servers take a text without `=` for a name.
fn name_of(pair: &[u8]) -> &[u8] {
    pair.split(|&byte| byte == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(sent: &str, handle: Option<&str>) -> Option<String> {
        let sent = (!sent.is_empty()).then(|| HeaderValue::from_str(sent).unwrap());
        let line = marked(sent.as_ref(), "sidgate", handle)?;
        Some(line.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_session_is_shown_once_and_only_by_us() {
        for (sent, with, without) in [
            ("", "sidgate=h", None),
            ("a=1", "a=1; sidgate=h", Some("a=1")),
            ("sidgate=x", "sidgate=h", None),
            ("sidgate", "sidgate=h", None),
            ("sidgate=x; a=1; sidgate=y", "a=1; sidgate=h", Some("a=1")),
            (
                "sidgates=x; Sidgate=y; a=sidgate=z",
                "sidgates=x; Sidgate=y; a=sidgate=z; sidgate=h",
                Some("sidgates=x; Sidgate=y; a=sidgate=z"),
            ),
        ] {
            assert_eq!(line(sent, Some("h")).as_deref(), Some(with), "{sent}");
            assert_eq!(line(sent, None).as_deref(), without, "{sent}");
        }
    }
}
