//! One copy of each user agent, however many sessions have it: people use a few browsers, and a copy for each session would be
//! a tenth of what it takes.

use std::sync::Arc;

use quick_cache::sync::Cache;

/// Most user agents that are known: at most 400 bytes each. Sessions with others have copies of their own.
const KNOWN_MAX: usize = 1_000;

/// The user agents that sessions had lately.
#[derive(Debug)]
pub(crate) struct UserAgents(Cache<Arc<str>, Arc<str>>);

impl Default for UserAgents {
    fn default() -> Self {
        Self(Cache::new(KNOWN_MAX))
    }
}

impl UserAgents {
    /// The copy of `text` that sessions share.
    pub(crate) fn shared(&self, text: &Arc<str>) -> Arc<str> {
        self.0.get(text).unwrap_or_else(|| {
            self.0.insert(Arc::clone(text), Arc::clone(text));
            Arc::clone(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one() {
        let known = UserAgents::default();
        let [first, second] = [(); 2].map(|()| known.shared(&"Firefox".into()));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(&*known.shared(&"curl".into()), "curl");
    }

    #[test]
    fn what_clients_make_up_is_not_kept_without_end() {
        let known = UserAgents::default();
        for number in 0..10_000 {
            known.shared(&format!("made up {number}").into());
        }
        assert!(known.0.len() <= KNOWN_MAX);
    }
}
