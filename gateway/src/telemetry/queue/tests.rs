use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::*;

/// How long something may take that is expected to happen.
const LONG: Duration = Duration::from_secs(20);

/// So little that a test fills it.
const SMALL: Limits = Limits {
    room: 100,
    ..LIMITS
};

/// Lines that can wait do so for longer than a test.
const PATIENT: Limits = Limits {
    gather: Duration::from_secs(3_600),
    ..LIMITS
};

/// Long enough for a thread to do what it has to do, where nothing goes wrong if it is not.
const MOMENT: Duration = Duration::from_millis(50);

/// A sink that says what it gets, and takes it when the test lets it.
struct Slow {
    got: Sender<String>,
    may: Receiver<()>,
}

impl Sink for Slow {
    fn write(&mut self, lines: &[u8]) -> u64 {
        self.got
            .send(String::from_utf8(lines.to_vec()).unwrap())
            .unwrap();
        // The test lets everything through at its end.
        let _end = self.may.recv();
        0
    }
}

/// A queue whose sink is slow.
struct Setting {
    queue: Arc<Queue>,
    writer: Writer,
    got: Receiver<String>,
    may: SyncSender<()>,
}

impl Setting {
    fn new(limits: Limits) -> Self {
        let (says, got) = channel();
        let (may, waits) = sync_channel(0);
        let sink = Slow {
            got: says,
            may: waits,
        };
        let (queue, writer) = Queue::start("test", limits, sink).unwrap();
        Self {
            queue,
            writer,
            got,
            may,
        }
    }

    /// What the sink has got, which is writing it now.
    fn batch(&self) -> String {
        self.got.recv_timeout(LONG).unwrap()
    }

    /// Lets the sink take everything. What it still gets.
    fn end(self) -> String {
        drop(self.may);
        self.writer.finish();
        self.got.try_iter().collect()
    }
}

#[test]
fn what_gathers_while_the_sink_is_busy_goes_out_in_one_piece_and_in_order() {
    let it = Setting::new(LIMITS);
    it.queue.append(b"first\n", Haste::Now);
    assert_eq!(it.batch(), "first\n");
    for number in 0..1_000 {
        let haste = [Haste::Soon, Haste::Now][number % 2];
        it.queue.append(format!("{number}\n").as_bytes(), haste);
    }
    it.may.send(()).unwrap();
    let expected: String = (0..1_000).map(|number| format!("{number}\n")).collect();
    assert_eq!(it.batch(), expected);
    assert_eq!(it.end(), "");
}

#[test]
fn lines_for_which_there_is_no_room_are_counted_one_by_one() {
    let it = Setting::new(SMALL);
    it.queue.append(b"first\n", Haste::Now);
    it.batch();
    // The sink holds the first line, and ten of these have room.
    for _ in 0..37 {
        it.queue.append(b"123456789\n", Haste::Soon);
    }
    assert_eq!(it.queue.lost(), 27);
    let queue = Arc::clone(&it.queue);
    assert_eq!(it.end(), "123456789\n".repeat(10));
    assert_eq!(queue.lost(), 27);
    queue.append(b"late\n", Haste::Now);
    assert_eq!(queue.lost(), 28, "nobody writes it any more");
}

#[test]
fn a_line_that_is_longer_than_the_room_is_lost_and_no_other() {
    let it = Setting::new(SMALL);
    it.queue.append(&[b'x'; 101], Haste::Now);
    it.queue.append(b"next\n", Haste::Now);
    assert_eq!(it.queue.lost(), 1);
    assert_eq!(it.batch(), "next\n");
    assert_eq!(it.end(), "");
}

#[test]
fn the_end_waits_for_no_more_lines_and_writes_those_that_wait() {
    let it = Setting::new(PATIENT);
    it.queue.append(b"soon\n", Haste::Soon);
    assert_eq!(it.end(), "soon\n");
}

#[test]
fn a_line_that_cannot_wait_takes_those_along_that_can() {
    let it = Setting::new(PATIENT);
    it.queue.append(b"can wait\n", Haste::Soon);
    // The writer gathers by now.
    thread::sleep(MOMENT);
    it.queue.append(b"cannot\n", Haste::Now);
    assert_eq!(it.batch(), "can wait\ncannot\n");
    it.may.send(()).unwrap();
    it.queue.append(b"can wait again\n", Haste::Soon);
    assert!(it.got.recv_timeout(MOMENT).is_err(), "it does not wait");
    assert_eq!(it.end(), "can wait again\n");
}

#[test]
fn enough_lines_for_a_write_do_not_wait_for_more() {
    let it = Setting::new(PATIENT);
    it.queue.append(b"can wait\n", Haste::Soon);
    thread::sleep(MOMENT);
    it.queue.append(&[b'x'; ENOUGH], Haste::Soon);
    assert_eq!(it.batch().len(), ENOUGH + 9);
    assert_eq!(it.end(), "");
}

#[test]
fn no_line_waits_until_another_comes() {
    let it = Setting::new(LIMITS);
    for haste in [Haste::Soon, Haste::Now, Haste::Soon, Haste::Soon] {
        it.queue.append(b"x\n", haste);
        assert_eq!(it.batch(), "x\n");
        it.may.send(()).unwrap();
    }
    assert_eq!(it.end(), "");
}

#[test]
fn lost_lines_of_the_sink_are_counted_with_those_of_the_queue() {
    struct Broken;
    impl Sink for Broken {
        fn write(&mut self, _lines: &[u8]) -> u64 {
            7
        }
    }
    let (queue, writer) = Queue::start("test", LIMITS, Broken).unwrap();
    queue.append(b"x\n", Haste::Now);
    writer.finish();
    assert_eq!(queue.lost(), 7);
}

#[test]
fn many_threads_append_whole_lines() {
    let it = Setting::new(LIMITS);
    thread::scope(|scope| {
        for thread in 0..4 {
            let queue = &it.queue;
            scope.spawn(move || {
                for number in 0..500 {
                    queue.append(format!("{thread} {number}\n").as_bytes(), Haste::Soon);
                }
            });
        }
    });
    let all = it.end();
    for thread in 0..4 {
        let own = all
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{thread} ")));
        let expected: Vec<_> = (0..500).map(|number| number.to_string()).collect();
        assert_eq!(own.collect::<Vec<_>>(), expected, "in its order");
    }
}
