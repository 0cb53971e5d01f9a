//! Lines in the journal of systemd: with their priority, and with their fields, by which `journalctl` finds them.
//!
//! The thread that writes the log hands them to the journal one by one, by its own protocol
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>). What is read is the same line as everywhere else.

use std::env;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use rustix::fs::{Stat, fstat};
use serde_json::{Map, Value};

use super::log_stream::{LogStream, Stream};
use super::queue::Sink;

/// Where the journal listens.
const SOCKET: &str = "/run/systemd/journal/socket";
/// In front of the name of each field. The journal has names of its own.
const PREFIX: &str = "SIDGATE_";
/// Longest name that the journal takes.
const NAME_MAX: usize = 64;

/// Writes lines to the journal.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    /// Takes what the journal does not. It leads there too, line by line as text.
    stream: LogStream<Stream>,
}

impl Journal {
    /// The journal, if that is where `stream` leads.
    pub(super) fn behind(stream: Stream) -> Option<Self> {
        if !is_behind(stream) {
            return None;
        }
        Self::at(Path::new(SOCKET), stream).ok()
    }

    fn at(socket: &Path, stream: Stream) -> io::Result<Self> {
        let own = UnixDatagram::unbound()?;
        own.connect(socket)?;
        Ok(Self {
            socket: own,
            stream: LogStream::new(stream),
        })
    }
}

impl Sink for Journal {
    fn write(&mut self, lines: &[u8]) -> u64 {
        let mut lost = 0;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            // One that is too long for a message, or a journal that is being restarted.
            if self.socket.send(&entry(line)).is_err() {
                lost += self.stream.write(line);
            }
        }
        lost
    }
}

/// Whether `stream` leads to the journal: systemd says which file that is, and it may have been exchanged since.
pub(crate) fn is_behind(stream: Stream) -> bool {
    let file = match stream {
        Stream::Out => fstat(io::stdout()),
        Stream::Err => fstat(io::stderr()),
    };
    let told = env::var("JOURNAL_STREAM");
    file.is_ok_and(|file| told.is_ok_and(|told| names(&told, &file)))
}

fn names(told: &str, file: &Stat) -> bool {
    told == format!("{}:{}", file.st_dev, file.st_ino)
}

/// A line of JSON as an entry of the journal.
fn entry(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let fields: Map<String, Value> = serde_json::from_slice(line).unwrap_or_default();
    let level = fields.get("level").and_then(Value::as_str);
    let mut entry = Vec::with_capacity(2 * line.len());
    add(&mut entry, "MESSAGE", line);
    add(&mut entry, "PRIORITY", priority(level).as_bytes());
    add(&mut entry, "SYSLOG_IDENTIFIER", b"sidgate");
    for (name, value) in &fields {
        match (name.as_str(), value) {
            // The journal has its own.
            ("timestamp" | "level", _) => {}
            (name, Value::String(text)) => add(&mut entry, &known_as(name), text.as_bytes()),
            (name, value) => add(&mut entry, &known_as(name), value.to_string().as_bytes()),
        }
    }
    entry
}

/// As syslog(3) counts.
fn priority(level: Option<&str>) -> &'static str {
    match level {
        Some("ERROR") => "3",
        Some("WARN") => "4",
        Some("DEBUG" | "TRACE") => "7",
        _ => "6",
    }
}

/// The journal takes capitals, digits and underscores.
fn known_as(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' => letter.to_ascii_uppercase(),
        _ => '_',
    });
    PREFIX.chars().chain(letters).take(NAME_MAX).collect()
}

fn add(entry: &mut Vec<u8>, name: &str, value: &[u8]) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains(&b'\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value);
    entry.push(b'\n');
}

#[cfg(test)]
mod tests;
