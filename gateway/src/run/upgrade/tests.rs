use std::fs::{self, Permissions};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixDatagram;

use tempfile::TempDir;

use super::*;

fn place() -> (TempDir, MeetingPlace) {
    let parent = TempDir::new().unwrap();
    let place = MeetingPlace(parent.path().to_owned());
    (parent, place)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

#[test]
fn sockets_change_hands_and_the_old_process_hears_of_it() {
    let (_parent, place) = place();
    let (first, second) = (listener(), listener());
    let wanted = [first.local_addr().unwrap(), second.local_addr().unwrap()];
    let waiting = place.wait().unwrap();
    let old = thread::spawn(move || place.hand_over(&[first.as_fd(), second.as_fd()]));

    let (sockets, taken) = waiting.receive().unwrap();
    let _line = taken.say();

    assert!(old.join().unwrap().is_ok());
    let places = sockets.iter().map(Socket::place);
    assert_eq!(places.collect::<Vec<_>>(), wanted.map(|at| at.to_string()));
    assert!(TcpStream::connect(wanted[0]).is_ok(), "still listened on");
}

#[test]
fn old_process_is_not_let_go_by_one_that_takes_nothing() {
    let (_parent, place) = place();
    let own = listener();
    for dies in ["before it says a word", "in its first steps"] {
        let waiting = place.wait().unwrap();
        let handed = thread::scope(|scope| {
            let old = scope.spawn(|| place.hand_over(&[own.as_fd()]));
            let (_sockets, line) = waiting.receive().unwrap();
            let said = (dies == "in its first steps")
                .then_some(line)
                .map(Taken::say);
            drop(said);
            old.join().unwrap()
        });
        assert!(matches!(handed, Err(UpgradeFailed::NotTaken(_))), "{dies}");
    }
}

/// Whatever is handed over in place of a listening TCP socket is refused as a whole.
#[test]
fn only_listening_tcp_sockets_are_taken() {
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
        let (_parent, place) = place();
        let waiting = place.wait().unwrap();
        let received = thread::scope(|scope| {
            let old = scope.spawn(|| place.hand_over(sockets));
            let received = waiting.receive();
            assert!(old.join().unwrap().is_err(), "{sockets:?}");
            received
        });
        assert!(
            matches!(received, Err(UpgradeFailed::NotListening(_))),
            "{sockets:?}: {received:?}"
        );
    }
}

#[test]
fn folder_is_made_for_its_owner_alone() {
    let (parent, place) = place();
    let _waiting = place.wait().unwrap();
    let made = fs::metadata(parent.path().join(folder::NAME)).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o700);
}

/// Each of these is refused by the new process and by the old one.
#[test]
fn folder_in_which_others_could_come_between_is_refused() {
    type Prepare = fn(&Path);
    let prepared: [(&str, Prepare); 5] = [
        ("open to others", |parent| {
            let folder = parent.join(folder::NAME);
            fs::create_dir(&folder).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        }),
        ("is not a folder, or a link to one", |parent| {
            let own = parent.join("own");
            fs::create_dir(&own).unwrap();
            symlink(&own, parent.join(folder::NAME)).unwrap();
        }),
        ("is not a folder, or a link to one", |parent| {
            fs::write(parent.join(folder::NAME), "").unwrap();
        }),
        ("can be written to by others", |parent| {
            fs::set_permissions(parent, Permissions::from_mode(0o777)).unwrap();
        }),
        ("can be written to by others", |parent| {
            fs::set_permissions(parent, Permissions::from_mode(0o1777)).unwrap();
        }),
    ];
    for (why, prepare) in prepared {
        let (parent, place) = place();
        prepare(parent.path());
        let own = listener();
        let refused = [place.wait().map(drop), place.hand_over(&[own.as_fd()])];
        for refused in refused {
            let said = refused.unwrap_err();
            assert!(matches!(said, UpgradeFailed::Folder(_)), "{said}");
            assert!(said.to_string().contains(why), "{said}");
        }
    }
}

#[test]
fn folder_of_somebody_else_is_refused() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can give folders away");
        return;
    }
    let (parent, place) = place();
    let own = parent.path().join(folder::NAME);
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, Permissions::from_mode(0o700)).unwrap();
    chown(&own, Some(65_534), None).unwrap();
    let said = place.wait().unwrap_err().to_string();
    assert!(said.contains("belongs to user 65534"), "{said}");

    let (parent, place) = self::place();
    chown(parent.path(), Some(65_534), None).unwrap();
    let said = place.wait().unwrap_err().to_string();
    assert!(said.contains("belongs to user 65534"), "{said}");
}
