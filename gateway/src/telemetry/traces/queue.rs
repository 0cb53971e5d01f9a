//! Spans that wait to be sent. There is a bound: requests wait for no receiver, and a receiver that is away costs no more memory
//! than that.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry_proto::tonic::trace::v1::Span;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Spans that wait, and what became of the others.
#[derive(Debug, Default)]
pub(crate) struct SpanQueue {
    spans: Mutex<VecDeque<Span>>,
    /// Told when there are some.
    some: Notify,
    exported: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    rejected: AtomicU64,
}

/// What became of spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The receiver has taken them.
    Exported,
    /// It did not get them.
    Failed,
    /// It has got them and does not want them.
    Rejected,
}

impl SpanQueue {
    /// Takes the spans of one request, all or none of them: `limit` is how many may wait. Does not wait.
    pub(crate) fn put(&self, spans: Vec<Span>, limit: usize) {
        let mut waiting = self.spans.lock();
        if waiting.len() + spans.len() > limit {
            drop(waiting);
            self.dropped
                .fetch_add(count(spans.len()), Ordering::Relaxed);
            return;
        }
        waiting.extend(spans);
        drop(waiting);
        self.some.notify_one();
    }

    /// At most so many, the oldest first.
    pub(crate) fn take(&self, most: usize) -> Vec<Span> {
        let mut waiting = self.spans.lock();
        let most = most.min(waiting.len());
        waiting.drain(..most).collect()
    }

    /// Waits until there may be more.
    pub(crate) async fn some(&self) {
        self.some.notified().await;
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.spans.lock().len()
    }

    /// This became of so many.
    pub(crate) fn note(&self, fate: Fate, spans: u64) {
        let counter = match fate {
            Fate::Exported => &self.exported,
            Fate::Failed => &self.failed,
            Fate::Rejected => &self.rejected,
        };
        counter.fetch_add(spans, Ordering::Relaxed);
    }

    /// What became of all spans so far.
    pub(crate) fn counts(&self) -> [(&'static str, u64); 4] {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("exported", count(&self.exported)),
            ("dropped", count(&self.dropped)),
            ("failed", count(&self.failed)),
            ("rejected", count(&self.rejected)),
        ]
    }
}

/// A number of spans.
fn count(spans: usize) -> u64 {
    u64::try_from(spans).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_as_a_whole_and_counted() {
        let queue = SpanQueue::default();
        let spans = |many| vec![Span::default(); many];
        queue.put(spans(3), 4);
        queue.put(spans(2), 4);
        assert_eq!((queue.len(), queue.counts()[1]), (3, ("dropped", 2)));
        queue.put(spans(1), 4);
        assert_eq!((queue.take(2).len(), queue.len()), (2, 2));
        queue.put(spans(2), 4);
        assert_eq!((queue.take(100).len(), queue.len()), (4, 0));
        assert_eq!(queue.counts()[1], ("dropped", 2));
    }
}
