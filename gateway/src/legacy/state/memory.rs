//! What was decided a moment ago. Bounded; holds digests and no cookie.

use std::convert::Infallible;
use std::time::Duration;

use quick_cache::sync::Cache;
use session_core::clock::Boot;
use session_core::sid::SessionKey;

/// A map that forgets: each value after its time, and any of them when there are too many.
#[derive(Debug)]
pub(in crate::legacy) struct Recent<T> {
    cache: Cache<SessionKey, (Boot, T)>,
    life: Duration,
}

impl<T: Clone> Recent<T> {
    pub(in crate::legacy) fn new(max: usize, life: Duration) -> Self {
        Self {
            cache: Cache::new(max),
            life,
        }
    }

    pub(in crate::legacy) fn get(&self, key: &SessionKey, now: Boot) -> Option<T> {
        let (until, value) = self.cache.get(key)?;
        (now < until).then_some(value)
    }

    pub(in crate::legacy) fn put(&self, key: SessionKey, value: T, now: Boot) {
        self.cache.insert(key, (now.plus(self.life), value));
    }

    /// The value of `key`, made now where there is none. All who ask at the same time get the same one. It may be one whose time
    /// is over, if it was not swept yet.
    pub(in crate::legacy) fn get_or_put(
        &self,
        key: &SessionKey,
        make: impl FnOnce() -> T,
        now: Boot,
    ) -> T {
        let made = || Ok::<_, Infallible>((now.plus(self.life), make()));
        let Ok((_, value)) = self.cache.get_or_insert_with(key, made);
        value
    }

    /// Remembers `key`, and returns whether it was new.
    pub(in crate::legacy) fn is_first(&self, key: SessionKey, value: T, now: Boot) -> bool {
        let first = self.get(&key, now).is_none();
        if first {
            self.put(key, value, now);
        }
        first
    }

    /// Drops expired values.
    pub(in crate::legacy) fn sweep(&self, now: Boot) {
        self.cache.retain(|_, (until, _)| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_in_time_and_when_full() {
        let recent = Recent::new(10, Duration::from_secs(60));
        let key = |byte| SessionKey::from_bytes([byte; 32]);
        let start = Boot::default();
        assert!(recent.is_first(key(1), (), start));
        assert!(!recent.is_first(key(1), (), start.plus(Duration::from_secs(59))));
        assert!(recent.is_first(key(1), (), start.plus(Duration::from_secs(60))));
        for byte in 0..=255 {
            recent.put(key(byte), (), start);
        }
        let kept = (0..=255).filter(|&byte| recent.get(&key(byte), start).is_some());
        assert!(kept.count() <= 10);
    }

    #[test]
    fn keeps_nothing_that_has_had_its_time() {
        let recent = Recent::new(10, Duration::from_secs(60));
        let key = |byte| SessionKey::from_bytes([byte; 32]);
        let start = Boot::default();
        recent.put(key(1), (), start);
        recent.put(key(2), (), start.plus(Duration::from_secs(30)));
        recent.sweep(start.plus(Duration::from_secs(60)));
        assert_eq!(recent.cache.len(), 1);
    }
}
