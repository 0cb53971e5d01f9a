//! What of a path or URL may be told?

use session_core::sid::Sid;
use sidgate_policy::edge::shown;

/// A path or a URL as a line of the log would tell it, and `***` for its query. Whatever has the form of a sid counts as
/// one: not everybody who explains has the keys to tell.
pub(super) fn shown(url: &str) -> String {
    let path = shown::path(url.as_bytes(), is_sid);
    if url.contains('?') {
        format!("{path}?***")
    } else {
        path.into_owned()
    }
}

/// A host as a line of the log would tell it.
pub(super) fn host(host: &str) -> String {
    shown::host(host.as_bytes(), is_sid).into_owned()
}

/// The name of a field as a line of the log would tell it.
pub(super) fn name(name: &str) -> String {
    shown::name(name.as_bytes())
}

fn is_sid(text: &str) -> bool {
    Sid::parse(text.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::{name, shown};

    #[test]
    fn secrets_and_queries_are_left_out() {
        let sid = "0123456f-89ab-4def-8123-456789abcdef";
        assert_eq!(shown("/a/b"), "/a/b");
        assert_eq!(shown(&format!("/a/{sid}/b?c={sid}")), "/a/***/b?***");
        assert_eq!(
            shown(&format!("https://a.test/{sid}")),
            "https://a.test/***"
        );
        assert_eq!(shown("/reset/eyJhbGciOiJIUzI1NiJ9"), "/reset/***");
        assert_eq!(name(&format!("x-session-{sid}")), "***");
    }
}
