//! The files that security events and access lines may have for themselves. An event that cannot be written to its file goes
//! to the log instead.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::ArcSwapOption;

use super::log_stream::Stream;
use super::queue::{Haste, Queue, Sink};
use crate::config::permissions;

/// The file in use, if there is one, and how it did.
#[derive(Debug, Default)]
pub(super) struct Opened {
    file: ArcSwapOption<AuditFile>,
    failures: AtomicU64,
}

impl Opened {
    pub(super) fn is_there(&self) -> bool {
        self.file.load().is_some()
    }

    /// The path of the file in use.
    fn path(&self) -> Option<PathBuf> {
        self.file.load().as_ref().map(|file| file.path.clone())
    }

    /// Takes the file at this path into use, or none.
    ///
    /// # Errors
    /// When it cannot be opened. The file of before stays in use.
    pub(super) fn take(&self, path: Option<&Path>, create: bool) -> io::Result<()> {
        let open = |path| AuditFile::open(path, create).map(Arc::new);
        self.file.store(path.map(open).transpose()?);
        Ok(())
    }

    /// Opens the path of the file in use afresh, so that a file that was moved away is replaced.
    ///
    /// # Errors
    /// When it cannot be opened. The file of before stays in use.
    pub(super) fn again(&self) -> io::Result<()> {
        match self.path() {
            Some(path) => self.take(Some(&path), true),
            None => Ok(()),
        }
    }

    /// Events that the file did not take.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// The file of the access lines. What still comes when there is none any more goes to stdout.
pub(super) struct AccessFile(pub(super) Arc<Opened>);

impl io::Write for AccessFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        match &*self.0.file.load() {
            Some(file) => (&file.file).write(lines),
            None => Stream::Out.write(lines),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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

/// Writes security events.
pub(super) struct AuditSink {
    pub(super) opened: Arc<Opened>,
    /// Takes what the file does not.
    pub(super) log: Arc<Queue>,
}

impl Sink for AuditSink {
    fn write(&mut self, lines: &[u8]) -> u64 {
        // One by one, so that it is known which of them the file has.
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let written = match &*self.opened.file.load() {
                Some(file) => file.append(line),
                None => {
                    self.log.append(line, Haste::Now);
                    Ok(())
                }
            };
            if written.is_err() {
                self.opened.failures.fetch_add(1, Ordering::Relaxed);
                self.log.append(line, Haste::Now);
            }
        }
        // The log counts what it has no room for.
        0
    }
}
