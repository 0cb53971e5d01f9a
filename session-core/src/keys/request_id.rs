//! The mark on the id of a request that an edge was told to send to an app.
//!
//! The app may answer such a request with an event, past the edge. The mark shows that the id was given to that app by a gateway of
//! this installation.

use std::fmt;

use crate::secret::SecretKey;

pub(super) const CONTEXT: &str = "sidgate 2026 v1 request id";
/// Bytes of a mark: 128 bits cannot be guessed.
const LENGTH: usize = 16;

/// Makes marks with the current master's key, knows those of any master in use.
pub struct RequestIdKeys(Vec<SecretKey>);

impl RequestIdKeys {
    pub(super) fn new(keys: impl IntoIterator<Item = SecretKey>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The mark on `text` for an app and a host; 32 hexadecimal digits. `None` without keys.
    #[must_use]
    pub fn mark(&self, text: &str, app: &str, host: &str) -> Option<String> {
        let hash = mark(self.0.first()?, text, app, host);
        hash.to_hex().get(..2 * LENGTH).map(str::to_owned)
    }

    /// Whether `marked` is the mark on `text` for this app and host. The time that it takes says nothing about the right one.
    #[must_use]
    pub fn knows(&self, marked: &str, text: &str, app: &str, host: &str) -> bool {
        if marked.len() != 2 * LENGTH {
            return false;
        }
        self.0.iter().any(|key| {
            let right = mark(key, text, app, host).to_hex();
            // Digests of both are compared, in constant time.
            let right = right.get(..2 * LENGTH).unwrap_or_default();
            blake3::hash(marked.as_bytes()) == blake3::hash(right.as_bytes())
        })
    }
}

/// Each part with its length before it, so that no two different lists of parts are one text.
fn mark(key: &SecretKey, text: &str, app: &str, host: &str) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(key.expose());
    for part in [text, app, host] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(&length.to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize()
}

/// Without the keys.
impl fmt::Debug for RequestIdKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestIdKeys(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(of: &[u8]) -> RequestIdKeys {
        RequestIdKeys::new(of.iter().map(|byte| SecretKey::new([*byte; 32])))
    }

    #[test]
    fn a_mark_is_for_one_text_one_app_and_one_host() {
        let keys = keys(&[1]);
        let mark = keys.mark("id", "app", "a.test").unwrap();
        assert_eq!(mark.len(), 32);
        assert!(keys.knows(&mark, "id", "app", "a.test"));
        for (text, app, host) in [
            ("id2", "app", "a.test"),
            ("id", "other", "a.test"),
            ("id", "app", "b.test"),
            ("ida", "pp", "a.test"),
            ("id", "appa", ".test"),
        ] {
            assert!(!keys.knows(&mark, text, app, host), "{text} {app} {host}");
        }
        for wrong in ["", &mark[1..], &format!("{mark}0"), &mark.to_uppercase()] {
            let is_same = wrong == mark;
            assert_eq!(keys.knows(wrong, "id", "app", "a.test"), is_same, "{wrong}");
        }
    }

    #[test]
    fn a_mark_of_the_former_key_is_known_and_one_of_a_strange_key_is_not() {
        let old = keys(&[1]).mark("id", "app", "host").unwrap();
        assert!(keys(&[2, 1]).knows(&old, "id", "app", "host"));
        assert!(!keys(&[2]).knows(&old, "id", "app", "host"));
        assert_eq!(keys(&[]).mark("id", "app", "host"), None);
    }
}
