//! One copy of each text that many sessions have alike. People use a few browsers, and a copy of the user agent for each session
//! would be a tenth of what it takes; groups and sites are fewer still.

use std::sync::Arc;

use quick_cache::sync::Cache;

/// Most texts that are known: at most 400 bytes each. Sessions with others have copies of their own.
const KNOWN_MAX: usize = 1_000;

/// The texts that sessions had lately.
#[derive(Debug)]
pub(crate) struct Texts(Cache<Arc<str>, Arc<str>>);

impl Default for Texts {
    fn default() -> Self {
        Self(Cache::new(KNOWN_MAX))
    }
}

impl Texts {
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
        let known = Texts::default();
        let [first, second] = [(); 2].map(|()| known.shared(&"Firefox".into()));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(&*known.shared(&"curl".into()), "curl");
    }

    #[test]
    fn what_clients_make_up_is_not_kept_without_end() {
        let known = Texts::default();
        for number in 0..10_000 {
            known.shared(&format!("made up {number}").into());
        }
        assert!(known.0.len() <= KNOWN_MAX);
    }
}
