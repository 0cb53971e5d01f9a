//! How many answers are compressed at once. Each takes about a mebibyte of memory until it is sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The answers that are being compressed.
#[derive(Debug, Default)]
pub(crate) struct Encoders(Arc<AtomicUsize>);

impl Encoders {
    /// A place among `max`; `None`: there is none.
    pub(crate) fn enter(&self, max: usize) -> Option<EncoderPermit> {
        let permit = EncoderPermit(Arc::clone(&self.0));
        // The permit gives its place back also where it was one too many.
        (self.0.fetch_add(1, Ordering::Relaxed) < max).then_some(permit)
    }
}

/// One place. Free again when it is dropped.
#[derive(Debug)]
pub(crate) struct EncoderPermit(Arc<AtomicUsize>);

impl Drop for EncoderPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_free_again() {
        let encoders = Encoders::default();
        let first = encoders.enter(2);
        let second = encoders.enter(2);
        assert!(first.is_some() && second.is_some());
        assert!(encoders.enter(2).is_none() && encoders.enter(2).is_none());
        drop(first);
        assert!(encoders.enter(2).is_some());
        assert!(encoders.enter(0).is_none());
    }
}
