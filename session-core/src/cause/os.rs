//! What the operating system says.

use std::io::{Error, ErrorKind};

use super::Peer;

/// How the standard library begins when a name does not resolve. It has no kind of its own for that.
const NO_ADDRESS: &str = "failed to lookup address information: ";

/// `None` when the error wraps another one that says more.
pub(super) fn words(error: &Error, peer: &Peer<'_>) -> Option<String> {
    let text = error.to_string();
    if let Some(why) = text.strip_prefix(NO_ADDRESS) {
        let name = peer
            .host()
            .map_or_else(String::new, |host| format!(" {host}"));
        return Some(format!("the name{name} does not resolve ({})", lower(why)));
    }
    if error.raw_os_error().is_some() {
        let words = text.split(" (os error ").next().unwrap_or_default();
        return Some(peer.located(&lower(words)));
    }
    let words = match error.kind() {
        ErrorKind::UnexpectedEof => "the other side closed the connection",
        ErrorKind::ConnectionRefused => "connection refused",
        ErrorKind::ConnectionReset => "connection reset by peer",
        ErrorKind::ConnectionAborted => "connection aborted",
        ErrorKind::BrokenPipe => "broken pipe",
        ErrorKind::TimedOut => "connection timed out",
        _ => return None,
    };
    Some(peer.located(words))
}

/// As within a sentence.
pub(super) fn lower(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}
