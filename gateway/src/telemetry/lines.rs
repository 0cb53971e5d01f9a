//! How lines get out: through bounded queues, each with a thread of its own that writes.
//!
//! Whoever reads the log may stop reading, and a disk may be full. Requests wait for neither: a line is dropped and counted
//! when its queue is full or its stream fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use tracing::Metadata;
use tracing_subscriber::fmt::MakeWriter;

use super::access_log::AccessLog;
use super::audit_file::{AccessFile, AuditSink, Opened};
use super::journal::Journal;
use super::log_stream::{LogStream, Stream};
use super::queue::{Haste, LIMITS, Queue, Writer};
use super::security;

/// How long the end of the process waits for what is left.
const LAST_LINES: Duration = Duration::from_secs(2);

/// The queues. Dropping them writes the waiting lines, for at most [`LAST_LINES`].
#[derive(Debug)]
pub(crate) struct Lines {
    /// Of the access log, of the audit trail and of the log, in this order: what the audit trail's file does not take goes to
    /// the log.
    writers: Option<[Writer; 3]>,
    destinations: Destinations,
    access_file: Arc<Opened>,
}

impl Lines {
    /// # Errors
    /// When there can be no threads.
    pub(super) fn start(stream: Stream) -> io::Result<Self> {
        let opened = Arc::<Opened>::default();
        let (log, log_writer) = match Journal::behind(stream) {
            Some(journal) => Queue::start("sidgate-log", LIMITS, journal)?,
            None => Queue::start("sidgate-log", LIMITS, LogStream::new(stream))?,
        };
        let sink = AuditSink {
            opened: Arc::clone(&opened),
            log: Arc::clone(&log),
        };
        let (audit, audit_writer) = Queue::start("sidgate-audit", LIMITS, sink)?;
        let access_file = Arc::<Opened>::default();
        let sink = LogStream::new(AccessFile(Arc::clone(&access_file)));
        let (access, access_writer) = Queue::start("sidgate-access", LIMITS, sink)?;
        Ok(Self {
            writers: Some([access_writer, audit_writer, log_writer]),
            destinations: Destinations(Trail {
                opened,
                log,
                audit,
                access,
            }),
            access_file,
        })
    }

    /// For the layer that makes the lines.
    pub(super) fn destinations(&self) -> Destinations {
        self.destinations.clone()
    }

    /// The handle that sets where security events go, and reads how many lines were lost.
    #[must_use]
    pub(crate) fn trail(&self) -> Trail {
        self.destinations.0.clone()
    }

    /// Where the lines of requests go.
    #[must_use]
    pub(crate) fn access_log(&self) -> AccessLog {
        let Trail { log, access, .. } = self.trail();
        AccessLog::new(log, access, Arc::clone(&self.access_file))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // A writer can wait for ever when the reader of its stream has stopped reading.
        let (writers, (done, is_done)) = (self.writers.take(), channel());
        let finish = move || {
            writers.into_iter().flatten().for_each(Writer::finish);
            // Sending fails when the receiver has stopped waiting.
            let _late = done.send(());
        };
        if thread::Builder::new().spawn(finish).is_ok() {
            let _written_or_lost = is_done.recv_timeout(LAST_LINES);
        }
    }
}

/// Chooses the queue for each line.
#[derive(Clone, Debug)]
pub(super) struct Destinations(Trail);

impl<'a> MakeWriter<'a> for Destinations {
    type Writer = ToQueue<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        ToQueue(&self.0.log)
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        let has_own_file = line.target() == security::TARGET && self.0.opened.is_there();
        ToQueue(if has_own_file {
            &self.0.audit
        } else {
            &self.0.log
        })
    }
}

/// Takes one line with each call.
#[derive(Debug)]
pub(super) struct ToQueue<'a>(&'a Queue);

impl io::Write for ToQueue<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line, Haste::Now);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The file of the security events, and what became of lines.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    opened: Arc<Opened>,
    log: Arc<Queue>,
    audit: Arc<Queue>,
    access: Arc<Queue>,
}

impl Trail {
    /// Appends security events to this file from now on; `None`: they go to the log. A new file is readable by its owner
    /// alone. Calling it again opens the path afresh, so that a file that was moved away is replaced.
    ///
    /// # Errors
    /// When the file cannot be opened. Events then go where they went before.
    pub(crate) fn write_to(&self, path: Option<&Path>) -> io::Result<()> {
        self.opened.take(path, true)
    }

    /// Like [`Self::write_to`], but never creates the file: the command line may run as another user.
    ///
    /// # Errors
    /// When the file is not there, or cannot be opened.
    pub(crate) fn add_to(&self, path: Option<&Path>) -> io::Result<()> {
        self.opened.take(path, false)
    }

    /// Opens the path of the file in use afresh, as [`Self::write_to`] does.
    ///
    /// # Errors
    /// Those of [`Self::write_to`].
    pub(crate) fn reopen(&self) -> io::Result<()> {
        self.opened.again()
    }

    /// Lines that were dropped, of the log, of the audit trail and of the access log.
    #[must_use]
    pub(crate) fn lost(&self) -> [(&'static str, u64); 3] {
        [
            ("log", self.log.lost()),
            ("audit", self.audit.lost()),
            ("access", self.access.lost()),
        ]
    }

    /// Security events that their file did not take, and that went to the log instead.
    #[must_use]
    pub(crate) fn failures(&self) -> u64 {
        self.opened.failures()
    }
}
