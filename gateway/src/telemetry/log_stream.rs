//! Writes lines to stdout or stderr, and knows which of them it could not write.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use super::queue::Sink;

/// What a pipe takes as a whole: `PIPE_BUF` of Linux. Another process that writes to the same pipe, such as the one that takes
/// this one's place, puts nothing in between.
const WHOLE: usize = 4_096;
/// How long a stream that is full and does not block is left alone.
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Where the log goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// stdout
    Out,
    /// stderr
    Err,
}

/// The stream itself. The standard library's would keep a part of what it is given, and nobody could say what was written.
impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match self {
            Self::Out => rustix::io::write(io::stdout(), bytes),
            Self::Err => rustix::io::write(io::stderr(), bytes),
        };
        Ok(written?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes lines to a stream.
#[derive(Debug)]
pub(super) struct LogStream<W> {
    stream: W,
    /// Whether the stream ends in a part of a line.
    is_torn: bool,
}

impl<W: Write> LogStream<W> {
    pub(super) const fn new(stream: W) -> Self {
        Self {
            stream,
            is_torn: false,
        }
    }

    /// Returns what could not be written.
    fn write_most<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while !bytes.is_empty() {
            match self.stream.write(piece(bytes)) {
                Ok(0) => break,
                Ok(written) => {
                    let (done, rest) = bytes.split_at(written.min(bytes.len()));
                    self.is_torn = !done.ends_with(b"\n");
                    bytes = rest;
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => thread::sleep(FULL_PAUSE),
                    _ => break,
                },
            }
        }
        bytes
    }
}

impl<W: Write + Send + 'static> Sink for LogStream<W> {
    fn write(&mut self, lines: &[u8]) -> u64 {
        // Half a line of before may not spoil the next one.
        let is_whole = !self.is_torn || self.write_most(b"\n").is_empty();
        let left = if is_whole {
            self.write_most(lines)
        } else {
            lines
        };
        count(left)
    }
}

/// As many of these lines as a pipe takes as a whole; one that is longer by itself.
fn piece(lines: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| *byte == b'\n';
    let whole = lines.get(..WHOLE).unwrap_or(lines);
    let last = whole.iter().rposition(is_end);
    let last = last.or_else(|| lines.iter().position(is_end));
    last.and_then(|last| lines.get(..=last)).unwrap_or(lines)
}

/// How many lines end in these bytes. A line of JSON has a newline at its end and nowhere else.
fn count(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count();
    u64::try_from(ends).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
