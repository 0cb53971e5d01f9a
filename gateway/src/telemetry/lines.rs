//! How lines get out: through bounded queues, each with a thread of its own that writes.
//!
//! Whoever reads the log may stop reading, and a disk may be full. Requests wait for neither: a line is dropped and counted
//! when its queue is full or its stream fails. Security events may have a file of their own; an event that cannot be
//! written to it goes to the log instead.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tracing::Metadata;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::fmt::MakeWriter;

use super::security;
use crate::config::permissions;

/// Lines that wait to be written: about two megabytes of usual ones.
const QUEUE: usize = 5_000;
/// Bytes after which waiting lines are written; a batch may exceed them by one line.
const BATCH: usize = 16 * 1024;
/// How long the end of the process waits for what is left.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Where the log goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// stdout
    Out,
    /// stderr
    Err,
}

/// The queues. Dropping them writes the waiting lines, for at most [`LAST_LINES`].
#[derive(Debug)]
pub(crate) struct Lines {
    /// Of the audit trail and of the log, in this order: what the file does not take goes to the log.
    writers: Option<[WorkerGuard; 2]>,
    destinations: Destinations,
}

impl Lines {
    pub(super) fn start(stream: Stream) -> Self {
        let stream: Box<dyn Write + Send> = match stream {
            Stream::Out => Box::new(io::stdout()),
            Stream::Err => Box::new(io::stderr()),
        };
        let opened = Arc::<Opened>::default();
        let sink = LogSink {
            stream,
            opened: Arc::clone(&opened),
            pending: Vec::with_capacity(BATCH),
            lines: 0,
        };
        let (log, log_writer) = queue("sidgate-log", sink);
        let sink = AuditSink {
            opened: Arc::clone(&opened),
            otherwise: log.clone(),
        };
        let (audit, audit_writer) = queue("sidgate-audit", sink);
        let trail = Trail {
            opened,
            log_lost: log.error_counter(),
            audit_lost: audit.error_counter(),
        };
        Self {
            writers: Some([audit_writer, log_writer]),
            destinations: Destinations { log, audit, trail },
        }
    }

    /// For the layer that makes the lines.
    pub(super) fn destinations(&self) -> Destinations {
        self.destinations.clone()
    }

    /// The handle that sets where security events go, and reads how many lines were lost.
    #[must_use]
    pub(crate) fn trail(&self) -> Trail {
        self.destinations.trail.clone()
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        // Dropping a guard can block for ever when the reader of the stream has stopped reading.
        let (writers, (done, is_done)) = (self.writers.take(), channel());
        let flush = move || {
            drop(writers);
            // Sending fails when the receiver has stopped waiting.
            let _late = done.send(());
        };
        if thread::Builder::new().spawn(flush).is_ok() {
            let _written_or_lost = is_done.recv_timeout(LAST_LINES);
        }
    }
}

fn queue(name: &str, sink: impl Write + Send + 'static) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default()
        .buffered_lines_limit(QUEUE)
        .lossy(true)
        .thread_name(name)
        .finish(sink)
}

/// Chooses the queue for each line.
#[derive(Clone, Debug)]
pub(super) struct Destinations {
    log: NonBlocking,
    audit: NonBlocking,
    trail: Trail,
}

impl<'a> MakeWriter<'a> for Destinations {
    type Writer = NonBlocking;

    fn make_writer(&'a self) -> Self::Writer {
        self.log.clone()
    }

    fn make_writer_for(&'a self, line: &Metadata<'_>) -> Self::Writer {
        let has_own_file =
            line.target() == security::TARGET && self.trail.opened.file.load().is_some();
        if has_own_file { &self.audit } else { &self.log }.clone()
    }
}

/// The file of the security events, and what became of lines.
#[derive(Clone, Debug)]
pub(crate) struct Trail {
    opened: Arc<Opened>,
    log_lost: ErrorCounter,
    audit_lost: ErrorCounter,
}

#[derive(Debug, Default)]
struct Opened {
    file: ArcSwapOption<AuditFile>,
    /// Events that the file did not take.
    failures: AtomicU64,
    /// Lines that the log's stream did not take.
    log_failures: AtomicU64,
}

#[derive(Debug)]
struct AuditFile {
    path: PathBuf,
    file: File,
    /// Whether the file may end in half a line.
    is_torn: AtomicBool,
}

impl AuditFile {
    fn open(path: &Path, create: bool) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .append(true)
            .create(create)
            .mode(0o600)
            .open(path)?;
        permissions::check_unchangeable(&file, path).map_err(io::Error::other)?;
        let length = file.metadata()?.len();
        let mut last = [b'\n'];
        if length > 0 {
            file.read_exact_at(&mut last, length - 1)?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            is_torn: AtomicBool::new(last != [b'\n']),
        })
    }

    fn append(&self, line: &[u8]) -> io::Result<()> {
        let mut file = &self.file;
        if self.is_torn.swap(true, Ordering::Relaxed) {
            file.write_all(b"\n")?;
        }
        file.write_all(line)?;
        self.is_torn.store(false, Ordering::Relaxed);
        Ok(())
    }
}

impl Trail {
    /// Appends security events to this file from now on; `None`: they go to the log. A new file is readable by its owner
    /// alone. Calling it again opens the path afresh, so that a file that was moved away is replaced.
    ///
    /// # Errors
    /// When the file cannot be opened. Events then go where they went before.
    pub(crate) fn write_to(&self, path: Option<&Path>) -> io::Result<()> {
        self.take(path, true)
    }

    /// Like [`Self::write_to`], but never creates the file: the command line may run as another user.
    ///
    /// # Errors
    /// When the file is not there, or cannot be opened.
    pub(crate) fn add_to(&self, path: Option<&Path>) -> io::Result<()> {
        self.take(path, false)
    }

    fn take(&self, path: Option<&Path>, create: bool) -> io::Result<()> {
        let open = |path| AuditFile::open(path, create).map(Arc::new);
        self.opened.file.store(path.map(open).transpose()?);
        Ok(())
    }

    /// Opens the path of the file in use afresh, as [`Self::write_to`] does.
    ///
    /// # Errors
    /// Those of [`Self::write_to`].
    pub(crate) fn reopen(&self) -> io::Result<()> {
        match &*self.opened.file.load() {
            Some(now) => self.write_to(Some(&now.path)),
            None => Ok(()),
        }
    }

    /// Lines that were dropped, of the log and of the audit trail.
    #[must_use]
    pub(crate) fn lost(&self) -> [(&'static str, u64); 2] {
        let dropped =
            |counter: &ErrorCounter| u64::try_from(counter.dropped_lines()).unwrap_or(u64::MAX);
        let failed = self.opened.log_failures.load(Ordering::Relaxed);
        let log = dropped(&self.log_lost).saturating_add(failed);
        [("log", log), ("audit", dropped(&self.audit_lost))]
    }

    /// Security events that their file did not take, and that went to the log instead.
    #[must_use]
    pub(crate) fn failures(&self) -> u64 {
        self.opened.failures.load(Ordering::Relaxed)
    }
}

/// Writes the log. Each call brings one line; lines that come faster than they are written go out together.
struct LogSink {
    stream: Box<dyn Write + Send>,
    opened: Arc<Opened>,
    /// Whole lines that are yet to be written, and how many.
    pending: Vec<u8>,
    lines: u64,
}

impl Write for LogSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.pending.extend_from_slice(line);
        self.lines += 1;
        if self.pending.len() >= BATCH {
            self.flush()?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.stream.write_all(&self.pending);
        if written.and_then(|()| self.stream.flush()).is_err() {
            // The log itself failed, so only the metrics can report it.
            self.opened
                .log_failures
                .fetch_add(self.lines, Ordering::Relaxed);
        }
        self.pending.clear();
        self.lines = 0;
        Ok(())
    }
}

/// Writes security events. Each call brings one line.
struct AuditSink {
    opened: Arc<Opened>,
    otherwise: NonBlocking,
}

impl Write for AuditSink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = match &*self.opened.file.load() {
            Some(file) => file.append(line),
            None => self.otherwise.write_all(line),
        };
        if written.is_err() {
            self.opened.failures.fetch_add(1, Ordering::Relaxed);
            self.otherwise.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
