//! A bounded queue of lines, and the thread that writes them.
//!
//! Whoever appends a line copies it into memory and goes on. The writer takes all that has gathered and writes it at once: a
//! busy gateway makes one write for many lines, and wakes the writer some fifty times a second instead of once a line.

use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

/// How much waits, and how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Bytes of lines that wait. As many again may be with the writer.
    pub(super) room: usize,
    /// How long a line that can wait does so for others.
    pub(super) gather: Duration,
}

/// There is room for ten thousand usual lines.
pub(super) const LIMITS: Limits = Limits {
    room: 4 * 1024 * 1024,
    gather: Duration::from_millis(20),
};
/// Bytes that are worth a write before the time to gather is over.
const ENOUGH: usize = 64 * 1024;
/// Bytes of memory that are kept for the next lines; what a burst has needed beyond them is given back.
const KEPT: usize = 4 * ENOUGH;

/// How soon a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Haste {
    /// As soon as the writer is free.
    Now,
    /// Together with others, after the time to gather.
    Soon,
}

/// What writes lines.
pub(super) trait Sink: Send + 'static {
    /// Writes these lines, each of which ends in a newline. Returns how many of them are lost.
    fn write(&mut self, lines: &[u8]) -> u64;
}

/// Lines that wait for their writer.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when the writer has a reason to look. Only the writer waits for it.
    news: Condvar,
    lost: AtomicU64,
    limits: Limits,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// Whether one of them is to be written now.
    is_urgent: bool,
    /// Whether no more will come.
    is_ended: bool,
}

impl Waiting {
    fn is_worth_a_write(&self) -> bool {
        self.is_ended || self.is_urgent || self.lines.len() >= ENOUGH
    }
}

impl Queue {
    /// A queue, and its writer.
    ///
    /// # Errors
    /// When there can be no thread.
    pub(super) fn start(
        name: &str,
        limits: Limits,
        sink: impl Sink,
    ) -> io::Result<(Arc<Self>, Writer)> {
        let queue = Arc::new(Self {
            waiting: Mutex::default(),
            news: Condvar::new(),
            lost: AtomicU64::new(0),
            limits,
        });
        let its = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || its.write_until_the_end(sink))?;
        let writer = Writer {
            queue: Arc::clone(&queue),
            thread,
        };
        Ok((queue, writer))
    }

    /// Appends a line, which ends in a newline, after all that were appended before. Counts it as lost where there is no
    /// room.
    pub(super) fn append(&self, line: &[u8], haste: Haste) {
        let mut waiting = self.waiting.lock();
        let before = waiting.lines.len();
        let after = before + line.len();
        if waiting.is_ended || after > self.limits.room {
            self.lose(1);
            return;
        }
        waiting.lines.extend_from_slice(line);
        let becomes_urgent = haste == Haste::Now && !mem::replace(&mut waiting.is_urgent, true);
        drop(waiting);
        if before == 0 || becomes_urgent || (before < ENOUGH && after >= ENOUGH) {
            self.news.notify_one();
        }
    }

    /// Lines that were not written, since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
    }

    fn write_until_the_end(&self, mut sink: impl Sink) {
        let mut lines = Vec::new();
        while self.take(&mut lines) {
            self.lose(sink.write(&lines));
            lines.clear();
            lines.shrink_to(KEPT);
        }
    }

    /// Waits for lines, and exchanges them for this empty memory. `false` at the end.
    fn take(&self, into: &mut Vec<u8>) -> bool {
        let mut waiting = self.waiting.lock();
        self.news.wait_while(&mut waiting, |waiting| {
            waiting.lines.is_empty() && !waiting.is_ended
        });
        self.news.wait_while_for(
            &mut waiting,
            |waiting| !waiting.is_worth_a_write(),
            self.limits.gather,
        );
        waiting.is_urgent = false;
        mem::swap(&mut waiting.lines, into);
        !into.is_empty()
    }
}

/// The thread that writes the lines of a queue.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

impl Writer {
    /// Writes what waits, and ends. Takes as long as the sink does.
    pub(super) fn finish(self) {
        self.queue.waiting.lock().is_ended = true;
        self.queue.news.notify_one();
        // The thread has no way to panic that would not have been told on stderr.
        drop(self.thread.join());
    }
}

#[cfg(test)]
mod tests;
