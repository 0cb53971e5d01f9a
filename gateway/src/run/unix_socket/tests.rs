use std::os::unix::net::UnixStream;

use tempfile::TempDir;

use super::*;

fn address(folder: &TempDir, mode: u32) -> UnixAddress {
    let path = folder.path().join("a.sock");
    UnixAddress { path, mode }
}

#[test]
fn a_socket_that_is_left_behind_is_replaced_and_one_in_use_is_not() {
    let folder = TempDir::new().unwrap();
    let at = address(&folder, 0o600);
    let first = bind(&at).unwrap();
    let mode = fs::metadata(&at.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let taken = bind(&at).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    assert!(UnixStream::connect(&at.path).is_ok(), "it still listens");
    drop(first);
    let wider = address(&folder, 0o666);
    let _second = bind(&wider).unwrap();
    let mode = fs::metadata(&at.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o666);
}

#[test]
fn other_files_are_left_alone() {
    let folder = TempDir::new().unwrap();
    let at = address(&folder, 0o600);
    fs::write(&at.path, "mine").unwrap();
    assert_eq!(bind(&at).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&at.path).unwrap(), b"mine");
    // A link is no socket, wherever it leads.
    let listening = UnixListener::bind(folder.path().join("other")).unwrap();
    fs::remove_file(&at.path).unwrap();
    std::os::unix::fs::symlink("other", &at.path).unwrap();
    assert_eq!(bind(&at).unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(listening);
}

#[test]
fn only_the_own_file_is_removed() {
    let folder = TempDir::new().unwrap();
    let at = address(&folder, 0o600);
    let first = bind(&at).unwrap();
    let file = SocketFile::at(&at.path).unwrap();
    // The new file must not get the number of the old one.
    fs::rename(&at.path, folder.path().join("moved")).unwrap();
    let other = UnixListener::bind(&at.path).unwrap();
    file.remove();
    assert!(at.path.exists(), "it is another one");
    drop((first, other));
    SocketFile::at(&at.path).unwrap().remove();
    assert!(!at.path.exists());
}
