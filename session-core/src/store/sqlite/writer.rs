//! The connection that writes.
//!
//! A commit waits for the disk, which takes longer than all that comes before it. So writes that came while the disk was
//! busy are committed together: one transaction, in the order in which they came, with a savepoint for each. What fails or
//! is refused is undone alone, and nobody is answered before the commit. If that fails, it fails for all of them.
//!
//! Whoever gets the connection's turn runs what is waiting then, their own write with it. A write whose caller has given up
//! by then is left out.

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio_rusqlite::rusqlite::Connection;

use super::lane::{Lane, begin, store_error};
use crate::store::{StoreError, StoreResult};

/// Most writes in one transaction.
const TOGETHER: usize = 64;

/// What a write comes to, besides an error.
#[derive(Debug)]
pub(super) enum Done<T> {
    /// What it has written is kept.
    Keep(T),
    /// What it has written is taken back.
    Undo(T),
}

/// The connection, and the writes that wait for it.
pub(super) struct Writer {
    lane: Lane,
    waiting: Arc<Waiting>,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer").field(&self.lane).finish()
    }
}

impl Writer {
    pub(super) async fn open(path: &Path, limit: Duration) -> StoreResult<Self> {
        Ok(Self {
            lane: Lane::writer(path, limit).await?,
            waiting: Arc::default(),
        })
    }

    /// The connection, for what brings a transaction of its own.
    pub(super) const fn alone(&self) -> &Lane {
        &self.lane
    }

    /// Runs `work` within a transaction, and answers when it is on disk.
    pub(super) async fn call<T, F>(&self, work: F) -> StoreResult<T>
    where
        F: FnOnce(&Connection) -> StoreResult<Done<T>> + Send + 'static,
        T: Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        self.waiting.lock().push_back(Box::new(Call {
            work: Some(work),
            outcome: None,
            answer,
        }));
        let done = async {
            loop {
                let waiting = Arc::clone(&self.waiting);
                let turn = self.lane.turn(move |connection| {
                    run(connection, &waiting);
                    Ok(())
                });
                tokio::select! {
                    biased;
                    answer = &mut answered => return answer.map_err(StoreError::unavailable)?,
                    // That turn may have been taken up by those ahead.
                    ran = turn => ran?,
                }
            }
        };
        self.lane.within(done).await
    }
}

/// A write that waits, whatever it answers.
trait Write: Send {
    /// Whether somebody waits for the answer.
    fn is_wanted(&self) -> bool;
    /// Runs it; whether what it has written is to be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// Answers. `lost`: why what it has written is not there.
    fn answer(self: Box<Self>, lost: Option<StoreError>);
}

struct Call<T, F> {
    work: Option<F>,
    outcome: Option<StoreResult<Done<T>>>,
    answer: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> Write for Call<T, F>
where
    F: FnOnce(&Connection) -> StoreResult<Done<T>> + Send,
    T: Send,
{
    fn is_wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> bool {
        self.outcome = self.work.take().map(|work| work(connection));
        matches!(self.outcome, Some(Ok(Done::Keep(_))))
    }

    fn answer(self: Box<Self>, lost: Option<StoreError>) {
        let answer = match (self.outcome, lost) {
            (Some(Ok(Done::Undo(answer))), _) | (Some(Ok(Done::Keep(answer))), None) => Ok(answer),
            (Some(Err(error)), _) | (Some(Ok(Done::Keep(_))) | None, Some(error)) => Err(error),
            (None, None) => Err(StoreError::unavailable("the write was not run")),
        };
        // Whoever has given up meanwhile does not know whether it was written.
        drop(self.answer.send(answer));
    }
}

type Waiting = Mutex<VecDeque<Box<dyn Write>>>;

/// Runs what is waiting.
fn run(connection: &mut Connection, waiting: &Waiting) {
    let mut writes = Vec::new();
    {
        let mut waiting = waiting.lock();
        while writes.len() < TOGETHER
            && let Some(write) = waiting.pop_front()
        {
            if write.is_wanted() {
                writes.push(write);
            }
        }
    }
    let committed = match writes.as_mut_slice() {
        [] => return,
        [write] => alone(connection, write.as_mut()),
        writes => together(connection, writes),
    };
    for write in writes {
        write.answer(committed.as_ref().err().map(same));
    }
}

/// The same error, for one caller more.
fn same(error: &StoreError) -> StoreError {
    match error {
        StoreError::Timeout(passed) => StoreError::Timeout(passed.clone()),
        other => StoreError::unavailable(other.cause()),
    }
}

fn alone(connection: &mut Connection, write: &mut dyn Write) -> StoreResult<()> {
    let transaction = begin(connection)?;
    match write.run(&transaction) {
        true => transaction.commit().map_err(store_error),
        false => transaction.rollback().map_err(store_error),
    }
}

fn together(connection: &mut Connection, writes: &mut [Box<dyn Write>]) -> StoreResult<()> {
    let mut transaction = begin(connection)?;
    for write in writes {
        let savepoint = transaction.savepoint().map_err(store_error)?;
        if write.run(&savepoint) {
            savepoint.commit().map_err(store_error)?;
        } else if savepoint.is_autocommit() {
            return Err(StoreError::unavailable("SQLite has rolled everything back"));
        } else {
            savepoint.finish().map_err(store_error)?;
        }
    }
    transaction.commit().map_err(store_error)
}

#[cfg(test)]
mod tests;
