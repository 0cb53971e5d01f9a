//! What was asked of store and shared cache on behalf of a task, and how long it took: for those who draw the course of a
//! request. Nobody else pays for it: outside of [`noted`] nothing is measured.

use std::cell::RefCell;
use std::time::Duration;

use crate::clock::{Boot, Clock};

/// Most questions of one task that are kept.
const KEPT: usize = 64;

tokio::task_local! {
    static ASKED: RefCell<Vec<Asked>>;
}

/// Whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// The shared cache.
    Shared,
    /// The store.
    Store,
}

/// One question. Says nothing about a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whom.
    pub of: Of,
    /// What: the name of an operation.
    pub what: &'static str,
    /// When.
    pub from: Boot,
    /// How long the answer took.
    pub took: Duration,
    /// The kind of failure, if it was one.
    pub failed: Option<&'static str>,
}

/// Does `work`, and says what was asked meanwhile by the same task. Where this is done within itself, the inner one hears of
/// what the inner work asks.
pub async fn noted<T>(work: impl Future<Output = T> + Send) -> (T, Vec<Asked>) {
    let kept = RefCell::default();
    ASKED
        .scope(kept, async {
            let done = work.await;
            let asked = ASKED.with(RefCell::take);
            (done, asked)
        })
        .await
}

/// Asks, and keeps how long the answer took, if anybody wants to know. `kind` is that of a failure.
pub(crate) async fn timed<T, E>(
    (of, what): (Of, &'static str),
    clock: &dyn Clock,
    question: impl Future<Output = Result<T, E>> + Send,
    kind: impl FnOnce(&E) -> &'static str + Send,
) -> Result<T, E> {
    if ASKED.try_with(|_| ()).is_err() {
        return question.await;
    }
    let from = clock.boot();
    let answer = question.await;
    note(Asked {
        of,
        what,
        from,
        took: clock.boot().since(from),
        failed: answer.as_ref().err().map(kind),
    });
    answer
}

/// A question was answered, on behalf of this task.
pub(crate) fn note(asked: Asked) {
    // Nobody wants to know.
    let _unheard = ASKED.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < KEPT {
            kept.push(asked);
        }
    });
}

#[cfg(test)]
mod tests;
