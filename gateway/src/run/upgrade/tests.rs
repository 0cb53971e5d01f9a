use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;

use super::line::Line;
use super::*;
use crate::run::sockets::Inherited;

const LONG: Duration = Duration::from_secs(20);

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// A shell in the place of the new process. Its own `printf` would write line by line, and each write is a message.
fn start(script: &str, limit: Duration) -> Result<Successor, UpgradeFailed> {
    let program = Program::other(Path::new("/bin/bash"), &["-c", script], limit);
    Successor::start(&program, &[(listener().as_fd(), false)])
}

/// What a new process makes of these sockets.
fn given(sockets: &[(BorrowedFd<'_>, bool)]) -> Result<Vec<Inherited>, UpgradeFailed> {
    let (old, new) = Line::pair().unwrap();
    let letters = sockets
        .iter()
        .map(|(_, is_kept)| if *is_kept { KEPT } else { OWN });
    let message: Vec<u8> = SOCKETS.iter().copied().chain(letters).collect();
    let sockets: Vec<_> = sockets.iter().map(|(socket, _)| *socket).collect();
    old.say(&message, &sockets).unwrap();
    Predecessor::over(Line::over(new).unwrap()).sockets()
}

#[test]
fn sockets_change_hands() {
    let (first, second) = (listener(), listener());
    let wanted = [first.local_addr().unwrap(), second.local_addr().unwrap()];

    let taken = given(&[(first.as_fd(), false), (second.as_fd(), true)]).unwrap();
    drop((first, second));

    let places = taken.iter().map(|one| one.socket.place());
    assert_eq!(places.collect::<Vec<_>>(), wanted.map(|at| at.to_string()));
    assert_eq!([taken[0].is_kept, taken[1].is_kept], [false, true]);
    assert!(TcpStream::connect(wanted[0]).is_ok(), "still listened on");
}

/// Whatever is handed over in place of a listening socket is refused as a whole.
#[test]
fn only_listening_sockets_are_taken() {
    let good = listener();
    let connected = TcpStream::connect(good.local_addr().unwrap()).unwrap();
    let (unix, _other) = UnixDatagram::pair().unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let file = fs::File::open("/dev/null").unwrap();
    let bad: [&[BorrowedFd<'_>]; 5] = [
        &[],
        &[good.as_fd(), connected.as_fd()],
        &[unix.as_fd()],
        &[udp.as_fd()],
        &[file.as_fd(), good.as_fd()],
    ];
    for sockets in bad {
        let sockets: Vec<_> = sockets.iter().map(|socket| (*socket, false)).collect();
        let refused = given(&sockets);
        assert!(
            matches!(refused, Err(UpgradeFailed::NotListening)),
            "{sockets:?}: {refused:?}"
        );
    }
}

/// One that speaks of something else, or of sockets that it has not sent, is of another version.
#[test]
fn other_protocols_are_refused() {
    let socket = listener();
    for message in [
        &b"sidgate sockets 1\n"[..],
        b"sidgate sockets 2\n",
        b"sidgate sockets 2\nx",
        b"sidgate sockets 2\noo",
    ] {
        let (old, new) = Line::pair().unwrap();
        old.say(message, &[socket.as_fd()]).unwrap();
        let refused = Predecessor::over(Line::over(new).unwrap()).sockets();
        assert!(
            matches!(refused, Err(UpgradeFailed::OtherWords)),
            "{refused:?}"
        );
    }
}

#[test]
fn new_process_that_the_old_one_leaves_is_not_the_one() {
    let (old, new) = Line::pair().unwrap();
    let new = Predecessor::over(Line::over(new).unwrap());
    drop(old);
    assert!(matches!(new.wait_for_go(), Err(UpgradeFailed::Forsaken)));
}

/// Each way not to serve is told as what it is, and leaves no process behind.
#[test]
fn new_process_that_does_not_serve() {
    let said = |script: &str, limit| start(script, limit).unwrap_err().to_string();
    assert!(said("exit 3", LONG).contains("exit status: 3"));
    assert_eq!(
        said("env printf 'failed\nno good' >&0", LONG),
        "the new process: no good"
    );
    assert!(said("env printf 'hello' >&0; sleep 100", LONG).contains("of another version"));
    assert!(said("env printf 'taken\n1.0' >&0; exit 5", LONG).contains("exit status: 5"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("echo $$ > {}; exec sleep 100", file.display());
    let late = said(&script, Duration::from_secs(1));
    assert!(late.contains("not there within 1s"), "{late}");
    let pid = fs::read_to_string(file).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists());
    let program = Program::other(Path::new("/nonexistent/sidgate"), &[], LONG);
    let missing = Successor::start(&program, &[]).unwrap_err().to_string();
    assert!(
        missing.starts_with("/nonexistent/sidgate cannot be started"),
        "{missing}"
    );
}

#[test]
fn new_process_that_serves_is_told_so_and_outlives_the_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heard");
    // The first message is that of the sockets.
    let script = format!(
        "env printf 'taken\n1.0 (abc)' >&0; head -c 1 >/dev/null; head -c 3 > {0}.new; mv {0}.new {0}; exec sleep 20",
        file.display()
    );
    let successor = start(&script, LONG).unwrap();
    assert_eq!(successor.version(), "1.0 (abc)");
    let pid = successor.pid();

    successor.confirm().unwrap();

    let heard = || fs::read_to_string(&file).ok();
    sidgate_testkit::wait::until("the word", LONG, &heard);
    assert_eq!(heard().unwrap(), "go\n");
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    sidgate_testkit::wait::until_true("nothing of it to be left", LONG, || {
        rustix::process::test_kill_process(pid).is_err()
    });
}

#[test]
fn new_process_that_ends_after_its_first_steps_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("end");
    let script = format!(
        "env printf 'taken\n1.0' >&0; until [ -e {} ]; do sleep 0.05; done; exit 4",
        file.display()
    );
    let mut successor = start(&script, LONG).unwrap();
    successor.still_serves().unwrap();

    fs::write(file, "").unwrap();

    let mut ended = None;
    sidgate_testkit::wait::until_true("its end", LONG, || {
        ended = successor.still_serves().err();
        ended.is_some()
    });
    let ended = ended.unwrap().to_string();
    assert!(ended.contains("exit status: 4"), "{ended}");
}
