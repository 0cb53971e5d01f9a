use super::*;

/// A stream that does what the test says, call by call, and then takes everything.
#[derive(Default)]
struct Moody {
    moods: Vec<io::Result<usize>>,
    written: Vec<u8>,
    /// What each call has brought.
    calls: Vec<usize>,
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls.push(bytes.len());
        let takes = if self.moods.is_empty() {
            bytes.len()
        } else {
            self.moods.remove(0)?.min(bytes.len())
        };
        self.written.extend_from_slice(&bytes[..takes]);
        Ok(takes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fails(kind: io::ErrorKind) -> io::Result<usize> {
    Err(kind.into())
}

/// What a stream with these moods has after two batches, and how many lines each has lost.
fn written(moods: Vec<io::Result<usize>>) -> (String, [u64; 2]) {
    let mut log = LogStream::new(Moody {
        moods,
        ..Moody::default()
    });
    let lost = [log.write(b"one\ntwo\nthree\n"), log.write(b"four\nfive\n")];
    (String::from_utf8(log.stream.written).unwrap(), lost)
}

#[test]
fn a_stream_that_takes_a_little_at_a_time_gets_everything() {
    use io::ErrorKind::{Interrupted, WouldBlock};
    let moods = vec![
        Ok(1),
        fails(Interrupted),
        Ok(5),
        fails(WouldBlock),
        fails(WouldBlock),
    ];
    let all = "one\ntwo\nthree\nfour\nfive\n".to_owned();
    assert_eq!(written(moods), (all, [0, 0]));
}

#[test]
fn exactly_the_lines_are_lost_that_the_stream_does_not_have() {
    let full = || fails(io::ErrorKind::StorageFull);
    assert_eq!(
        written(vec![full()]),
        ("four\nfive\n".to_owned(), [3, 0]),
        "nothing was written"
    );
    assert_eq!(
        written(vec![Ok(4), full()]),
        ("one\nfour\nfive\n".to_owned(), [2, 0]),
        "a whole line was"
    );
    assert_eq!(
        written(vec![Ok(4), full(), full()]),
        ("one\n".to_owned(), [2, 2]),
        "it is still full"
    );
    assert_eq!(
        written(vec![Ok(0)]),
        ("four\nfive\n".to_owned(), [3, 0]),
        "it says that it takes nothing"
    );
}

#[test]
fn half_a_line_spoils_no_other() {
    let full = || fails(io::ErrorKind::StorageFull);
    assert_eq!(
        written(vec![Ok(6), full()]),
        ("one\ntw\nfour\nfive\n".to_owned(), [2, 0])
    );
    assert_eq!(
        written(vec![Ok(6), full(), full()]),
        ("one\ntw".to_owned(), [2, 2]),
        "not even the newline goes in"
    );
}

/// Two processes may share a pipe, and neither may tear the lines of the other.
#[test]
fn what_is_written_at_once_fits_into_a_pipe_and_is_whole_lines() {
    let mut log = LogStream::new(Moody::default());
    let line = |length: usize| [vec![b'x'; length - 1], vec![b'\n']].concat();
    let lines = [
        line(1_000),
        line(3_096),
        line(1),
        line(4_096),
        line(5_000),
        line(4_000),
        line(97),
    ]
    .concat();
    assert_eq!(log.write(&lines), 0);
    assert_eq!(log.stream.written, lines);
    assert_eq!(log.stream.calls, [4_096, 1, 4_096, 5_000, 4_000, 97]);
}
